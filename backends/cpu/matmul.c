// SPDX-License-Identifier: Apache-2.0
//
// matmul: mm, bmm and addmm, C[n, m] = alpha * A[n, k] B[k, m] + beta * S[n, m].
//
// f32 and f64 go to gemm_run; f16 and bf16 are widened to f32, multiplied there and rounded once at
// the end; integers and complex numbers have plain loops (matmul_simple.inc.h). Operands may have
// any strides. A result whose columns are contiguous is computed as the transposed product, and
// one with neither rows nor columns contiguous beside its place.

#include <tenon/op_args.h>

#include "cpu.h"
#include "gemm_run.h"
#include "workspace.h"

// The last two dimensions of a view, and the step of the one before (0 in a single matrix).
typedef struct matrix {
  char *data;
  int64_t rows, cols;
  int64_t row, col, step;  // strides
} matrix;

typedef struct product {
  tn_dtype dtype;
  int64_t count;  // matrices in the batch
  matrix a, b, c;
  tn_scalar alpha, beta;
  bool openblas;
} product;

static matrix matrix_of(const tn_view *view) {
  const int32_t first = view->rank - 2;
  const matrix m = {
      view->data,           view->sizes[first],       view->sizes[first + 1],
      view->strides[first], view->strides[first + 1], first > 0 ? view->strides[0] : 0};
  return m;
}

static matrix transposed(matrix m) {
  const matrix t = {m.data, m.cols, m.rows, m.col, m.row, m.step};
  return t;
}

static matrix contiguous(void *data, int64_t rows, int64_t cols) {
  const matrix m = {data, rows, cols, cols, 1, rows * cols};
  return m;
}

static bool rows_contiguous(matrix m) { return m.col == 1 || m.cols <= 1; }

// ---- integers and complex numbers --------------------------------------------------------------

typedef union scale {
  uint64_t u;
  tn_complex128 c;
} scale;

typedef struct simple_job {
  const product *work;
  scale alpha, beta;
} simple_job;

enum { STRIP = 128 };  // columns whose sums are kept at a time

#define SIMPLE_NAME(x) x##_u8
#define ELEMENT uint8_t
#include "matmul_integer.inc.h"
#define SIMPLE_NAME(x) x##_u16
#define ELEMENT uint16_t
#include "matmul_integer.inc.h"
#define SIMPLE_NAME(x) x##_u32
#define ELEMENT uint32_t
#include "matmul_integer.inc.h"
#define SIMPLE_NAME(x) x##_u64
#define ELEMENT uint64_t
#include "matmul_integer.inc.h"
#define SIMPLE_NAME(x) x##_c64
#define ELEMENT tn_complex64
#define PART float
#include "matmul_complex.inc.h"
#define SIMPLE_NAME(x) x##_c128
#define ELEMENT tn_complex128
#define PART double
#include "matmul_complex.inc.h"

// Signed integers wrap as unsigned ones do, so only the width matters.
static tn_range_body simple_rows_for(tn_dtype dtype) {
  switch (dtype) {
    case TN_C64:
      return multiply_rows_c64;
    case TN_C128:
      return multiply_rows_c128;
    default:
      break;
  }
  switch (tn_dtype_size(dtype)) {
    case 1:
      return multiply_rows_u8;
    case 2:
      return multiply_rows_u16;
    case 4:
      return multiply_rows_u32;
    default:
      return multiply_rows_u64;
  }
}

static scale scale_of(tn_scalar scalar, tn_dtype dtype) {
  scale f;
  memset(&f, 0, sizeof f);
  if (tn_dtype_is_complex(dtype)) {
    f.c = cpu_scalar_c128(scalar);
  } else {
    f.u = (uint64_t)cpu_scalar_i64(scalar);
  }
  return f;
}

static tn_status multiply_simple(const product *work) {
  simple_job job = {work, scale_of(work->alpha, work->dtype), scale_of(work->beta, work->dtype)};
  const int64_t rows = work->count * work->c.rows;
  cpu_parallel_for(rows, cpu_grain(work->c.cols * (work->a.cols + 1)), simple_rows_for(work->dtype),
                   &job);
  return TN_OK;
}

// ---- floats ------------------------------------------------------------------------------------

// The product as gemm takes it; c has contiguous rows.
static cpu_gemm gemm_of(const product *work) {
  const cpu_gemm gemm = {
      .m = work->c.rows,
      .n = work->c.cols,
      .k = work->a.cols,
      .a = work->a.data,
      .a_row = work->a.row,
      .a_col = work->a.col,
      .b = work->b.data,
      .b_row = work->b.row,
      .b_col = work->b.col,
      .c = work->c.data,
      .c_row = work->c.row,
      .alpha = cpu_scalar_f64(work->alpha),
      .beta = cpu_scalar_f64(work->beta),
  };
  return gemm;
}

