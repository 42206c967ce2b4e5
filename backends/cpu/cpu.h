// SPDX-License-Identifier: Apache-2.0
//
// cpu: what the files of this backend share: the host they were handed, the loop that spreads work
// over the process's threads, and small facts about views and scalars. A kernel file includes this,
// exports one table of rows (see families.def) and touches nothing of the core. <tenon/op_args.h>,
// which changes with every operator, is included by the files that register rows, not here: the
// loops that take long to compile do not depend on it.
//
// Kernels here are synchronous and, unless a row says otherwise, give the same bits at any thread
// count: where work is split, the split depends on shapes alone.

#ifndef TENON_CPU_CPU_H_
#define TENON_CPU_CPU_H_

#include <string.h>
#include <tenon/half.h>
#include <tenon/plugin.h>

// Set once, by init, before any kernel runs.
extern const tn_host_api *cpu_host;

// ---- work

// The least number of simple element operations that is worth a second thread.
enum { CPU_GRAIN = 32768 };

// Runs body(closure, begin, end) on pieces of [0, count), |grain| or more each, on the process's
// threads. |grain| is in units of what is counted: CPU_GRAIN / (element operations a unit), see
// cpu_grain.
static inline void cpu_parallel_for(int64_t count, int64_t grain, tn_range_body body,
                                    void *closure) {
  if (count <= grain) {
    if (count > 0) body(closure, 0, count);
    return;
  }
  cpu_host->parallel_for(0, count, grain, body, closure);
}

// The grain for units of |operations| element operations each.
static inline int64_t cpu_grain(int64_t operations) {
  return operations >= CPU_GRAIN ? 1 : CPU_GRAIN / (operations > 0 ? operations : 1);
}

// The threads of this backend, offered to the host (workers.c).
extern const tn_workers cpu_workers;
void cpu_workers_start(const tn_host_api *host);

// ---- the instruction set, chosen once by init (isa.c)

// The variants that *.simd.c files are compiled to; their symbols end in these names. X(isa)
#if defined(__x86_64__) && defined(__LP64__)
#define CPU_ISA_TABLE(X) X(baseline) X(avx2) X(avx512)
#else
#define CPU_ISA_TABLE(X) X(baseline)
#endif

typedef enum cpu_isa {
#define X(isa) CPU_ISA_##isa,
  CPU_ISA_TABLE(X)
#undef X
      CPU_ISA_COUNT
} cpu_isa;

// The best that this machine has; the option TENON_CPU_ISA=baseline|avx2|avx512 lowers it.
cpu_isa cpu_isa_choose(const tn_host_api *host);

// Size of the last-level cache; results larger than this are written past it.
int64_t cpu_last_level_cache_bytes(void);

// ---- views

static inline bool cpu_view_given(const tn_view *view) { return !(view->flags & TN_VIEW_ABSENT); }

static inline bool cpu_view_contiguous(const tn_view *view) {
  return (view->flags & TN_VIEW_CONTIGUOUS) != 0;
}

// ---- scalars

// A number in the type that kernels compute |dtype| in: halves as f32, bool and every other
// integer as themselves.
typedef union cpu_value {
  uint8_t boolean;
  uint8_t u8;
  int8_t i8;
  uint16_t u16;
  int16_t i16;
  uint32_t u32;
  int32_t i32;
  uint64_t u64;
  int64_t i64;
  float f32;
  double f64;
  tn_complex64 c64;
  tn_complex128 c128;
} cpu_value;

// |scalar| as a double / an integer. An absent scalar is 0; a complex one is its real part.
double cpu_scalar_f64(tn_scalar scalar);
int64_t cpu_scalar_i64(tn_scalar scalar);
tn_complex128 cpu_scalar_c128(tn_scalar scalar);

// |scalar| in the type that kernels compute |dtype| in.
cpu_value cpu_scalar_value(tn_scalar scalar, tn_dtype dtype);

// Whether |scalar| is exactly 1, of any kind.
static inline bool cpu_scalar_is_one(tn_scalar scalar) {
  if (scalar.kind == TN_SCALAR_INT || scalar.kind == TN_SCALAR_BOOL) return scalar.as.i == 1;
  if (scalar.kind == TN_SCALAR_FLOAT) return scalar.as.f == 1.0;
  return scalar.kind == TN_SCALAR_COMPLEX && scalar.as.c.real == 1.0 && scalar.as.c.imag == 0.0;
}

// A double as an integer, defined for every input: cut off towards zero; what lies outside of
// int64 gives its nearest end, NaN gives 0. Narrower integers keep the low bits of that, so -1.0 is
// 255 as u8, as on x86.
static inline int64_t cpu_f64_to_i64(double value) {
  if (value != value) return 0;
  if (value >= 0x1p63) return INT64_MAX;
  if (value < -0x1p63) return INT64_MIN;
  return (int64_t)value;
}

static inline uint64_t cpu_f64_to_u64(double value) {
  if (!(value >= 0x1p63)) return (uint64_t)cpu_f64_to_i64(value);
  return value >= 0x1p64 ? UINT64_MAX : (uint64_t)value;
}

// ---- kernels

typedef struct cpu_family {
  const tn_kernel_row *rows;
  const uint64_t *row_count;
} cpu_family;

// Called once by init, before rows are registered, with the chosen instruction set.
#define X(name) void cpu_##name##_start(cpu_isa isa);
#include "starts.def"
#undef X

#endif  // TENON_CPU_CPU_H_
