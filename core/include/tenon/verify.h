// SPDX-License-Identifier: Apache-2.0
//
// verify: what the shadow checker has found. It is asked for by TENON_VERIFY (or tn_init's
// .verify): a sample of the calls that a kernel served is run again with another backend's kernel
// on the cpu, and the results are compared.
//
//   TENON_VERIFY=cpu                     every call, with cpu's kernels
//   TENON_VERIFY=cpu,sample=0.01         one in a hundred, and each operator's first
//   TENON_VERIFY=cpu,ops=conv*,ops=mm    only these operators (globs)
//   TENON_VERIFY=cpu,rtol=1e-3           instead of the tolerances by dtype
//   TENON_VERIFY=cpu,dir=/abs            where what differs is saved (tenon-verify-<process id>)
//   TENON_VERIFY=cpu,fatal               a call that differs fails
//
// The first difference of each operator is saved: a text, and operands and both results as .npy.

#ifndef TENON_VERIFY_H_
#define TENON_VERIFY_H_

#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// Since the process began. Grows only at its end; set struct_size.
typedef struct tn_verify_counts {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t checked;    // calls that were run again and compared
  uint64_t differing;  // of them
  uint64_t skipped;    // sampled, but the other backend has no kernel, or memory was out
} tn_verify_counts;

// All 0 where nothing is to be verified.
// errors: INVALID_ARGUMENT (struct_size 0) | threads: any
TN_API tn_status tn_verify_count(tn_verify_counts *counts);

// The same as a text for people, with the first difference of each operator; "" where nothing is to
// be verified. It is also printed on standard error when the library is done.
// owns: the text, released with free() | errors: OUT_OF_MEMORY | threads: any
TN_API char *tn_verify_report(void);

#ifdef __cplusplus
}
#endif

#endif  // TENON_VERIFY_H_
