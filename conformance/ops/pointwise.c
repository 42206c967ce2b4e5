// SPDX-License-Identifier: Apache-2.0
//
// pointwise: samples and reference of every pointwise operator; see pointwise.h.

#include "pointwise.h"

static const pointwise *row_of(const tn_op_spec *spec) { return spec->data; }

// ---- samples -----------------------------------------------------------------------------------

// One argument of a sample. |shape| is that of tensor arguments, |variant| picks optional things.
static void add_arg(tn_sample *sample, const pointwise *row, int32_t i, tn_ints shape,
                    tn_dtype dtype, int32_t variant) {
  switch (row->args[i]) {
    case POINTWISE_TENSOR:
      tn_sample_tensor(sample, shape, dtype, row->low[i], row->high[i]);
      return;
    case POINTWISE_MASK:
      tn_sample_tensor(sample, shape, TN_BOOL, 0, 1);
      return;
    case POINTWISE_OPTIONAL:
      if (variant % 3 == i) {
        tn_sample_none(sample);
      } else {
        tn_sample_tensor(sample, shape, dtype, row->low[i], row->high[i]);
      }
      return;
    case POINTWISE_SCALAR: {
      bool whole = !tn_dtype_is_floating(dtype) && !tn_dtype_is_complex(dtype);
      double middle = row->low[i] + (row->high[i] - row->low[i]) * 0.625;
      bool has_imag =
          sample != NULL && (sample->spec->flags & TN_SPEC_COMPLEX) && tn_dtype_is_complex(dtype);
      if (has_imag && variant % 3 == 2) {
        tn_sample_scalar(sample, tn_scalar_complex(middle, -0.75));
        return;
      }
      tn_sample_scalar(sample, whole || variant % 2 ? tn_scalar_int((int64_t)ceil(middle))
                                                    : tn_scalar_float(middle));
      return;
    }
    case POINTWISE_OPTION:
      if (variant < row->option_count) {
        double value = row->options[variant];
        bool whole = value == floor(value);
        tn_sample_scalar(sample, whole ? tn_scalar_int((int64_t)value) : tn_scalar_float(value));
      } else {
        tn_sample_none(sample);
      }
      return;
    case POINTWISE_TEXT:
      if (variant < row->text_count) {
        tn_sample_string(sample, row->texts[variant]);
      } else {
        tn_sample_none(sample);
      }
      return;
  }
}

// Every tensor argument takes the next of |shapes|, which repeat.
static void add_sample(tn_samples *samples, const char *name, uint32_t flags, const tn_ints *shapes,
                       int32_t shape_count, int32_t variant) {
  const pointwise *row = row_of(tn_samples_spec(samples));
  tn_sample *sample = tn_sample_add(samples, name, flags);
  for (int32_t i = 0; i < row->arg_count; i++) {
    add_arg(sample, row, i, shapes[i % shape_count], tn_samples_dtype(samples), variant);
  }
}

static bool is_tensor(const pointwise *row, int32_t i) {
  return row->args[i] == POINTWISE_TENSOR || row->args[i] == POINTWISE_MASK ||
         row->args[i] == POINTWISE_OPTIONAL;
}

static int32_t tensor_count(const pointwise *row) {
  int32_t count = 0;
  for (int32_t i = 0; i < row->arg_count; i++) count += is_tensor(row, i);
  return count;
}

static void add_broadcast(tn_samples *samples) {
  const tn_ints outer[] = {TN_SHAPE(3, 1), TN_SHAPE(1, 4), TN_SHAPE(3, 4)};
  const tn_ints deeper[] = {TN_SHAPE(4), TN_SHAPE(2, 3, 4), TN_SHAPE_SCALAR};
  const tn_ints number[] = {TN_SHAPE(2, 5), TN_SHAPE_SCALAR, TN_SHAPE(5)};
  const tn_ints nothing[] = {TN_SHAPE(0, 3), TN_SHAPE(1, 3), TN_SHAPE(3)};
  add_sample(samples, "broadcast both", 0, outer, 3, 0);
  add_sample(samples, "broadcast deeper", 0, deeper, 3, 1);
  add_sample(samples, "broadcast a number", 0, number, 3, 2);
  add_sample(samples, "broadcast to nothing", 0, nothing, 3, 3);
}

