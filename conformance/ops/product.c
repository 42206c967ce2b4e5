// SPDX-License-Identifier: Apache-2.0
//
// product: matrix products in all their ranks. One reference multiplies stacks of matrices as
// NumPy's @ does; errors are judged against the sum of the absolute values of what was added up.

#include "reference.h"

#define NUMBERS (TN_DTYPES_INTEGER | TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX)
#define PRODUCT .dtypes = NUMBERS, .flags = TN_SPEC_TAKES_ANY_DTYPE | TN_SPEC_COMPLEX, .ulps = 4

// ---- reference ---------------------------------------------------------------------------------

// A stack of matrices: a vector is one row (left) or one column (right).
typedef struct stack {
  const double *values, *imag;  // |imag|: NULL where there are no imaginary parts
  int64_t rows, columns, row_stride, column_stride;
  int32_t batch_ndim;
  const int64_t *batch_sizes;
} stack;

static stack stack_of(const tn_operand *x, bool left, bool transposed) {
  int64_t last = x->sizes[x->ndim - 1];
  if (x->ndim == 1) {
    return left ? (stack){x->values, x->imag, 1, last, last, 1, 0, x->sizes}
                : (stack){x->values, x->imag, last, 1, 1, 1, 0, x->sizes};
  }
  int64_t before = x->sizes[x->ndim - 2];
  stack s = {x->values, x->imag, before, last, last, 1, x->ndim - 2, x->sizes};
  return transposed ? (stack){x->values, x->imag, last, before, 1, last, s.batch_ndim, x->sizes}
                    : s;
}

// Where the matrix of |s| begins that stands at |index| of the broadcast batch.
static int64_t matrix_at(const stack *s, int32_t batch_ndim, const int64_t *index) {
  int64_t position = 0;
  for (int32_t d = 0; d < s->batch_ndim; d++) {
    int64_t at = s->batch_sizes[d] == 1 ? 0 : index[batch_ndim - s->batch_ndim + d];
    position = position * s->batch_sizes[d] + at;
  }
  return position * s->rows * s->columns;
}

static int32_t batch_shape(const stack *a, const stack *b, int64_t *sizes) {
  int32_t ndim = a->batch_ndim > b->batch_ndim ? a->batch_ndim : b->batch_ndim;
  for (int32_t d = 0; d < ndim; d++) {
    int32_t in_a = d - (ndim - a->batch_ndim), in_b = d - (ndim - b->batch_ndim);
    sizes[d] = in_a < 0 ? 1 : a->batch_sizes[in_a];
    if (sizes[d] == 1 && in_b >= 0) sizes[d] = b->batch_sizes[in_b];
  }
  return ndim;
}

// Element (i, k) of a matrix, an imaginary one where there is none being 0.
static double real_at(const stack *s, int64_t start, int64_t i, int64_t k) {
  return s->values[start + i * s->row_stride + k * s->column_stride];
}
static double imag_at(const stack *s, int64_t start, int64_t i, int64_t k) {
  return s->imag == NULL ? 0 : s->imag[start + i * s->row_stride + k * s->column_stride];
}

// The product of the matrices at |left| and |right|; |imag| is NULL unless the result is complex.
static void multiply(const stack *a, int64_t left, const stack *b, int64_t right, double *out,
                     double *imag, double *scales) {
  for (int64_t i = 0; i < a->rows; i++) {
    for (int64_t j = 0; j < b->columns; j++) {
      long double total = 0, total_imag = 0;
      double size = 0;
      for (int64_t k = 0; k < a->columns; k++) {
        double x = real_at(a, left, i, k), xi = imag_at(a, left, i, k);
        double y = real_at(b, right, k, j), yi = imag_at(b, right, k, j);
        double term = imag == NULL ? x * y : x * y - xi * yi;
        double term_imag = imag == NULL ? 0 : x * yi + xi * y;
        total += term;
        total_imag += term_imag;
        size += hypot(term, term_imag);
      }
      out[i * b->columns + j] = (double)total;
      if (imag != NULL) imag[i * b->columns + j] = (double)total_imag;
      // Adding k terms one by one may lose k/2 units in the last place of their absolute sum; with
      // 4 units allowed this asks for a quarter of that.
      scales[i * b->columns + j] = size * (1 + (double)a->columns / 32);
    }
  }
}

