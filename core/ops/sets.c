// SPDX-License-Identifier: Apache-2.0
//
// sets: tensors as sets: _unique2 and unique_consecutive, the Array API's unique_*, and isin. All
// are written with sort, nonzero and searchsorted. Elements are equal where they compare equal: -0
// is 0, and every NaN is an element of its own.
//
// Where runs of equal elements begin in what is sorted is all that is needed: a run's first element
// is the value, the distance to the next run its count, and the number of runs begun so far the
// inverse.

#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

static tn_tensor *flat(tn_tensor *tensor) { return tn_reshape(tensor, TN_SHAPE(-1)); }

static tn_tensor *no_indices(const tn_tensor *beside) {
  return tn_zeros(TN_SHAPE(0), .dtype = TN_I64, .device = beside->device);
}

// ---- runs --------------------------------------------------------------------------------------

// Where along |dim| slices differ from the one before them, the first one included.
static tn_tensor *run_starts(tn_tensor *self, int64_t dim) {
  const int64_t length = tn_tensor_size(self, (int32_t)dim);
  if (length == 0) return no_indices(self);
  tn_tensor *changes = tn_ne(tn_slice(self, .dim = dim, .start = TN_INT(1)),
                             tn_slice(self, .dim = dim, .end = TN_INT(length - 1)));
  if (tn_tensor_ndim(self) > 1) {
    int64_t others[TN_MAX_DIMS], count = 0;
    for (int64_t d = 0; d < tn_tensor_ndim(self); d++) {
      if (d != dim) others[count++] = d;
    }
    changes = tn_any_dims(changes, .dim = tn_ints_of(others, count));
  }
  tn_tensor *first = tn_ones(TN_SHAPE(1), .dtype = TN_BOOL, .device = self->device);
  return flat(tn_nonzero(tn_cat(TN_TENSORS(first, changes))));
}

static tn_tensor *run_counts(tn_tensor *starts, int64_t length) {
  if (starts == NULL || tn_tensor_numel(starts) == 0) return starts;
  tn_tensor *end =
      tn_full(TN_SHAPE(1), length, .dtype = TN_I64, .device = tn_tensor_device(starts));
  return tn_sub(tn_cat(TN_TENSORS(tn_slice(starts, .start = TN_INT(1)), end)), starts);
}

// The run that each of |length| places belongs to.
static tn_tensor *run_of_each(tn_tensor *starts, int64_t length) {
  if (starts == NULL) return NULL;
  tn_tensor *places = tn_arange(length, .dtype = TN_I64, .device = tn_tensor_device(starts));
  return tn_sub_scalar(tn_searchsorted(starts, places, TN_NONE, .right = true), 1);
}

// ---- what is unique ----------------------------------------------------------------------------

// The parts of the unique family; those that were not asked for are NULL.
typedef struct unique_parts {
  tn_tensor *values, *indices, *inverse, *counts;
} unique_parts;

typedef struct unique_wishes {
  bool indices, inverse, counts;
} unique_wishes;

static unique_parts unique_of(tn_tensor *self, unique_wishes wishes) {
  unique_parts parts = {0};
  tn_tensor *places = NULL;
  const int64_t numel = tn_tensor_numel(self);
  tn_tensor *sorted = tn_sort(flat(self), &places);
  tn_tensor *starts = sorted == NULL ? NULL : run_starts(sorted, 0);
  parts.values = tn_index_select(sorted, 0, starts);
  if (wishes.indices) parts.indices = tn_index_select(places, 0, starts);
  if (wishes.counts) parts.counts = run_counts(starts, numel);
  if (wishes.inverse) {
    tn_tensor *runs = run_of_each(starts, numel);
    parts.inverse = tn_reshape(tn_scatter(runs, 0, places, runs), tn_tensor_shape(self));
  }
  return parts;
}

static tn_status unique2_compose(tn_compose *compose) {
  const tn__unique2_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0];
  const unique_parts parts = unique_of(
      self, (unique_wishes){.inverse = attrs->return_inverse, .counts = attrs->return_counts});
  compose->results[0] = parts.values;
  compose->results[1] = attrs->return_inverse ? parts.inverse : no_indices(self);
  compose->results[2] = attrs->return_counts ? parts.counts : no_indices(self);
  return TN_OK;
}

