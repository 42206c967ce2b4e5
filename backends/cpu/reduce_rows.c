// SPDX-License-Identifier: Apache-2.0
//
// reduce_rows: the kernels of reductions: which fold, and how accumulators become results. Sums and
// products of a complex type would be those of its parts; sums and means are done so here: a
// complex operand is a real one with one more kept dimension of two.

#include <math.h>
#include <tenon/op_args.h>

#include "reduce.h"

// ---- storing

static void store_real(char *to, tn_dtype dtype, double value) {
  switch (dtype) {
    case TN_F16:
      *(uint16_t *)to = tn_f64_to_f16(value);
      break;
    case TN_BF16:
      *(uint16_t *)to = tn_f64_to_bf16(value);
      break;
    case TN_F32:
    case TN_C64:
      *(float *)to = (float)value;
      break;
    default:
      *(double *)to = value;
      break;
  }
}

static void store_integer(char *to, tn_dtype dtype, uint64_t value) {
  switch (tn_dtype_size(dtype)) {
    case 1:
      *(uint8_t *)to = dtype == TN_BOOL ? value != 0 : (uint8_t)value;
      break;
    case 2:
      *(uint16_t *)to = (uint16_t)value;
      break;
    case 4:
      *(uint32_t *)to = (uint32_t)value;
      break;
    default:
      *(uint64_t *)to = value;
      break;
  }
}

// A value in the type that |dtype| computes in.
static void store_value(char *to, tn_dtype dtype, const void *value) {
  switch (dtype) {
    case TN_F16:
      *(uint16_t *)to = tn_f32_to_f16(*(const float *)value);
      break;
    case TN_BF16:
      *(uint16_t *)to = tn_f32_to_bf16(*(const float *)value);
      break;
    default:
      memcpy(to, value, (size_t)tn_dtype_size(dtype));
      break;
  }
}

static void store_sums(const cpu_reduction *reduction, char *const *out, const int64_t *strides,
                       const void *accumulators, int64_t kept) {
  const cpu_sum *sums = accumulators;
  const double divisor = reduction->mean ? (double)reduction->count : 1.0;
  for (int64_t k = 0; k < kept; k++) {
    // What was lost from an infinite sum is not a number.
    const double sum = isfinite(sums[k].sum) ? sums[k].sum + sums[k].lost : sums[k].sum;
    store_real(out[0] + k * strides[0], reduction->result, sum / divisor);
  }
}

static void store_reals(const cpu_reduction *reduction, char *const *out, const int64_t *strides,
                        const void *accumulators, int64_t kept) {
  const double *values = accumulators;
  for (int64_t k = 0; k < kept; k++) {
    store_real(out[0] + k * strides[0], reduction->result, values[k]);
  }
}

static void store_integers(const cpu_reduction *reduction, char *const *out, const int64_t *strides,
                           const void *accumulators, int64_t kept) {
  const uint64_t *values = accumulators;
  for (int64_t k = 0; k < kept; k++) {
    store_integer(out[0] + k * strides[0], reduction->result, values[k]);
  }
}

static void store_truths(const cpu_reduction *reduction, char *const *out, const int64_t *strides,
                         const void *accumulators, int64_t kept) {
  (void)reduction;
  const uint8_t *values = accumulators;
  for (int64_t k = 0; k < kept; k++) *(uint8_t *)(out[0] + k * strides[0]) = values[k];
}

static void store_values(const cpu_reduction *reduction, char *const *out, const int64_t *strides,
                         const void *accumulators, int64_t kept) {
  const char *values = accumulators;
  for (int64_t k = 0; k < kept; k++) {
    store_value(out[0] + k * strides[0], reduction->result, values + k * reduction->fold->size);
  }
}

static void store_indices(const cpu_reduction *reduction, char *const *out, const int64_t *strides,
                          const void *accumulators, int64_t kept) {
  (void)reduction;
  const cpu_extremum *extrema = accumulators;
  for (int64_t k = 0; k < kept; k++) *(int64_t *)(out[0] + k * strides[0]) = extrema[k].index;
}