// Operands of two dtypes: the second is float64, or int32 beside float64 and bool.
static void add_mixed(tn_samples *samples) {
  const pointwise *row = row_of(tn_samples_spec(samples));
  tn_dtype dtype = tn_samples_dtype(samples);
  tn_dtype other = dtype == TN_F64 || dtype == TN_BOOL ? TN_I32 : TN_F64;
  if (row->no_mixed || !tn_dtype_in(other, tn_samples_spec(samples)->dtypes)) return;
  tn_sample *sample = tn_sample_add(samples, "two dtypes", TN_SAMPLE_NO_GRAD);
  int32_t seen = 0;
  for (int32_t i = 0; i < row->arg_count; i++) {
    bool second = row->args[i] == POINTWISE_TENSOR && seen++ == 1;
    add_arg(sample, row, i, TN_SHAPE(2, 3), second ? other : dtype, 4);
  }
}

// Each special value against each other one, through broadcasting: argument i varies along
// dimension i of the tensors.
static void add_specials(tn_samples *samples) {
  static const double specials[] = {NAN,  INFINITY, -INFINITY, 0.0,  -0.0,   1.0,   -1.0,
                                    0.5,  -0.5,     2.0,       3e4,  -3e4,   1e-4,  -1e-4,
                                    1e30, -1e30,    1e-30,     88.0, -104.0, 700.0, -2.5};
  const pointwise *row = row_of(tn_samples_spec(samples));
  tn_dtype dtype = tn_samples_dtype(samples);
  if (row->no_specials || !tn_dtype_is_floating(dtype)) return;
  int32_t count = tensor_count(row), seen = 0;
  if (count > 2) return;
  tn_sample *sample = tn_sample_add(samples, "special values", TN_SAMPLE_NO_GRAD);
  for (int32_t i = 0; i < row->arg_count; i++) {
    bool tensor = is_tensor(row, i);
    const int64_t along[2][2] = {{21, 1}, {1, 21}};
    if (!tensor || row->args[i] == POINTWISE_MASK) {
      add_arg(sample, row, i, tn_ints_of(along[seen], 2), dtype, 4);
    } else {
      tn_sample_values(sample, tn_ints_of(along[seen], 2), dtype, specials);
    }
    seen += tensor && seen < 1;
  }
}

void pointwise_samples(tn_samples *samples) {
  const pointwise *row = row_of(tn_samples_spec(samples));
  const tn_ints plain[] = {TN_SHAPE(3, 4)}, one[] = {TN_SHAPE(1)}, number[] = {TN_SHAPE_SCALAR};
  const tn_ints line[] = {TN_SHAPE(37)}, block[] = {TN_SHAPE(2, 3, 5)}, none[] = {TN_SHAPE(2, 0)};
  const tn_ints deep[] = {TN_SHAPE(2, 1, 3, 1, 2)}, large[] = {TN_SHAPE(70, 1031)};
  add_sample(samples, "matrix", 0, plain, 1, 0);
  add_sample(samples, "vector", TN_SAMPLE_NO_GRAD, line, 1, 1);
  add_sample(samples, "one element", 0, one, 1, 2);
  add_sample(samples, "0-dim", 0, number, 1, 3);
  add_sample(samples, "three dimensions", TN_SAMPLE_NO_GRAD, block, 1, 4);
  add_sample(samples, "five dimensions", TN_SAMPLE_NO_GRAD, deep, 1, 5);
  add_sample(samples, "empty", 0, none, 1, 0);
  add_sample(samples, "large", TN_SAMPLE_LARGE, large, 1, 0);
  if (tensor_count(row) > 1) {
    add_broadcast(samples);
    add_mixed(samples);
  }
  add_specials(samples);
}

