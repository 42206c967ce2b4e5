// SPDX-License-Identifier: Apache-2.0
//
// pseudoinverse: pinv, held to Penrose's four equations, which no other matrix satisfies, and the
// rank, held to how the samples are made.

#include "matrices.h"

#define NOT_SPECIFIED "a matrix with NaN or infinities has no singular values"

// ---- samples: self, atol, rtol, hermitian

typedef struct row {
  const char *name;
  int64_t shape[4];
  int32_t ndim;
  matrix_kind kind;
  bool hermitian;
} row;

static const row rows[] = {
    {"square", {3, 3}, 2, MATRIX_REGULAR, false},
    {"tall", {4, 2}, 2, MATRIX_ANY, false},
    {"wide", {2, 3, 4}, 3, MATRIX_REGULAR, false},
    {"deficient", {2, 3, 3}, 3, MATRIX_SINGULAR, false},
    {"hermitian", {2, 3, 3}, 3, MATRIX_POSITIVE, true},
    {"no columns", {2, 3, 0}, 3, MATRIX_ANY, false},
    {"stack of none", {0, 3, 2}, 3, MATRIX_ANY, false},
    {"blocks", {40, 30}, 2, MATRIX_ANY, false},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

// Differences see neither the gradient of a rank that changes nor that of one triangle.
static uint32_t flags_of(const row *r) {
  const bool smooth = r->kind != MATRIX_SINGULAR && !r->hermitian;
  return (smooth ? 0u : TN_SAMPLE_NO_GRAD) |
         (r->kind == MATRIX_SINGULAR ? TN_SAMPLE_NO_EXPAND : 0u);
}

static void float_samples(tn_samples *samples) {
  for (int i = 0; i < ROW_COUNT; i++) {
    tn_sample *sample =
        matrix_sample_add(samples, rows[i].name, tn_ints_of(rows[i].shape, rows[i].ndim),
                          rows[i].kind, flags_of(&rows[i]));
    if (i % 2 == 1) continue;
    if (i % 4 == 0) tn_sample_none(sample);
    if (i % 4 == 2) tn_sample_float(sample, 1e-5);
    tn_sample_float(sample, 1e-5);
    tn_sample_bool(sample, rows[i].hermitian);
  }
}

static void tensor_samples(tn_samples *samples) {
  static const double small[] = {1e-5, 2e-5};
  for (int i = 0; i < ROW_COUNT; i++) {
    const bool stack = rows[i].ndim == 3 && rows[i].shape[0] == 2;
    tn_sample *sample =
        matrix_sample_add(samples, rows[i].name, tn_ints_of(rows[i].shape, rows[i].ndim),
                          rows[i].kind, flags_of(&rows[i]));
    if (i % 2 == 0) tn_sample_none(sample);
    if (i % 2 == 1) tn_sample_values(sample, TN_SHAPE_SCALAR, TN_F32, small);
    if (i % 4 == 3) tn_sample_none(sample);
    if (i % 4 != 3) {
      tn_sample_values(sample, stack ? TN_SHAPE(2) : TN_SHAPE_SCALAR, TN_F32, small);
    }
    tn_sample_bool(sample, rows[i].hermitian);
  }
}

static void add_errors(tn_samples *samples, const char *argument) {
  tn_sample *sample = tn_sample_failing(samples, "a vector", TN_INVALID_ARGUMENT, argument);
  tn_sample_tensor(sample, TN_SHAPE(3), tn_samples_dtype(samples), 1, 2);
  sample = tn_sample_failing(samples, "not square", TN_INVALID_ARGUMENT, argument);
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 1, 2);
  tn_sample_none(sample);
  tn_sample_none(sample);
  tn_sample_bool(sample, true);
}
static void errors(tn_samples *samples) { add_errors(samples, "self"); }
static void input_errors(tn_samples *samples) { add_errors(samples, "input"); }

// ---- the pseudoinverse

static const char *judge_pinv(matrix_bench *bench, matrix a, matrix p, tn_dtype dtype) {
  matrix ap = matrix_product(bench, a, p), pa = matrix_product(bench, p, a);
  const double size_a = matrix_norm(a), size_p = matrix_norm(p), both = size_a * size_p;
  const struct {
    matrix left, right;
    double scale;
    const char *wrong;
  } equations[] = {
      {matrix_product(bench, ap, a), a, both * size_a, "A P A is not A"},
      {matrix_product(bench, pa, p), p, both * size_p, "P A P is not P"},
      {matrix_adjoint(bench, ap), ap, both, "A P is not Hermitian"},
      {matrix_adjoint(bench, pa), pa, both, "P A is not Hermitian"},
  };
  for (int i = 0; i < 4; i++) {
    matrix difference = matrix_minus(bench, equations[i].left, equations[i].right);
    if (matrix_ratio(difference, equations[i].scale, dtype) > MATRIX_RATIO) {
      return equations[i].wrong;
    }
  }
  return NULL;
}

static const char *verify_pinv(const tn_sample *sample, const tn_operand *results, int32_t count) {
  const tn_operand *a = &sample->operands[0];
  const int64_t m = a->sizes[a->ndim - 2], n = a->sizes[a->ndim - 1];
  if (count != 1 || results[0].dtype != a->dtype) return "dtype";
  if (!matrix_has_shape(&results[0], a, TN_SHAPE(n, m))) return "shape";
  const char *wrong = NULL;
  for (int64_t b = 0; b < matrix_count(a) && wrong == NULL; b++) {
    matrix_bench bench = {.count = 0};
    wrong =
        judge_pinv(&bench, matrix_load(&bench, a, b), matrix_load(&bench, results, b), a->dtype);
    matrix_bench_close(&bench);
  }
  return wrong;
}

#define PINV                                                                                  \
  .dtypes = MATRIX_DTYPES, .verify = verify_pinv, .errors = errors, .smooth = 1, .finite = 7, \
  .why = NOT_SPECIFIED
const tn_op_spec tn_spec_linalg_pinv_atol_rtol_float = {
    .op = "linalg_pinv.atol_rtol_float", PINV, .samples = float_samples};
const tn_op_spec tn_spec_linalg_pinv_atol_rtol_tensor = {
    .op = "linalg_pinv.atol_rtol_tensor", PINV, .samples = tensor_samples};

// ---- the rank

static void rank_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *a = &sample->operands[0];
  const int64_t m = a->sizes[a->ndim - 2], n = a->sizes[a->ndim - 1], k = m < n ? m : n;
  double *out = tn_expect(expected, TN_I64, a->ndim - 2, a->sizes);
  for (int64_t b = 0; out != NULL && b < matrix_count(a); b++) {
    matrix_bench bench = {.count = 0};
    double values[64] = {0};
    matrix_singular_values(&bench, matrix_load(&bench, a, b), values);
    for (int64_t i = 0; i < k; i++) out[b] += values[i] > 1e-4 * values[0];
    matrix_bench_close(&bench);
  }
}
const tn_op_spec tn_spec_linalg_matrix_rank_atol_rtol_float = {
    .op = "linalg_matrix_rank.atol_rtol_float",
    .dtypes = MATRIX_DTYPES,
    .samples = float_samples,
    .reference = rank_reference,
    .errors = errors,
    .finite = 1,
    .why = NOT_SPECIFIED};
const tn_op_spec tn_spec_linalg_matrix_rank_atol_rtol_tensor = {
    .op = "linalg_matrix_rank.atol_rtol_tensor",
    .dtypes = MATRIX_DTYPES,
    .samples = tensor_samples,
    .reference = rank_reference,
    .errors = input_errors,
    .finite = 7,
    .why = NOT_SPECIFIED};