/// The different elements of self in ascending order, whatever sorted says; for each element of
/// self the place of its value among them; and how often each occurs. Every NaN is different. self:
/// any shape, any real dtype. Returns values in self's dtype [n], and in int64 inverse of self's
/// shape and counts [n], each [0] unless asked for.
/// gradient: to the first of equal elements. errors: INVALID_DTYPE for complex. source: ATen
/// `_unique2`.
// clang-format off
const tn_op_def tn_op__unique2 = {
    .schema = "_unique2(Tensor self, bool sorted=True, bool return_inverse=False, bool return_counts=False) -> (Tensor values, Tensor inverse_indices, Tensor counts)",
    // clang-format on
    .dtypes = TN_DTYPES_REAL,
    .compose = unique2_compose,
};

static tn_status unique_consecutive_compose(tn_compose *compose) {
  const tn_unique_consecutive_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0], *along = self;
  int64_t dim = attrs->dim.value;
  if (attrs->dim.present) {
    TN_TRY(tn__canonical_dim(compose->call, "dim", &dim, self->rank));
    if (self->rank == 0) along = flat(self);
  } else {
    along = flat(self);
    dim = 0;
  }
  TN_TRY(tn__status_of(along));
  const int64_t length = tn_tensor_size(along, (int32_t)dim);
  tn_tensor *starts = run_starts(along, dim);
  tn_tensor *runs = attrs->return_inverse ? run_of_each(starts, length) : no_indices(self);
  if (attrs->return_inverse && !attrs->dim.present) {
    runs = tn_reshape(runs, tn_tensor_shape(self));
  }
  compose->results[0] = tn_index_select(along, dim, starts);
  compose->results[1] = runs;
  compose->results[2] = attrs->return_counts ? run_counts(starts, length) : no_indices(self);
  return TN_OK;
}

/// The first of each run of equal elements, in self's order; along dim, of equal slices. self: any
/// shape, any real dtype; dim in [-ndim, ndim). Returns values in self's dtype, [n] or self's shape
/// with n along dim; and in int64 the run of each element or slice and the length of each run, each
/// [0] unless asked for. gradient: to the first of each run. errors: OUT_OF_RANGE for dim,
/// INVALID_DTYPE for complex. source: ATen `unique_consecutive`.
// clang-format off
const tn_op_def tn_op_unique_consecutive = {
    .schema = "unique_consecutive(Tensor self, bool return_inverse=False, bool return_counts=False, int? dim=None) -> (Tensor values, Tensor inverse_indices, Tensor counts)",
    // clang-format on
    .dtypes = TN_DTYPES_REAL,
    .compose = unique_consecutive_compose,
};

static tn_status unique_all_compose(tn_compose *compose) {
  const unique_parts parts = unique_of(compose->inputs[0], (unique_wishes){true, true, true});
  compose->results[0] = parts.values;
  compose->results[1] = parts.indices;
  compose->results[2] = parts.inverse;
  compose->results[3] = parts.counts;
  return TN_OK;
}

/// As `_unique2`, with the index in the flattened self of each value's first occurrence.
/// source: Array API `unique_all`.
// clang-format off
const tn_op_def tn_op_unique_all = {
    .schema = "unique_all(Tensor self) -> (Tensor values, Tensor indices, Tensor inverse_indices, Tensor counts)",
    // clang-format on
    .dtypes = TN_DTYPES_REAL,
    .compose = unique_all_compose,
};

static tn_status unique_counts_compose(tn_compose *compose) {
  const unique_parts parts = unique_of(compose->inputs[0], (unique_wishes){.counts = true});
  compose->results[0] = parts.values;
  compose->results[1] = parts.counts;
  return TN_OK;
}

/// As `_unique2`: the values and how often each occurs. source: Array API `unique_counts`.
const tn_op_def tn_op_unique_counts = {
    .schema = "unique_counts(Tensor self) -> (Tensor values, Tensor counts)",
    .dtypes = TN_DTYPES_REAL,
    .compose = unique_counts_compose,
};

static tn_status unique_inverse_compose(tn_compose *compose) {
  const unique_parts parts = unique_of(compose->inputs[0], (unique_wishes){.inverse = true});
  compose->results[0] = parts.values;
  compose->results[1] = parts.inverse;
  return TN_OK;
}