void pointwise_errors(tn_samples *samples) {
  const pointwise *row = row_of(tn_samples_spec(samples));
  if (tensor_count(row) < 2) return;
  tn_sample *sample =
      tn_sample_failing(samples, "shapes that do not broadcast", TN_INVALID_ARGUMENT, NULL);
  const tn_ints shapes[] = {TN_SHAPE(2, 3), TN_SHAPE(2, 4)};
  int32_t seen = 0;
  for (int32_t i = 0; i < row->arg_count; i++) {
    add_arg(sample, row, i, shapes[seen % 2], tn_samples_dtype(samples), 6);
    seen += is_tensor(row, i);
  }
}

// ---- reference ---------------------------------------------------------------------------------

// Promotion as the public interface states it: dimensioned tensors before 0-dim ones before
// numbers, within a category; a number of a higher category brings its default dtype.
typedef struct promotion {
  tn_dtype dimensioned, zero_dim, number;
} promotion;

static int category(tn_dtype dtype) {
  if (dtype == TN_DTYPE_NONE) return -1;
  if (tn_dtype_is_complex(dtype)) return 3;
  if (tn_dtype_is_floating(dtype)) return 2;
  return tn_dtype_is_integer(dtype) ? 1 : 0;
}

static tn_dtype join(tn_dtype a, tn_dtype b) {
  if (a == TN_DTYPE_NONE || b == TN_DTYPE_NONE) return a == TN_DTYPE_NONE ? b : a;
  return tn_promote_types(a, b);
}

static tn_dtype joined(const promotion *p) {
  tn_dtype dtype = p->dimensioned;
  if (category(p->zero_dim) > category(dtype)) dtype = join(dtype, p->zero_dim);
  if (category(p->number) > category(dtype)) dtype = join(dtype, p->number);
  return dtype;
}

static tn_dtype scalar_dtype(const tn_sample *sample, int32_t i) {
  const tn_value *value = &sample->args[i].value;
  if (value->kind != TN_VALUE_SCALAR) return TN_DTYPE_NONE;
  if (value->as.scalar.kind == TN_SCALAR_FLOAT) return TN_F32;
  return value->as.scalar.kind == TN_SCALAR_BOOL ? TN_BOOL : TN_I64;
}

static tn_dtype computed_dtype(const tn_sample *sample, const pointwise *row) {
  promotion p = {0};
  for (int32_t i = 0; i < row->arg_count; i++) {
    const tn_operand *operand = is_tensor(row, i) ? tn_sample_tensor_at(sample, i) : NULL;
    if (row->args[i] == POINTWISE_SCALAR) p.number = join(p.number, scalar_dtype(sample, i));
    if (operand == NULL || row->args[i] == POINTWISE_MASK) continue;
    if (operand->ndim > 0) {
      p.dimensioned = join(p.dimensioned, operand->dtype);
    } else {
      p.zero_dim = join(p.zero_dim, operand->dtype);
    }
  }
  tn_dtype dtype = joined(&p);
  bool whole = category(dtype) < 2;
  return whole && (sample->spec->flags & TN_SPEC_INT_TO_FLOAT) ? TN_F32 : dtype;
}

static int32_t broadcast_shape(const tn_sample *sample, int64_t *sizes) {
  int32_t ndim = 0;
  for (int32_t i = 0; i < sample->operand_count; i++) {
    const tn_operand *operand = &sample->operands[i];
    int32_t more = operand->ndim > ndim ? operand->ndim - ndim : 0;
    for (int32_t d = ndim - 1; d >= 0; d--) sizes[d + more] = sizes[d];
    for (int32_t d = 0; d < more; d++) sizes[d] = 1;
    ndim += more;
    for (int32_t d = 0; d < operand->ndim; d++) {
      int64_t *size = &sizes[ndim - operand->ndim + d];
      if (operand->sizes[d] != 1) *size = operand->sizes[d];
    }
  }
  return ndim;
}