static void store_extrema(const cpu_reduction *reduction, char *const *out, const int64_t *strides,
                          const void *accumulators, int64_t kept) {
  const cpu_extremum *extrema = accumulators;
  for (int64_t k = 0; k < kept; k++) {
    store_value(out[0] + k * strides[0], reduction->result, &extrema[k].value);
    *(int64_t *)(out[1] + k * strides[1]) = extrema[k].index;
  }
}

// Without degrees of freedom left the variance is 0 / 0 or x / 0, as in PyTorch.
static void store_variances(const cpu_reduction *reduction, char *const *out,
                            const int64_t *strides, const void *accumulators, int64_t kept) {
  const cpu_moments *moments = accumulators;
  const double freedom = (double)reduction->count - reduction->correction;
  const double divisor = freedom > 0.0 ? freedom : 0.0;
  for (int64_t k = 0; k < kept; k++) {
    store_real(out[0] + k * strides[0], reduction->result, moments[k].squares / divisor);
  }
}

// ---- sums and products

static tn_status run_real_sum(tn_kernel_ctx *ctx, const tn_view *views, bool mean) {
  const tn_dtype dtype = views[1].dtype;
  const bool floating = tn_dtype_is_floating(dtype);
  cpu_reduction reduction = {.fold = &cpu_folds[dtype][CPU_FOLD_sum],
                             .mean = mean,
                             .store = floating ? store_sums : store_integers,
                             .result = views[0].dtype};
  return cpu_reduce(ctx, views, 1, &reduction);
}

// The parts of a complex operand as its last, kept dimension.
static tn_status run_complex_sum(tn_kernel_ctx *ctx, const tn_view *views, bool mean) {
  int64_t sizes[TN_MAX_RANK + 1], strides[2][TN_MAX_RANK + 1];
  tn_view parts[2] = {views[0], views[1]};
  const int32_t rank = views[1].rank;
  memcpy(sizes, views[1].sizes, sizeof(int64_t) * (size_t)rank);
  sizes[rank] = 2;
  for (int k = 0; k < 2; k++) {
    for (int32_t i = 0; i < rank; i++) strides[k][i] = 2 * views[k].strides[i];
    strides[k][rank] = 1;
    parts[k].sizes = sizes;
    parts[k].strides = strides[k];
    parts[k].rank = rank + 1;
    parts[k].numel *= 2;
    parts[k].dtype = views[k].dtype == TN_C64 ? TN_F32 : TN_F64;
  }
  return run_real_sum(ctx, parts, mean);
}

static tn_status run_sum(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  const bool mean = self != NULL;
  return tn_dtype_is_complex(args->views[1].dtype) ? run_complex_sum(ctx, args->views, mean)
                                                   : run_real_sum(ctx, args->views, mean);
}

static tn_status run_prod(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_view *views = args->views;
  const tn_dtype dtype = views[1].dtype;
  const bool floating = tn_dtype_is_floating(dtype);
  cpu_reduction reduction = {.fold = &cpu_folds[dtype][CPU_FOLD_prod],
                             .store = floating ? store_reals : store_integers,
                             .result = views[0].dtype};
  return cpu_reduce(ctx, views, 1, &reduction);
}

// Which dtypes a sum or product reads as they are: those whose accumulator is also the result's.
static const char *supports_widening(void *self, const tn_args *args) {
  (void)self;
  const tn_dtype to = args->views[0].dtype, from = args->views[1].dtype;
  const uint64_t whole = TN_DTYPES_INTEGER | TN_DTYPE_BIT(TN_BOOL);
  if (tn_dtype_in(to, TN_DTYPES_INTEGER) && tn_dtype_in(from, whole)) return NULL;
  if (tn_dtype_is_floating(to) && tn_dtype_is_floating(from)) return NULL;
  if (to == from) return NULL;
  return "the operand must be cast to the result's dtype first";
}

// ---- extrema and truths

static tn_status run_values(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  const tn_view *views = args->views;
  const int fold = *(const int *)self;
  const bool truths = fold == CPU_FOLD_any || fold == CPU_FOLD_all;
  cpu_reduction reduction = {.fold = &cpu_folds[views[1].dtype][fold],
                             .store = truths ? store_truths : store_values,
                             .result = views[0].dtype};
  return cpu_reduce(ctx, views, 1, &reduction);
}