// What a reference fills in; |values| is NULL when memory is out, |imag| unless it is complex.
typedef struct product {
  double *values, *imag, *scales;
} product;

// Appends x @ y; |transposed|: y's last two dimensions exchanged.
static product expect_product(const tn_operand *x, const tn_operand *y, bool transposed,
                              tn_expected *expected) {
  stack a = stack_of(x, true, false), b = stack_of(y, false, transposed);
  int64_t sizes[TN_SPEC_MAX_DIMS] = {0}, index[TN_SPEC_MAX_DIMS];
  int32_t batch_ndim = batch_shape(&a, &b, sizes), ndim = batch_ndim;
  int64_t batches = tn_reference_numel(batch_ndim, sizes), matrix = a.rows * b.columns;
  int64_t shape[TN_SPEC_MAX_DIMS];
  memcpy(shape, sizes, sizeof shape);
  if (x->ndim > 1) shape[ndim++] = a.rows;
  if (y->ndim > 1) shape[ndim++] = b.columns;
  bool has_imag = x->imag != NULL || y->imag != NULL;
  product made = {.values = tn_expect(expected, tn_promote_types(x->dtype, y->dtype), ndim, shape)};
  made.scales = tn_expect_scales(expected);
  if (has_imag) made.imag = tn_expect_imag(expected);
  if (made.scales == NULL || (has_imag && made.imag == NULL)) made.values = NULL;
  for (int64_t p = 0; made.values != NULL && p < batches; p++) {
    tn_reference_unravel(p, batch_ndim, sizes, index);
    multiply(&a, matrix_at(&a, batch_ndim, index), &b, matrix_at(&b, batch_ndim, index),
             made.values + p * matrix, has_imag ? made.imag + p * matrix : NULL,
             made.scales + p * matrix);
  }
  return made;
}

static void product_reference(const tn_sample *sample, tn_expected *expected) {
  (void)expect_product(&sample->operands[0], &sample->operands[1], false, expected);
}

// ---- samples -----------------------------------------------------------------------------------

static void add_pair(tn_samples *samples, const char *name, tn_ints a, tn_ints b, uint32_t flags) {
  tn_sample *sample = tn_sample_add(samples, name, flags);
  tn_sample_tensor(sample, a, tn_samples_dtype(samples), -2, 2);
  tn_sample_tensor(sample, b, tn_samples_dtype(samples), -2, 2);
}
static void add_failing_pair(tn_samples *samples, const char *name, const char *argument, tn_ints a,
                             tn_ints b) {
  tn_sample *sample = tn_sample_failing(samples, name, TN_INVALID_ARGUMENT, argument);
  tn_sample_tensor(sample, a, tn_samples_dtype(samples), -2, 2);
  tn_sample_tensor(sample, b, tn_samples_dtype(samples), -2, 2);
}

static void mm_samples(tn_samples *samples) {
  add_pair(samples, "small", TN_SHAPE(2, 3), TN_SHAPE(3, 4), 0);
  add_pair(samples, "one", TN_SHAPE(1, 1), TN_SHAPE(1, 1), 0);
  add_pair(samples, "no inner", TN_SHAPE(2, 0), TN_SHAPE(0, 3), 0);
  add_pair(samples, "no rows", TN_SHAPE(0, 3), TN_SHAPE(3, 2), 0);
  add_pair(samples, "odd sizes", TN_SHAPE(17, 33), TN_SHAPE(33, 19), TN_SAMPLE_NO_GRAD);
  add_pair(samples, "row by matrix", TN_SHAPE(1, 40), TN_SHAPE(40, 50), TN_SAMPLE_NO_GRAD);
  add_pair(samples, "large", TN_SHAPE(130, 141), TN_SHAPE(141, 137), TN_SAMPLE_LARGE);
}
static void mm_errors(tn_samples *samples) {
  add_failing_pair(samples, "inner sizes", NULL, TN_SHAPE(2, 3), TN_SHAPE(4, 2));
  add_failing_pair(samples, "rank", "self", TN_SHAPE(3), TN_SHAPE(3, 2));
  add_failing_pair(samples, "rank", "mat2", TN_SHAPE(2, 3), TN_SHAPE(3));
}
const tn_op_spec tn_spec_mm = {.op = "mm",
                               PRODUCT,
                               .samples = mm_samples,
                               .reference = product_reference,
                               .errors = mm_errors};