// Argument |i| at |index|, as the operator sees it: in the dtype that is computed in.
static double _Complex argument_at(const tn_sample *sample, const pointwise *row, int32_t i,
                                   tn_dtype dtype, int32_t ndim, const int64_t *index) {
  const tn_operand *operand = is_tensor(row, i) ? tn_sample_tensor_at(sample, i) : NULL;
  double x = row->absent[i], imag = 0;
  if (operand != NULL) {
    x = tn_reference_broadcast_at(operand, ndim, index);
    imag = tn_reference_broadcast_imag_at(operand, ndim, index);
    if (row->args[i] != POINTWISE_MASK) x = tn_reference_round(x, dtype);
  } else if (row->args[i] == POINTWISE_SCALAR) {
    const tn_value *value = &sample->args[i].value;
    x = tn_reference_round(tn_sample_number_at(sample, i, row->absent[i]), dtype);
    if (value->kind == TN_VALUE_SCALAR && value->as.scalar.kind == TN_SCALAR_COMPLEX) {
      imag = value->as.scalar.as.c.imag;
    }
  } else if (row->args[i] == POINTWISE_OPTION) {
    x = tn_sample_number_at(sample, i, row->absent[i]);
  }
  return CMPLX(x, tn_reference_round(imag, dtype));
}

static double apply(const pointwise *row, const double *x, const tn_sample *sample) {
  if (row->f != NULL) return row->f(x[0]);
  return row->g != NULL ? row->g(x[0], x[1]) : row->h(x, sample);
}

static double _Complex apply_complex(const pointwise *row, const double _Complex *z,
                                     const tn_sample *sample) {
  if (row->fc != NULL) return row->fc(z[0]);
  return row->gc != NULL ? row->gc(z[0], z[1]) : row->hc(z, sample);
}

static tn_dtype result_dtype(const pointwise *row, tn_dtype dtype) {
  if (row->result != 0) return row->result;
  if (!row->real_result || !tn_dtype_is_complex(dtype)) return dtype;
  return dtype == TN_C64 ? TN_F32 : TN_F64;
}

void pointwise_reference_of(const tn_sample *sample, const pointwise *row, tn_expected *expected) {
  int64_t sizes[TN_SPEC_MAX_DIMS] = {0}, index[TN_SPEC_MAX_DIMS];
  int32_t ndim = broadcast_shape(sample, sizes);
  tn_dtype dtype = computed_dtype(sample, row), result = result_dtype(row, dtype);
  bool complex_formula = row->fc != NULL || row->gc != NULL || row->hc != NULL;
  bool whole = tn_dtype_is_complex(dtype) && complex_formula;
  double *out = tn_expect(expected, result, ndim, sizes);
  double *imag = whole && tn_dtype_is_complex(result) ? tn_expect_imag(expected) : NULL;
  double *scales = row->scale == NULL ? NULL : tn_expect_scales(expected);
  int64_t numel = tn_reference_numel(ndim, sizes);
  for (int64_t p = 0; out != NULL && p < numel; p++) {
    double x[POINTWISE_MAX_ARGS];
    double _Complex z[POINTWISE_MAX_ARGS];
    tn_reference_unravel(p, ndim, sizes, index);
    for (int32_t i = 0; i < row->arg_count; i++) {
      z[i] = argument_at(sample, row, i, dtype, ndim, index);
      x[i] = whole ? cabs(z[i]) : creal(z[i]);
    }
    double _Complex value = whole ? apply_complex(row, z, sample) : apply(row, x, sample);
    out[p] = creal(value);
    if (imag != NULL) imag[p] = cimag(value);
    if (scales != NULL) scales[p] = row->scale(x);
  }
}

void pointwise_reference(const tn_sample *sample, tn_expected *expected) {
  pointwise_reference_of(sample, row_of(sample->spec), expected);
}
