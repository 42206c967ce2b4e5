// SPDX-License-Identifier: Apache-2.0
//
// Matrix products by property, in the way of Netlib's test programs for BLAS: for many sizes, ways
// in which operands lie in memory, and factors, each element of alpha A B + beta C must be within
// 16 * epsilon of the exact one, relative to the sum of the absolute values that it is made of.
// Sums of k terms get k of those units, since any order of adding is right.

#include <complex.h>
#include <stdlib.h>

#include "tensor_test.h"

// ---- operands

typedef enum memory_order { ROWS, COLUMNS, GAPS, REVERSED, REPEATED, ORDER_COUNT } memory_order;

// A matrix on the host, and the same in a tensor.
typedef struct operand {
  int64_t rows, cols;
  double complex *values;
  tn_tensor *tensor;
} operand;

static uint64_t state = 1;

static double next_value(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (double)((int64_t)(state >> 40) - (1 << 23)) / (1 << 23);
}

// |base| (rows x cols, row-major) as a tensor whose elements lie in |order|.
static tn_tensor *lay_out(tn_tensor *base, memory_order order) {
  switch (order) {
    case COLUMNS:
      return tn_transpose(tn_clone(tn_contiguous(tn_transpose(base, 0, 1))), 0, 1);
    case GAPS: {
      tn_tensor *wide = tn_stack(TN_TENSORS(base, base), .dim = 2);
      return tn_select(wide, 2, 1);
    }
    case REVERSED: {  // rows from the last to the first, by a negative stride
      tn_tensor *flipped = tn_flip(base, TN_DIMS(0));
      const int64_t rows = tn_tensor_size(base, 0), cols = tn_tensor_size(base, 1);
      if (rows == 0 || cols == 0) return base;
      return tn_as_strided(flipped, TN_SHAPE(rows, cols), TN_SHAPE(-cols, 1),
                           .storage_offset = TN_INT((rows - 1) * cols));
    }
    default:
      return base;
  }
}

static operand make_operand(int64_t rows, int64_t cols, tn_dtype dtype, memory_order order) {
  operand x = {rows, cols, malloc(sizeof(double complex) * (size_t)(rows * cols) + 1), NULL};
  const bool repeated = order == REPEATED && rows > 0;
  cr_assert_not_null(x.values);
  for (int64_t i = 0; i < rows * cols; i++) {
    const double real = next_value(), imag = tn_dtype_is_complex(dtype) ? next_value() : 0;
    x.values[i] = repeated && i >= cols ? x.values[i - cols] : real + imag * I;
  }
  tn_tensor *exact = tn_from_data(x.values, TN_SHAPE(rows, cols), TN_C128);
  if (!tn_dtype_is_complex(dtype)) {
    double *reals = malloc(sizeof(double) * (size_t)(rows * cols) + 1);
    cr_assert_not_null(reals);
    for (int64_t i = 0; i < rows * cols; i++) reals[i] = creal(x.values[i]);
    exact = tn_from_data(reals, TN_SHAPE(rows, cols), TN_F64);
    free(reals);
  }
  tn_tensor *rounded = tn_to(exact, TN_DEVICE_CPU, dtype);
  if (repeated) {
    tn_tensor *row = tn_contiguous(tn_narrow(rounded, 0, 0, 1));
    x.tensor = tn_expand(row, TN_SHAPE(rows, cols));
  } else {
    x.tensor = lay_out(rounded, order);
  }
  cr_assert_not_null(x.tensor, "%s", tn_ok() ? "" : tn_error_peek()->message);
  cr_assert_eq(
      tn_copy_to_host(rounded, x.values, sizeof(double complex) * (size_t)(rows * cols), TN_C128),
      TN_OK);
  return x;
}

static double epsilon_of(tn_dtype dtype) {
  return dtype == TN_F16                      ? 0x1p-10
         : dtype == TN_BF16                   ? 0x1p-7
         : dtype == TN_F32 || dtype == TN_C64 ? 0x1p-23
                                              : 0x1p-52;
}

// ---- the judge

typedef struct product {
  operand a, b, c;
  double alpha, beta;
  tn_dtype dtype;
} product;

static void judge_element(const product *p, const double complex *got, int64_t i, int64_t j,
                          const char *what) {
  double complex sum = 0;
  double size = 0;
  for (int64_t k = 0; k < p->a.cols; k++) {
    const double complex x = p->a.values[i * p->a.cols + k], y = p->b.values[k * p->b.cols + j];
    sum += p->alpha * (x * y);
    size += fabs(p->alpha) * cabs(x) * cabs(y);
  }
  if (p->beta != 0) {
    sum += p->beta * p->c.values[i * p->b.cols + j];
    size += fabs(p->beta) * cabs(p->c.values[i * p->b.cols + j]);
  }
  // Halves are added up in float32 and rounded once.
  const double narrow = p->dtype == TN_F16 || p->dtype == TN_BF16 ? 0x1p-23 : 0;
  const double step = narrow > 0 ? narrow : epsilon_of(p->dtype);
  const double unit = step * size * (double)(p->a.cols + 1) + epsilon_of(p->dtype) * size;
  const double off = cabs(got[i * p->b.cols + j] - sum);
  cr_assert(off <= 16 * unit, "%s %s %dx%dx%d: element (%d, %d) is off by %.3g units", what,
            tn_dtype_name(p->dtype), (int)p->a.rows, (int)p->a.cols, (int)p->b.cols, (int)i, (int)j,
            off / unit);
}