static void bmm_samples(tn_samples *samples) {
  add_pair(samples, "small", TN_SHAPE(2, 2, 3), TN_SHAPE(2, 3, 2), 0);
  add_pair(samples, "no batch", TN_SHAPE(0, 2, 3), TN_SHAPE(0, 3, 2), 0);
  add_pair(samples, "no inner", TN_SHAPE(2, 2, 0), TN_SHAPE(2, 0, 3), 0);
  add_pair(samples, "odd sizes", TN_SHAPE(3, 9, 17), TN_SHAPE(3, 17, 5), TN_SAMPLE_NO_GRAD);
  add_pair(samples, "large", TN_SHAPE(5, 60, 51), TN_SHAPE(5, 51, 47), TN_SAMPLE_LARGE);
}
static void bmm_errors(tn_samples *samples) {
  add_failing_pair(samples, "batches", NULL, TN_SHAPE(2, 2, 3), TN_SHAPE(3, 3, 2));
  add_failing_pair(samples, "inner sizes", NULL, TN_SHAPE(2, 2, 3), TN_SHAPE(2, 4, 2));
  add_failing_pair(samples, "rank", "self", TN_SHAPE(2, 3), TN_SHAPE(2, 3, 2));
}
const tn_op_spec tn_spec_bmm = {.op = "bmm",
                                PRODUCT,
                                .samples = bmm_samples,
                                .reference = product_reference,
                                .errors = bmm_errors};

static void matmul_samples(tn_samples *samples) {
  add_pair(samples, "1 x 1", TN_SHAPE(5), TN_SHAPE(5), 0);
  add_pair(samples, "1 x 2", TN_SHAPE(3), TN_SHAPE(3, 4), 0);
  add_pair(samples, "2 x 1", TN_SHAPE(4, 3), TN_SHAPE(3), 0);
  add_pair(samples, "2 x 2", TN_SHAPE(2, 3), TN_SHAPE(3, 2), 0);
  add_pair(samples, "3 x 2", TN_SHAPE(2, 2, 3), TN_SHAPE(3, 2), 0);
  add_pair(samples, "2 x 3", TN_SHAPE(2, 3), TN_SHAPE(2, 3, 2), 0);
  add_pair(samples, "1 x 3", TN_SHAPE(3), TN_SHAPE(2, 3, 2), 0);
  add_pair(samples, "3 x 1", TN_SHAPE(2, 2, 3), TN_SHAPE(3), 0);
  add_pair(samples, "batches broadcast", TN_SHAPE(2, 1, 2, 3), TN_SHAPE(3, 3, 1), 0);
  add_pair(samples, "empty", TN_SHAPE(2, 0), TN_SHAPE(0, 2), 0);
}
static void matmul_errors(tn_samples *samples) {
  add_failing_pair(samples, "0-dim", "self", TN_SHAPE_SCALAR, TN_SHAPE(3));
  add_failing_pair(samples, "0-dim", "other", TN_SHAPE(3), TN_SHAPE_SCALAR);
  add_failing_pair(samples, "inner sizes", NULL, TN_SHAPE(2, 3), TN_SHAPE(2, 3));
  add_failing_pair(samples, "batches", NULL, TN_SHAPE(2, 2, 3), TN_SHAPE(3, 3, 2));
}
const tn_op_spec tn_spec_matmul = {.op = "matmul",
                                   PRODUCT,
                                   .samples = matmul_samples,
                                   .reference = product_reference,
                                   .errors = matmul_errors};