static tn_status multiply_gemm(tn_kernel_ctx *ctx, tn_dtype dtype, const product *work) {
  const cpu_gemm gemm = gemm_of(work);
  const cpu_gemm_batch batch = {work->count, work->a.step, work->b.step, work->c.step};
  return cpu_gemm_run(ctx, dtype, &gemm, batch, work->openblas);
}

// ---- halves: there and back --------------------------------------------------------------------

typedef struct convert_job {
  matrix half;
  float *wide;
  bool bf16, narrow;
} convert_job;

static float widen(uint16_t bits, bool bf16) {
  return bf16 ? tn_bf16_to_f32(bits) : tn_f16_to_f32(bits);
}

// Rows [begin, end) of all matrices: f32 from halves, or halves from f32.
static void convert_rows(void *closure, int64_t begin, int64_t end) {
  const convert_job *job = closure;
  const matrix m = job->half;
  for (int64_t r = begin; r < end; r++) {
    uint16_t *half = (uint16_t *)m.data + r / m.rows * m.step + r % m.rows * m.row;
    float *wide = job->wide + r * m.cols;
    if (!job->narrow) {
      for (int64_t j = 0; j < m.cols; j++) wide[j] = widen(half[j * m.col], job->bf16);
    } else if (job->bf16) {
      for (int64_t j = 0; j < m.cols; j++) half[j * m.col] = tn_f32_to_bf16(wide[j]);
    } else {
      for (int64_t j = 0; j < m.cols; j++) half[j * m.col] = tn_f32_to_f16(wide[j]);
    }
  }
}

static void convert(matrix half, float *wide, int64_t count, bool bf16, bool narrow) {
  convert_job job = {half, wide, bf16, narrow};
  cpu_parallel_for(count * half.rows, cpu_grain(half.cols), convert_rows, &job);
}

static tn_status multiply_halves(tn_kernel_ctx *ctx, const product *work) {
  const bool bf16 = work->dtype == TN_BF16;
  const matrix *from[3] = {&work->a, &work->b, &work->c};
  product wide = *work;
  matrix *to[3] = {&wide.a, &wide.b, &wide.c};
  for (int i = 0; i < 3; i++) {
    float *data = cpu_scratch(ctx, work->count * from[i]->rows * from[i]->cols, sizeof(float));
    if (data == NULL) return TN_OUT_OF_MEMORY;
    *to[i] = contiguous(data, from[i]->rows, from[i]->cols);
    if (i < 2 || cpu_scalar_f64(work->beta) != 0) {
      convert(*from[i], data, work->count, bf16, false);
    }
  }
  const tn_status status = multiply_gemm(ctx, TN_F32, &wide);
  if (status == TN_OK) convert(work->c, (float *)wide.c.data, work->count, bf16, true);
  return status;
}

// ---- results anywhere --------------------------------------------------------------------------

// Copies elements of |size| bytes between two matrices of the same sizes.
static void copy_matrix(matrix to, matrix from, int64_t size) {
  for (int64_t i = 0; i < to.rows; i++) {
    char *out = to.data + i * to.row * size;
    const char *in = from.data + i * from.row * size;
    if (to.col == 1 && from.col == 1) {
      memcpy(out, in, (size_t)(to.cols * size));
    } else {
      for (int64_t j = 0; j < to.cols; j++) {
        memcpy(out + j * to.col * size, in + j * from.col * size, (size_t)size);
      }
    }
  }
}

static void copy_batch(matrix to, matrix from, int64_t count, int64_t size) {
  for (int64_t i = 0; i < count; i++) {
    copy_matrix(to, from, size);
    to.data += to.step * size;
    from.data += from.step * size;
  }
}

// C^T = B^T A^T
static void transpose_product(product *work) {
  const matrix a = work->a;
  work->a = transposed(work->b);
  work->b = transposed(a);
  work->c = transposed(work->c);
}

static tn_status multiply_floats(tn_kernel_ctx *ctx, product *work) {
  if (rows_contiguous(work->c)) return multiply_gemm(ctx, work->dtype, work);
  if (work->c.row == 1 || work->c.rows == 1) {
    transpose_product(work);
    return multiply_gemm(ctx, work->dtype, work);
  }
  const int64_t size = tn_dtype_size(work->dtype);
  const matrix place = work->c;
  void *data = cpu_scratch(ctx, work->count * place.rows * place.cols, (uint64_t)size);
  if (data == NULL) return TN_OUT_OF_MEMORY;
  work->c = contiguous(data, place.rows, place.cols);
  copy_batch(work->c, place, work->count, size);
  const tn_status status = multiply_gemm(ctx, work->dtype, work);
  if (status == TN_OK) copy_batch(place, work->c, work->count, size);
  return status;
}

