// SPDX-License-Identifier: Apache-2.0
//
// contiguous: what kernels do to contiguous memory as a whole: copy it on all threads, and store
// computed numbers as elements of any dtype.

#ifndef TENON_CPU_CONTIGUOUS_H_
#define TENON_CPU_CONTIGUOUS_H_

#include "cpu.h"

// The dtypes and the suffixes that every_dtype.inc.h gives their functions. X(NAME, suffix)
#define CPU_EVERY_DTYPE(X) \
  X(BOOL, bool)            \
  X(U8, u8)                \
  X(I8, i8)                \
  X(U16, u16)              \
  X(I16, i16)              \
  X(U32, u32)              \
  X(I32, i32)              \
  X(U64, u64)              \
  X(I64, i64) X(F16, f16) X(BF16, bf16) X(F32, f32) X(F64, f64) X(C64, c64) X(C128, c128)

// Copies |bytes|; nothing where |to| is |from|.
void cpu_copy_bytes(void *to, const void *from, int64_t bytes);

// to[at + i] = values[i] in |dtype|, for i < count. Integers keep the low bits of the value cut off
// towards zero, bool is "not zero", complex numbers get an imaginary part of 0.
void cpu_store_f64(tn_dtype dtype, void *to, int64_t at, const double *values, int64_t count);
void cpu_store_i64(tn_dtype dtype, void *to, int64_t at, const int64_t *values, int64_t count);

// Sizes of a view as seen along dimension |dim|: [outer, length, inner]. A 0-dim view is [1, 1, 1].
typedef struct cpu_along {
  int64_t outer, length, inner;
} cpu_along;

static inline cpu_along cpu_view_along(const tn_view *view, int64_t dim) {
  cpu_along along = {1, 1, 1};
  for (int64_t d = 0; d < view->rank; d++) {
    if (d < dim) along.outer *= view->sizes[d];
    if (d == dim) along.length = view->sizes[d];
    if (d > dim) along.inner *= view->sizes[d];
  }
  return along;
}

#endif  // TENON_CPU_CONTIGUOUS_H_