static void judge(const product *p, const tn_tensor *result, const char *what) {
  const int64_t count = p->a.rows * p->b.cols;
  double complex *got = malloc(sizeof *got * (size_t)count + 1);
  cr_assert_not_null(got);
  cr_assert_not_null(result, "%s: %s", what, tn_ok() ? "" : tn_error_peek()->message);
  cr_assert_eq(tn_copy_to_host(result, got, sizeof *got * (size_t)count, TN_C128), TN_OK);
  for (int64_t i = 0; i < p->a.rows; i++) {
    for (int64_t j = 0; j < p->b.cols; j++) judge_element(p, got, i, j, what);
  }
  free(got);
}

static void release(product *p) {
  free(p->a.values);
  free(p->b.values);
  free(p->c.values);
}

static product make_product(const int64_t *sizes, tn_dtype dtype, memory_order a, memory_order b) {
  product p = {make_operand(sizes[0], sizes[1], dtype, a),
               make_operand(sizes[1], sizes[2], dtype, b),
               make_operand(sizes[0], sizes[2], dtype, (memory_order)((a + b) % ORDER_COUNT)),
               1,
               0,
               dtype};
  return p;
}

// ---- what is tried

static const int64_t shapes[][3] = {{0, 3, 2}, {3, 0, 2}, {3, 2, 0},  {1, 1, 1},    {1, 7, 5},
                                    {5, 7, 1}, {2, 3, 4}, {9, 17, 5}, {33, 64, 31}, {70, 35, 66}};
enum { SHAPE_COUNT = sizeof shapes / sizeof shapes[0] };

static void try_products(tn_dtype dtype) {
  for (int s = 0; s < SHAPE_COUNT; s++) {
    for (int order = 0; order < ORDER_COUNT * ORDER_COUNT; order++) {
      tn_scope *scope = tn_scope_open();
      product p = make_product(shapes[s], dtype, (memory_order)(order % ORDER_COUNT),
                               (memory_order)(order / ORDER_COUNT));
      judge(&p, tn_mm(p.a.tensor, p.b.tensor), "mm");
      release(&p);
      tn_scope_close(scope);
    }
  }
}

static void try_factors(tn_dtype dtype) {
  static const double factors[] = {0, 1, -1, 0.75};
  for (int s = 0; s < SHAPE_COUNT; s++) {
    for (int f = 0; f < 16; f++) {
      tn_scope *scope = tn_scope_open();
      product p = make_product(shapes[s], dtype, (memory_order)(f % ORDER_COUNT),
                               (memory_order)((f + s) % ORDER_COUNT));
      p.alpha = factors[f % 4];
      p.beta = factors[f / 4];
      tn_tensor *result =
          tn_addmm(p.c.tensor, p.a.tensor, p.b.tensor, .beta = tn_scalar_float(p.beta),
                   .alpha = tn_scalar_float(p.alpha));
      judge(&p, result, "addmm");
      release(&p);
      tn_scope_close(scope);
    }
  }
}

// Where beta is 0 what is added is not looked at, be it NaN or infinite.
static void try_nan(tn_dtype dtype) {
  for (int s = 0; s < SHAPE_COUNT; s++) {
    tn_scope *scope = tn_scope_open();
    product p = make_product(shapes[s], dtype, ROWS, COLUMNS);
    tn_tensor *added = tn_full_like(p.c.tensor, tn_scalar_float(s % 2 == 0 ? NAN : INFINITY));
    tn_tensor *result = tn_addmm(added, p.a.tensor, p.b.tensor, .beta = tn_scalar_float(0));
    judge(&p, result, "addmm of NaN");
    release(&p);
    tn_scope_close(scope);
  }
}

static void try_batches(tn_dtype dtype) {
  for (int s = 0; s < SHAPE_COUNT; s++) {
    tn_scope *scope = tn_scope_open();
    product p = make_product(shapes[s], dtype, GAPS, COLUMNS);
    product q = make_product(shapes[s], dtype, COLUMNS, REVERSED);
    tn_tensor *a = tn_stack(TN_TENSORS(p.a.tensor, q.a.tensor));
    tn_tensor *b = tn_stack(TN_TENSORS(p.b.tensor, q.b.tensor), .dim = 2);  // the batch comes last
    tn_tensor *both = tn_bmm(a, tn_permute(b, TN_DIMS(2, 0, 1)));
    judge(&p, tn_select(both, 0, 0), "bmm");
    judge(&q, tn_select(both, 0, 1), "bmm");
    release(&p);
    release(&q);
    tn_scope_close(scope);
  }
}

static const tn_dtype dtypes[] = {TN_F32, TN_F64, TN_C64, TN_C128, TN_F16, TN_BF16};

static void for_each_dtype(void (*body)(tn_dtype dtype)) {
  for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) body(dtypes[i]);
}

TN_TEST(products, are_within_their_bound_however_operands_lie) { for_each_dtype(try_products); }

TN_TEST(products, scale_and_add_within_their_bound) { for_each_dtype(try_factors); }

TN_TEST(products, do_not_read_what_has_no_weight) { for_each_dtype(try_nan); }

TN_TEST(products, of_stacks_are_within_their_bound) { for_each_dtype(try_batches); }