static void dot_samples(tn_samples *samples) {
  add_pair(samples, "small", TN_SHAPE(5), TN_SHAPE(5), 0);
  add_pair(samples, "empty", TN_SHAPE(0), TN_SHAPE(0), 0);
  add_pair(samples, "long", TN_SHAPE(101), TN_SHAPE(101), TN_SAMPLE_NO_GRAD);
}
static void dot_errors(tn_samples *samples) {
  add_failing_pair(samples, "sizes", NULL, TN_SHAPE(3), TN_SHAPE(4));
  add_failing_pair(samples, "rank", "self", TN_SHAPE(2, 3), TN_SHAPE(3));
}
const tn_op_spec tn_spec_dot = {.op = "dot",
                                PRODUCT,
                                .samples = dot_samples,
                                .reference = product_reference,
                                .errors = dot_errors};

static void mv_samples(tn_samples *samples) {
  add_pair(samples, "small", TN_SHAPE(3, 4), TN_SHAPE(4), 0);
  add_pair(samples, "no inner", TN_SHAPE(3, 0), TN_SHAPE(0), 0);
  add_pair(samples, "odd sizes", TN_SHAPE(19, 37), TN_SHAPE(37), TN_SAMPLE_NO_GRAD);
}
static void mv_errors(tn_samples *samples) {
  add_failing_pair(samples, "sizes", NULL, TN_SHAPE(3, 4), TN_SHAPE(3));
  add_failing_pair(samples, "rank", "self", TN_SHAPE(3), TN_SHAPE(3));
}
const tn_op_spec tn_spec_mv = {.op = "mv",
                               PRODUCT,
                               .samples = mv_samples,
                               .reference = product_reference,
                               .errors = mv_errors};

// ---- with something added ----------------------------------------------------------------------

static void addmm_samples(tn_samples *samples) {
  const tn_ints selves[] = {TN_SHAPE(2, 4), TN_SHAPE(4), TN_SHAPE(2, 1), TN_SHAPE_SCALAR,
                            TN_SHAPE(2, 4)};
  static const int64_t factors[][2] = {{1, 1}, {2, 3}, {-1, 2}, {1, -1}, {0, 2}};
  for (int i = 0; i < 7; i++) {
    bool wide = i == 5, hollow = i == 6;
    tn_sample *sample = tn_sample_add(samples,
                                      wide     ? "odd sizes"
                                      : hollow ? "no inner"
                                               : "small",
                                      wide ? TN_SAMPLE_NO_GRAD : 0);
    tn_dtype dtype = tn_samples_dtype(samples);
    tn_sample_tensor(sample, wide ? TN_SHAPE(19) : selves[i % 5], dtype, -2, 2);
    tn_sample_tensor(sample,
                     wide     ? TN_SHAPE(17, 33)
                     : hollow ? TN_SHAPE(2, 0)
                              : TN_SHAPE(2, 3),
                     dtype, -2, 2);
    tn_sample_tensor(sample,
                     wide     ? TN_SHAPE(33, 19)
                     : hollow ? TN_SHAPE(0, 4)
                              : TN_SHAPE(3, 4),
                     dtype, -2, 2);
    if (i == 0) continue;
    tn_sample_scalar(sample, tn_scalar_int(factors[i % 5][0]));
    tn_sample_scalar(sample, tn_scalar_int(factors[i % 5][1]));
  }
}
static void add_scaled(const tn_operand *x, double beta, double alpha, int32_t ndim,
                       const int64_t *sizes, product *to) {
  int64_t index[TN_SPEC_MAX_DIMS];
  for (int64_t p = 0; p < tn_reference_numel(ndim, sizes); p++) {
    tn_reference_unravel(p, ndim, sizes, index);
    double term = beta == 0 ? 0 : beta * tn_reference_broadcast_at(x, ndim, index);
    double imag = beta == 0 ? 0 : beta * tn_reference_broadcast_imag_at(x, ndim, index);
    to->values[p] = alpha * to->values[p] + term;
    if (to->imag != NULL) to->imag[p] = alpha * to->imag[p] + imag;
    to->scales[p] = fabs(alpha) * to->scales[p] + hypot(term, imag);
  }
}
static void addmm_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *a = &sample->operands[1], *b = &sample->operands[2];
  product made = expect_product(a, b, false, expected);
  const int64_t sizes[2] = {a->sizes[0], b->sizes[1]};
  if (made.values == NULL) return;
  add_scaled(&sample->operands[0], tn_sample_number_at(sample, 3, 1),
             tn_sample_number_at(sample, 4, 1), 2, sizes, &made);
}
static void addmm_errors(tn_samples *samples) {
  static const int64_t rows[][6] = {{3, 3, 2, 3, 3, 4}, {2, 4, 2, 3, 2, 4}};
  for (int i = 0; i < 2; i++) {
    tn_sample *sample = tn_sample_failing(samples, i == 0 ? "self's shape" : "inner sizes",
                                          TN_INVALID_ARGUMENT, i == 0 ? "self" : NULL);
    for (int k = 0; k < 3; k++) {
      tn_sample_tensor(sample, tn_ints_of(rows[i] + 2 * k, 2), tn_samples_dtype(samples), 0, 1);
    }
  }
}
const tn_op_spec tn_spec_addmm = {.op = "addmm",
                                  PRODUCT,
                                  .samples = addmm_samples,
                                  .reference = addmm_reference,
                                  .errors = addmm_errors};