/// As `_unique2`: the values and the place of each element's value among them. source: Array API
/// `unique_inverse`.
const tn_op_def tn_op_unique_inverse = {
    .schema = "unique_inverse(Tensor self) -> (Tensor values, Tensor inverse_indices)",
    .dtypes = TN_DTYPES_REAL,
    .compose = unique_inverse_compose,
};

static tn_status unique_values_compose(tn_compose *compose) {
  compose->results[0] = unique_of(compose->inputs[0], (unique_wishes){false, false, false}).values;
  return TN_OK;
}

/// As `_unique2`: the values. source: Array API `unique_values`.
const tn_op_def tn_op_unique_values = {
    .schema = "unique_values(Tensor self) -> Tensor",
    .dtypes = TN_DTYPES_REAL,
    .compose = unique_values_compose,
};

// ---- membership --------------------------------------------------------------------------------

static tn_tensor *as_dtype(tn_tensor *tensor, tn_dtype dtype) {
  return tn_to(tensor, tensor->device, dtype);
}

static tn_status isin_compose(tn_compose *compose) {
  const tn_isin_Tensor_Tensor_attrs *attrs = compose->attrs;
  tn_tensor *elements = compose->inputs[0], *test = compose->inputs[1];
  const tn_dtype dtype = tn_result_type(TN_TENSORS(elements, test));
  if (dtype == TN_DTYPE_NONE) return tn__status_of(NULL);
  if (test->numel == 0) {
    compose->results[0] = tn_full(tn_tensor_shape(elements), attrs->invert, .dtype = TN_BOOL,
                                  .device = elements->device);
    return TN_OK;
  }
  tn_tensor *values = flat(as_dtype(elements, dtype));
  tn_tensor *sorted = tn_sort(flat(as_dtype(test, dtype)), NULL);
  tn_tensor *places =
      tn_clamp(tn_searchsorted(sorted, values, TN_NONE), .max = TN_SCALAR(test->numel - 1));
  tn_tensor *nearest = tn_index_select(sorted, 0, places);
  tn_tensor *found = attrs->invert ? tn_ne(nearest, values) : tn_eq(nearest, values);
  compose->results[0] = tn_reshape(found, tn_tensor_shape(elements));
  return TN_OK;
}

/// Whether each element of elements is one of test_elements, or is none under invert; NaN is not.
/// elements, test_elements: any shapes, real dtypes, compared in the promoted one. assume_unique
/// changes nothing. Returns bool of elements' shape. No gradient. errors: INVALID_DTYPE. source:
/// ATen `isin.Tensor_Tensor`.
// clang-format off
const tn_op_def tn_op_isin_Tensor_Tensor = {
    .schema = "isin.Tensor_Tensor(Tensor elements, Tensor test_elements, *, bool assume_unique=False, bool invert=False) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN_DTYPES_REAL,
    .compose = isin_compose,
};

static tn_status isin_scalar_compose(tn_compose *compose) {
  const tn_isin_Tensor_Scalar_attrs *attrs = compose->attrs;
  tn_tensor *elements = compose->inputs[0];
  compose->results[0] = attrs->invert ? (tn_ne_scalar)(elements, attrs->test_element)
                                      : (tn_eq_scalar)(elements, attrs->test_element);
  return TN_OK;
}

/// Whether each element of elements equals test_element. As `isin`. source: ATen
/// `isin.Tensor_Scalar`.
// clang-format off
const tn_op_def tn_op_isin_Tensor_Scalar = {
    .schema = "isin.Tensor_Scalar(Tensor elements, Scalar test_element, *, bool assume_unique=False, bool invert=False) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .dtypes = TN_DTYPES_REAL,
    .compose = isin_scalar_compose,
};

static tn_status isin_scalar_self_compose(tn_compose *compose) {
  const tn_isin_Scalar_Tensor_attrs *attrs = compose->attrs;
  tn_tensor *found = tn_any((tn_eq_scalar)(compose->inputs[0], attrs->element));
  compose->results[0] = attrs->invert ? tn_logical_not(found) : found;
  return TN_OK;
}

/// Whether element is one of test_elements: a 0-dim bool. As `isin`. source: ATen
/// `isin.Scalar_Tensor`.
// clang-format off
const tn_op_def tn_op_isin_Scalar_Tensor = {
    .schema = "isin.Scalar_Tensor(Scalar element, Tensor test_elements, *, bool assume_unique=False, bool invert=False) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .dtypes = TN_DTYPES_REAL,
    .compose = isin_scalar_self_compose,
};
