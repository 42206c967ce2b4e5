// SPDX-License-Identifier: Apache-2.0
//
// ranges: arange, linspace and eye. Element i is computed from i alone: integers exactly,
// everything else in double and rounded once. Both halves of a linspace start from their own end,
// so that both ends are exact.

#include <tenon/op_args.h>

#include "contiguous.h"

enum { CHUNK = 256 };  // elements computed before they are stored

typedef struct range_job {
  tn_dtype dtype;
  char *result;
  bool integer;
  int64_t first, stride;  // integer
  double start, end, step;
  tn_complex128 complex_start, complex_end, complex_step;
  int64_t count;  // elements in all
} range_job;

static void store_integers(const range_job *job, int64_t at, int64_t count) {
  int64_t values[CHUNK];
  for (int64_t i = 0; i < count; i++) {
    values[i] = (int64_t)((uint64_t)job->first + (uint64_t)job->stride * (uint64_t)(at + i));
  }
  cpu_store_i64(job->dtype, job->result, at, values, count);
}

static void arange_elements(void *closure, int64_t begin, int64_t end) {
  const range_job *job = closure;
  for (int64_t at = begin; at < end; at += CHUNK) {
    const int64_t count = end - at < CHUNK ? end - at : CHUNK;
    if (job->integer) {
      store_integers(job, at, count);
      continue;
    }
    double values[CHUNK];
    for (int64_t i = 0; i < count; i++) values[i] = job->start + job->step * (double)(at + i);
    cpu_store_f64(job->dtype, job->result, at, values, count);
  }
}

static tn_status run_arange(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const tn_arange_start_step_attrs *attrs = args->attrs;
  const tn_view *result = &args->views[TN_ARG_arange_start_step_result];
  range_job job = {.dtype = result->dtype, .result = result->data};
  job.integer = tn_dtype_is_integer(result->dtype);
  job.first = cpu_scalar_i64(attrs->start);
  job.stride = attrs->step.kind == TN_SCALAR_NONE ? 1 : cpu_scalar_i64(attrs->step);
  job.start = cpu_scalar_f64(attrs->start);
  job.step = attrs->step.kind == TN_SCALAR_NONE ? 1 : cpu_scalar_f64(attrs->step);
  cpu_parallel_for(result->numel, CPU_GRAIN, arange_elements, &job);
  return TN_OK;
}

// ---- linspace ----------------------------------------------------------------------------------

static void linspace_elements(void *closure, int64_t begin, int64_t end) {
  const range_job *job = closure;
  const int64_t half = job->count / 2;
  for (int64_t at = begin; at < end; at += CHUNK) {
    const int64_t count = end - at < CHUNK ? end - at : CHUNK;
    double values[CHUNK];
    for (int64_t i = 0; i < count; i++) {
      const int64_t index = at + i;
      values[i] = index < half ? job->start + job->step * (double)index
                               : job->end - job->step * (double)(job->count - 1 - index);
    }
    cpu_store_f64(job->dtype, job->result, at, values, count);
  }
}

static tn_complex128 complex_element(const range_job *job, int64_t index) {
  const bool low = index < job->count / 2;
  const tn_complex128 base = low ? job->complex_start : job->complex_end;
  const double steps = low ? (double)index : -(double)(job->count - 1 - index);
  const tn_complex128 value = {base.real + job->complex_step.real * steps,
                               base.imag + job->complex_step.imag * steps};
  return value;
}

static void complex_linspace_elements(void *closure, int64_t begin, int64_t end) {
  const range_job *job = closure;
  for (int64_t i = begin; i < end; i++) {
    const tn_complex128 value = complex_element(job, i);
    if (job->dtype == TN_C128) {
      ((tn_complex128 *)job->result)[i] = value;
    } else {
      ((tn_complex64 *)job->result)[i] = (tn_complex64){(float)value.real, (float)value.imag};
    }
  }
}

static tn_status run_linspace(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const tn_linspace_attrs *attrs = args->attrs;
  const tn_view *result = &args->views[TN_ARG_linspace_result];
  range_job job = {.dtype = result->dtype, .result = result->data, .count = result->numel};
  job.complex_start = cpu_scalar_c128(attrs->start);
  // A single element is the start, which the upper half would take from the end.
  job.complex_end = job.count == 1 ? job.complex_start : cpu_scalar_c128(attrs->end);
  if (job.count > 1) {
    const double steps = (double)(job.count - 1);
    job.complex_step.real = (job.complex_end.real - job.complex_start.real) / steps;
    job.complex_step.imag = (job.complex_end.imag - job.complex_start.imag) / steps;
  }
  job.start = job.complex_start.real;
  job.end = job.complex_end.real;
  job.step = job.complex_step.real;
  const bool is_complex = tn_dtype_is_complex(result->dtype);
  cpu_parallel_for(result->numel, CPU_GRAIN,
                   is_complex ? complex_linspace_elements : linspace_elements, &job);
  return TN_OK;
}

// ---- eye ---------------------------------------------------------------------------------------

typedef struct eye_job {
  char *result;
  tn_dtype dtype;
  int64_t cols;
} eye_job;

static void eye_rows(void *closure, int64_t begin, int64_t end) {
  const eye_job *job = closure;
  const int64_t row_bytes = job->cols * tn_dtype_size(job->dtype);
  memset(job->result + begin * row_bytes, 0, (size_t)((end - begin) * row_bytes));
  const int64_t one = 1;
  for (int64_t i = begin; i < end && i < job->cols; i++) {
    cpu_store_i64(job->dtype, job->result, i * job->cols + i, &one, 1);
  }
}

static tn_status run_eye(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const tn_view *result = &args->views[TN_ARG_eye_m_result];
  if (result->numel == 0) return TN_OK;
  eye_job job = {result->data, result->dtype, result->sizes[1]};
  cpu_parallel_for(result->sizes[0], cpu_grain(job.cols), eye_rows, &job);
  return TN_OK;
}

#define RANGE_DTYPES (TN_DTYPES_INTEGER | TN_DTYPES_FLOATING)

const tn_kernel_row cpu_ranges_rows[] = {
    {.op = "arange.start_step",
     .dtypes = RANGE_DTYPES,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_arange_start_step_attrs),
     .run = run_arange},
    {.op = "linspace",
     .dtypes = RANGE_DTYPES | TN_DTYPES_COMPLEX,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_linspace_attrs),
     .run = run_linspace},
    {.op = "eye.m",
     .dtypes = TN_DTYPES_ALL,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_eye_m_attrs),
     .run = run_eye},
};
const uint64_t cpu_ranges_row_count = sizeof cpu_ranges_rows / sizeof cpu_ranges_rows[0];