static tn_status multiply(tn_kernel_ctx *ctx, product *work) {
  if (work->count == 0 || work->c.rows == 0 || work->c.cols == 0) return TN_OK;
  switch (work->dtype) {
    case TN_F32:
    case TN_F64:
      return multiply_floats(ctx, work);
    case TN_F16:
    case TN_BF16:
      return multiply_halves(ctx, work);
    default:
      return multiply_simple(work);
  }
}

// ---- rows --------------------------------------------------------------------------------------

// |self| of a row points at whether OpenBLAS computes.
static bool with_openblas = true, with_own = false;

static product plain_product(void *self, const tn_args *args) {
  const tn_view *result = &args->views[TN_ARG_mm_result];
  const product work = {
      .dtype = result->dtype,
      .count = result->rank == 3 ? result->sizes[0] : 1,
      .a = matrix_of(&args->views[TN_ARG_mm_self]),
      .b = matrix_of(&args->views[TN_ARG_mm_mat2]),
      .c = matrix_of(result),
      .alpha = tn_scalar_int(1),
      .beta = tn_scalar_int(0),
      .openblas = *(const bool *)self,
  };
  return work;
}

static tn_status run_product(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  product work = plain_product(self, args);
  return multiply(ctx, &work);
}

static product added_product(void *self, const tn_args *args) {
  const tn_addmm_attrs *attrs = args->attrs;
  const tn_view *result = &args->views[TN_ARG_addmm_result];
  const product work = {
      .dtype = result->dtype,
      .count = 1,
      .a = matrix_of(&args->views[TN_ARG_addmm_mat1]),
      .b = matrix_of(&args->views[TN_ARG_addmm_mat2]),
      .c = matrix_of(result),
      .alpha = attrs->alpha,
      .beta = attrs->beta,
      .openblas = *(const bool *)self,
  };
  return work;
}

static tn_status run_addmm(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  product work = added_product(self, args);
  const tn_view *added = &args->views[TN_ARG_addmm_self];
  const bool reads_added = cpu_scalar_f64(work.beta) != 0 || tn_dtype_is_complex(work.dtype);
  if (added->numel > 0 && reads_added && added->data != work.c.data) {
    copy_matrix(work.c, matrix_of(added), tn_dtype_size(work.dtype));
  }
  return multiply(ctx, &work);
}

static const char *openblas_declines(product work) {
  if (!rows_contiguous(work.c)) transpose_product(&work);
  if (!rows_contiguous(work.c)) return "a result with strides that BLAS does not take";
  const cpu_gemm gemm = gemm_of(&work);
  return cpu_openblas_declines(&gemm);
}

static const char *supports_product(void *self, const tn_args *args) {
  return openblas_declines(plain_product(self, args));
}

static const char *supports_addmm(void *self, const tn_args *args) {
  return openblas_declines(added_product(self, args));
}

#define PRODUCT_DTYPES (TN_DTYPES_INTEGER | TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX)

#define OPENBLAS_ROW(name, function, supported, size)                                          \
  {                                                                                            \
    .op = name, .dtypes = TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64), .rank = TN_RANK_VENDOR, \
    .layout = TN_LAYOUT_STRIDED, .attrs_size = size, .supports = supported, .run = function,   \
    .self = &with_openblas                                                                     \
  }

#define OWN_ROW(name, function, size)                                                           \
  {                                                                                             \
    .op = name, .dtypes = PRODUCT_DTYPES, .rank = TN_RANK_GENERIC, .layout = TN_LAYOUT_STRIDED, \
    .flags = TN_ROW_DETERMINISTIC, .attrs_size = size, .run = function, .self = &with_own       \
  }

const tn_kernel_row cpu_matmul_rows[] = {
    OPENBLAS_ROW("mm", run_product, supports_product, 0),
    OPENBLAS_ROW("bmm", run_product, supports_product, 0),
    OPENBLAS_ROW("addmm", run_addmm, supports_addmm, sizeof(tn_addmm_attrs)),
    OWN_ROW("mm", run_product, 0),
    OWN_ROW("bmm", run_product, 0),
    OWN_ROW("addmm", run_addmm, sizeof(tn_addmm_attrs)),
};
const uint64_t cpu_matmul_row_count = sizeof cpu_matmul_rows / sizeof cpu_matmul_rows[0];