static void linear_samples(tn_samples *samples) {
  const tn_ints inputs[] = {TN_SHAPE(2, 3), TN_SHAPE(3), TN_SHAPE(2, 2, 3), TN_SHAPE(0, 3)};
  for (int i = 0; i < 8; i++) {
    tn_sample *sample = tn_sample_add(samples, i < 4 ? "bias" : "no bias", 0);
    tn_sample_tensor(sample, inputs[i % 4], tn_samples_dtype(samples), -2, 2);
    tn_sample_tensor(sample, TN_SHAPE(4, 3), tn_samples_dtype(samples), -2, 2);
    if (i < 4) tn_sample_tensor(sample, TN_SHAPE(4), tn_samples_dtype(samples), -2, 2);
  }
}
static void linear_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *x = &sample->operands[0], *weight = &sample->operands[1];
  int64_t sizes[TN_SPEC_MAX_DIMS];
  product made = expect_product(x, weight, true, expected);
  if (sample->operand_count < 3 || made.values == NULL) return;
  memcpy(sizes, x->sizes, sizeof sizes);
  sizes[x->ndim - 1] = weight->sizes[0];
  add_scaled(&sample->operands[2], 1, 1, x->ndim, sizes, &made);
}
static void linear_errors(tn_samples *samples) {
  add_failing_pair(samples, "features", NULL, TN_SHAPE(2, 3), TN_SHAPE(4, 2));
  add_failing_pair(samples, "0-dim", "input", TN_SHAPE_SCALAR, TN_SHAPE(4, 2));
  tn_sample *sample = tn_sample_failing(samples, "bias", TN_INVALID_ARGUMENT, "bias");
  tn_sample_tensor(sample, TN_SHAPE(2, 3), tn_samples_dtype(samples), 0, 1);
  tn_sample_tensor(sample, TN_SHAPE(4, 3), tn_samples_dtype(samples), 0, 1);
  tn_sample_tensor(sample, TN_SHAPE(3), tn_samples_dtype(samples), 0, 1);
}
const tn_op_spec tn_spec_linear = {.op = "linear",
                                   PRODUCT,
                                   .samples = linear_samples,
                                   .reference = linear_reference,
                                   .errors = linear_errors,
                                   .half_ulps = 8};