static tn_status run_index(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  const tn_view *views = args->views;
  cpu_reduction reduction = {.fold = &cpu_folds[views[1].dtype][*(const int *)self],
                             .ordered = true,
                             .store = store_indices,
                             .result = TN_I64};
  return cpu_reduce(ctx, views, 1, &reduction);
}

static tn_status run_extremum(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  const tn_view *views = args->views;
  cpu_reduction reduction = {.fold = &cpu_folds[views[2].dtype][*(const int *)self],
                             .ordered = true,
                             .store = store_extrema,
                             .result = views[0].dtype};
  return cpu_reduce(ctx, views, 2, &reduction);
}

// ---- variance

static tn_status run_var(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_view *views = args->views;
  const tn_scalar given = ((const tn_var_correction_attrs *)args->attrs)->correction;
  cpu_reduction reduction = {
      .fold = &cpu_folds[views[1].dtype][CPU_FOLD_var],
      .correction = given.kind == TN_SCALAR_NONE ? 1.0 : cpu_scalar_f64(given),
      .store = store_variances,
      .result = views[0].dtype};
  return cpu_reduce(ctx, views, 1, &reduction);
}

// ---- the table

static const int fold_numbers[CPU_FOLD_COUNT] = {
#define X(name) [CPU_FOLD_##name] = CPU_FOLD_##name,
    CPU_FOLDS(X)
#undef X
};

#define FOLD_NUMBER(fold) ((void *)&fold_numbers[CPU_FOLD_##fold])

// X(operator, dtypes, run, self)
#define TABLE(X)                                                                   \
  X("sum.dim_IntList", TN_DTYPES_ALL, run_sum, NULL)                               \
  X("mean.dim", TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX, run_sum, FOLD_NUMBER(sum)) \
  X("prod.dim_int", TN_DTYPES_REAL, run_prod, NULL)                                \
  X("amax", TN_DTYPES_REAL, run_values, FOLD_NUMBER(amax))                         \
  X("amin", TN_DTYPES_REAL, run_values, FOLD_NUMBER(amin))                         \
  X("any.dims", TN_DTYPES_REAL, run_values, FOLD_NUMBER(any))                      \
  X("all.dims", TN_DTYPES_REAL, run_values, FOLD_NUMBER(all))                      \
  X("argmax", TN_DTYPES_REAL, run_index, FOLD_NUMBER(argmax))                      \
  X("argmin", TN_DTYPES_REAL, run_index, FOLD_NUMBER(argmin))                      \
  X("max.dim", TN_DTYPES_REAL, run_extremum, FOLD_NUMBER(argmax))                  \
  X("min.dim", TN_DTYPES_REAL, run_extremum, FOLD_NUMBER(argmin))

#define REDUCE_ROW(name, dtypes_, rank_, flags_, supports_, run_, self_)                        \
  {                                                                                             \
    .op = name, .dtypes = dtypes_, .rank = rank_, .layout = TN_LAYOUT_STRIDED,                  \
    .flags = TN_ROW_DETERMINISTIC | (flags_), .supports = supports_, .run = run_, .self = self_ \
  }

// clang-format off
const tn_kernel_row cpu_reduce_rows[] = {
#define X(name, dtypes, run, self) REDUCE_ROW(name, dtypes, TN_RANK_GENERIC, 0, NULL, run, self),
    TABLE(X)
#undef X
    // The same without a cast of the operand beforehand; tried first.
    REDUCE_ROW("sum.dim_IntList", TN_DTYPES_ALL, TN_RANK_GENERIC + 1, TN_ROW_CASTS,
               supports_widening, run_sum, NULL),
    REDUCE_ROW("mean.dim", TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX, TN_RANK_GENERIC + 1,
               TN_ROW_CASTS, supports_widening, run_sum, FOLD_NUMBER(sum)),
    REDUCE_ROW("prod.dim_int", TN_DTYPES_REAL, TN_RANK_GENERIC + 1, TN_ROW_CASTS,
               supports_widening, run_prod, NULL),
    {.op = "var.correction", .dtypes = TN_DTYPES_FLOATING, .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_STRIDED, .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_var_correction_attrs), .run = run_var},
};
// clang-format on

const uint64_t cpu_reduce_row_count = sizeof cpu_reduce_rows / sizeof cpu_reduce_rows[0];
