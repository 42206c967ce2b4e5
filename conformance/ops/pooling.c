// SPDX-License-Identifier: Apache-2.0
//
// pooling: maxima and means of windows over the last one, two or three dimensions, and their
// gradients. An operator's name says over how many. The reference walks each window element by
// element.

#include "reference.h"

typedef struct window {
  int32_t spatial;
  int64_t planes, size[3], places[3];
  int64_t kernel[3], stride[3], padding[3], dilation[3];
} window;

static int32_t spatial_of(const tn_op_spec *spec) {
  return strstr(spec->op, "1d") ? 1 : strstr(spec->op, "2d") ? 2 : 3;
}

static int64_t product(const window *w, const int64_t *sizes) {
  return tn_reference_numel(w->spatial, sizes);
}

static int64_t entry(tn_ints list, int d, int64_t absent) {
  if (list.count <= 0) return absent;
  return list.data[list.count == 1 ? 0 : d];
}

// |first|: the index of kernel_size; |dilated|: whether a dilation follows padding.
static window window_of(const tn_sample *sample, const tn_operand *self, int32_t first,
                        bool dilated, bool ceil_mode) {
  window w = {.spatial = spatial_of(sample->spec), .planes = 1};
  for (int32_t d = 0; d < self->ndim - w.spatial; d++) w.planes *= self->sizes[d];
  for (int d = 0; d < w.spatial; d++) {
    w.size[d] = self->sizes[self->ndim - w.spatial + d];
    w.kernel[d] = entry(tn_sample_ints_at(sample, first), d, 1);
    w.stride[d] = entry(tn_sample_ints_at(sample, first + 1), d, w.kernel[d]);
    w.padding[d] = entry(tn_sample_ints_at(sample, first + 2), d, 0);
    w.dilation[d] = dilated ? entry(tn_sample_ints_at(sample, first + 3), d, 1) : 1;
    int64_t span = w.size[d] + 2 * w.padding[d] - w.dilation[d] * (w.kernel[d] - 1) - 1;
    w.places[d] = (ceil_mode ? (span + w.stride[d] - 1) / w.stride[d] : span / w.stride[d]) + 1;
    // The last window must start inside the input or its left padding.
    if (ceil_mode && (w.places[d] - 1) * w.stride[d] >= w.size[d] + w.padding[d]) w.places[d]--;
  }
  return w;
}

static double *expect_places(const tn_operand *self, const window *w, tn_dtype dtype,
                             tn_expected *expected) {
  int64_t sizes[TN_SPEC_MAX_DIMS];
  memcpy(sizes, self->sizes, sizeof sizes);
  for (int d = 0; d < w->spatial; d++) sizes[self->ndim - w->spatial + d] = w->places[d];
  return tn_expect(expected, dtype, self->ndim, sizes);
}

// The position in the plane of kernel element |k| of place |p|; -1 outside of the input.
static int64_t element_of(const window *w, int64_t p, int64_t k) {
  int64_t place[3], inside[3], position = 0;
  tn_reference_unravel(p, w->spatial, w->places, place);
  tn_reference_unravel(k, w->spatial, w->kernel, inside);
  for (int d = 0; d < w->spatial; d++) {
    int64_t at = place[d] * w->stride[d] - w->padding[d] + inside[d] * w->dilation[d];
    if (at < 0 || at >= w->size[d]) return -1;
    position = position * w->size[d] + at;
  }
  return position;
}

// ---- samples -----------------------------------------------------------------------------------

typedef struct pool_row {
  const char *name;
  uint32_t flags;
  int32_t ndim;
  int64_t sizes[5], kernel[3], stride[3], padding[3], dilation[3];
  bool ceil_mode;
} pool_row;

static const pool_row rows2[] = {
    {"2x2", 0, 4, {1, 2, 4, 4}, {2, 2}, {2, 2}, {0, 0}, {1, 1}, false},
    {"overlapping, padded", 0, 4, {2, 1, 5, 4}, {3, 2}, {2, 1}, {1, 1}, {1, 1}, false},
    {"no batch", 0, 3, {2, 5, 5}, {2, 3}, {2, 2}, {0, 1}, {1, 1}, false},
    {"ceil", 0, 4, {1, 1, 5, 6}, {2, 2}, {2, 4}, {0, 0}, {1, 1}, true},
    {"ceil, padded", 0, 4, {1, 1, 4, 5}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, true},
    {"dilated", 0, 4, {1, 1, 6, 5}, {2, 2}, {1, 1}, {0, 0}, {2, 3}, false},
    {"odd sizes", TN_SAMPLE_NO_GRAD, 4, {2, 3, 13, 17}, {2, 2}, {2, 2}, {0, 0}, {1, 1}, false},
    {"large", TN_SAMPLE_LARGE, 4, {4, 8, 40, 42}, {2, 2}, {2, 2}, {0, 0}, {1, 1}, false},
};
static const pool_row rows1[] = {
    {"of 2", 0, 3, {2, 2, 6}, {2}, {2}, {0}, {1}, false},
    {"no batch, overlapping, padded", 0, 2, {2, 7}, {3}, {2}, {1}, {1}, false},
    {"ceil, padded", 0, 3, {1, 2, 6}, {3}, {2}, {1}, {1}, true},
    {"dilated", 0, 3, {1, 1, 9}, {3}, {1}, {1}, {2}, false},
    {"large", TN_SAMPLE_LARGE, 3, {4, 8, 3001}, {3}, {2}, {1}, {1}, false},
};
static const pool_row rows3[] = {
    {"2x2x2", 0, 5, {1, 2, 2, 4, 2}, {2, 2, 2}, {2, 2, 2}, {0, 0, 0}, {1, 1, 1}, false},
    {"overlapping, padded",
     0,
     5,
     {1, 1, 3, 4, 3},
     {3, 2, 2},
     {2, 1, 2},
     {1, 1, 0},
     {1, 1, 1},
     false},
    {"no batch", 0, 4, {2, 3, 3, 2}, {2, 3, 1}, {2, 2, 1}, {0, 1, 0}, {1, 1, 1}, false},
    {"ceil, padded", 0, 5, {1, 1, 2, 4, 5}, {2, 3, 3}, {2, 2, 2}, {1, 1, 1}, {1, 1, 1}, true},
    {"dilated", 0, 5, {1, 1, 4, 3, 4}, {2, 2, 2}, {1, 1, 1}, {1, 0, 0}, {2, 1, 3}, false},
    {"no samples",
     TN_SAMPLE_NO_GRAD,
     5,
     {0, 1, 4, 4, 4},
     {2, 2, 2},
     {2, 2, 2},
     {0, 0, 0},
     {1, 1, 1},
     false},
    {"large",
     TN_SAMPLE_LARGE,
     5,
     {2, 4, 10, 22, 20},
     {2, 3, 2},
     {2, 2, 2},
     {0, 1, 1},
     {1, 1, 1},
     false},
};

// The rows for an operator, ended by their count.
static const pool_row *rows_of(const tn_op_spec *spec, int *count) {
  static const pool_row *const tables[] = {rows1, rows2, rows3};
  static const int counts[] = {sizeof rows1 / sizeof rows1[0], sizeof rows2 / sizeof rows2[0],
                               sizeof rows3 / sizeof rows3[0]};
  *count = counts[spatial_of(spec) - 1];
  return tables[spatial_of(spec) - 1];
}
static const pool_row *row_named(const tn_op_spec *spec, const char *name) {
  int count;
  const pool_row *rows = rows_of(spec, &count);
  for (int i = 0; i < count; i++) {
    if (strcmp(rows[i].name, name) == 0) return &rows[i];
  }
  return rows;
}

static bool is_dilated(const pool_row *r) {
  return r->dilation[0] > 1 || r->dilation[1] > 1 || r->dilation[2] > 1;
}

static void add_lists(tn_sample *sample, const pool_row *r, bool max) {
  const int64_t *lists[] = {r->kernel, r->stride, r->padding, r->dilation};
  int32_t spatial = sample == NULL ? 0 : spatial_of(sample->spec);
  for (int k = 0; k < (max ? 4 : 3); k++) tn_sample_ints(sample, tn_ints_of(lists[k], spatial));
  tn_sample_bool(sample, r->ceil_mode);
}
static void pool_samples(tn_samples *samples, bool max) {
  int count;
  const pool_row *rows = rows_of(tn_samples_spec(samples), &count);
  for (int i = 0; i < count; i++) {
    const pool_row *r = &rows[i];
    if (!max && is_dilated(r)) continue;
    tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
    tn_sample_tensor(sample, tn_ints_of(r->sizes, r->ndim), tn_samples_dtype(samples), -20, 20);
    add_lists(sample, r, max);
  }
  static const int64_t shape[] = {1, 1, 4, 6, 2};
  tn_sample *sample = tn_sample_add(samples, "one integer for all", 0);
  tn_sample_tensor(sample, tn_ints_of(shape, 2 + spatial_of(tn_samples_spec(samples))),
                   tn_samples_dtype(samples), -20, 20);
  tn_sample_ints(sample, TN_INTS(2));
}
static void max_samples(tn_samples *samples) {
  static const double values[] = {1, NAN, 2, 3, -INFINITY, -INFINITY, INFINITY, 0,
                                  2, 2,   2, 2, -INFINITY, -INFINITY, NAN,      3};
  pool_samples(samples, true);
  if (!tn_dtype_is_floating(tn_samples_dtype(samples))) return;
  tn_sample *sample = tn_sample_add(samples, "special values", TN_SAMPLE_NO_GRAD);
  static const int64_t shapes[3][5] = {{1, 1, 16}, {1, 1, 4, 4}, {1, 1, 2, 4, 2}};
  int32_t spatial = spatial_of(tn_samples_spec(samples));
  tn_sample_values(sample, tn_ints_of(shapes[spatial - 1], 2 + spatial), tn_samples_dtype(samples),
                   values);
  tn_sample_ints(sample, TN_INTS(2));
}

static void add_failing(tn_samples *samples, const char *name, const char *argument, int32_t ndim,
                        int64_t kernel, int64_t stride, int64_t padding) {
  static const int64_t shape[] = {1, 1, 4, 4, 4};
  tn_sample *sample = tn_sample_failing(samples, name, TN_INVALID_ARGUMENT, argument);
  tn_sample_tensor(sample, tn_ints_of(shape, ndim), tn_samples_dtype(samples), 0, 1);
  const int64_t lists[] = {kernel, stride, padding};
  for (int k = 0; k < 3; k++) tn_sample_ints(sample, TN_INTS(lists[k]));
}
static void pool_errors(tn_samples *samples) {
  int32_t ndim = 2 + spatial_of(tn_samples_spec(samples));
  add_failing(samples, "rank", NULL, ndim - 2, 2, 2, 0);
  add_failing(samples, "kernel too large", NULL, ndim, 5, 1, 0);
  add_failing(samples, "padding", "padding", ndim, 2, 1, 2);
  add_failing(samples, "negative padding", "padding", ndim, 2, 1, -1);
  add_failing(samples, "stride", "stride", ndim, 2, 0, 0);
  add_failing(samples, "kernel", "kernel_size", ndim, 0, 1, 0);
  tn_sample *sample =
      tn_sample_failing(samples, "too many sizes", TN_INVALID_ARGUMENT, "kernel_size");
  static const int64_t shape[] = {1, 1, 4, 4, 4};
  tn_sample_tensor(sample, tn_ints_of(shape, ndim), tn_samples_dtype(samples), 0, 1);
  tn_sample_ints(sample, TN_INTS(2, 2, 2, 2));
}

// ---- max ---------------------------------------------------------------------------------------

// The first largest element of a window; NaN counts as largest (which of several is not specified).
static int64_t best_of(const window *w, const double *plane, int64_t p) {
  int64_t best = -1;
  for (int64_t k = 0; k < product(w, w->kernel); k++) {
    int64_t at = element_of(w, p, k);
    if (at < 0) continue;
    if (best < 0 || plane[at] > plane[best] || (isnan(plane[at]) && !isnan(plane[best]))) best = at;
  }
  return best;
}
static void expect_max(const tn_sample *sample, bool indices, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  window w = window_of(sample, self, 1, true, tn_sample_bool_at(sample, 5, false));
  int64_t count = product(&w, w.places), plane = product(&w, w.size);
  double *out = expect_places(self, &w, self->dtype, expected);
  double *at = indices ? expect_places(self, &w, TN_I64, expected) : NULL;
  for (int64_t i = 0; out != NULL && i < w.planes * count; i++) {
    const double *values = self->values + i / count * plane;
    int64_t best = best_of(&w, values, i % count);
    out[i] = values[best];
    if (at != NULL) at[i] = (double)best;
  }
}
static void max_reference(const tn_sample *sample, tn_expected *expected) {
  expect_max(sample, false, expected);
}
static void max_indices_reference(const tn_sample *sample, tn_expected *expected) {
  expect_max(sample, true, expected);
}

#define POOLED_DTYPES (TN_DTYPES_INTEGER | TN_DTYPES_FLOATING)

const tn_op_spec tn_spec_max_pool2d_with_indices = {.op = "max_pool2d_with_indices",
                                                    .dtypes = POOLED_DTYPES,
                                                    .samples = max_samples,
                                                    .reference = max_indices_reference,
                                                    .errors = pool_errors,
                                                    .flags = TN_SPEC_TAKES_ANY_DTYPE};
const tn_op_spec tn_spec_max_pool1d_with_indices = {.op = "max_pool1d_with_indices",
                                                    .dtypes = POOLED_DTYPES,
                                                    .samples = max_samples,
                                                    .reference = max_indices_reference,
                                                    .errors = pool_errors,
                                                    .flags = TN_SPEC_TAKES_ANY_DTYPE};
const tn_op_spec tn_spec_max_pool3d_with_indices = {.op = "max_pool3d_with_indices",
                                                    .dtypes = POOLED_DTYPES,
                                                    .samples = max_samples,
                                                    .reference = max_indices_reference,
                                                    .errors = pool_errors,
                                                    .flags = TN_SPEC_TAKES_ANY_DTYPE};
const tn_op_spec tn_spec_max_pool2d = {.op = "max_pool2d",
                                       .dtypes = POOLED_DTYPES,
                                       .samples = max_samples,
                                       .reference = max_reference,
                                       .errors = pool_errors,
                                       .flags = TN_SPEC_TAKES_ANY_DTYPE};
const tn_op_spec tn_spec_max_pool1d = {.op = "max_pool1d",
                                       .dtypes = POOLED_DTYPES,
                                       .samples = max_samples,
                                       .reference = max_reference,
                                       .errors = pool_errors,
                                       .flags = TN_SPEC_TAKES_ANY_DTYPE};
const tn_op_spec tn_spec_max_pool3d = {.op = "max_pool3d",
                                       .dtypes = POOLED_DTYPES,
                                       .samples = max_samples,
                                       .reference = max_reference,
                                       .errors = pool_errors,
                                       .flags = TN_SPEC_TAKES_ANY_DTYPE};

// grad_output, self, lists, ceil_mode, indices
static void max_backward_samples(tn_samples *samples) {
  int count;
  const pool_row *rows = rows_of(tn_samples_spec(samples), &count);
  for (int i = 0; i < count; i++) {
    const pool_row *r = &rows[i];
    tn_sample shape_of = {.spec = tn_samples_spec(samples)};
    tn_operand self = {.ndim = r->ndim};
    memcpy(self.sizes, r->sizes, sizeof r->sizes);
    const int64_t *lists[] = {r->kernel, r->stride, r->padding, r->dilation};
    for (int k = 0; k < 4; k++) {
      shape_of.args[shape_of.arg_count++].value =
          tn_value_ints(tn_ints_of(lists[k], spatial_of(tn_samples_spec(samples))));
    }
    window w = window_of(&shape_of, &self, 0, true, r->ceil_mode);
    int64_t sizes[5];
    memcpy(sizes, r->sizes, sizeof sizes);
    for (int d = 0; d < w.spatial; d++) sizes[r->ndim - w.spatial + d] = w.places[d];
    tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
    tn_sample_tensor(sample, tn_ints_of(sizes, r->ndim), tn_samples_dtype(samples), -4, 4);
    tn_sample_tensor(sample, tn_ints_of(r->sizes, r->ndim), tn_samples_dtype(samples), -4, 4);
    add_lists(sample, r, true);
    tn_sample_tensor(sample, tn_ints_of(sizes, r->ndim), TN_I64, 0,
                     (double)(product(&w, w.size) - 1));
  }
}
static void max_backward_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *grad = &sample->operands[0], *self = &sample->operands[1];
  int32_t spatial = spatial_of(sample->spec), lead = self->ndim - spatial;
  int64_t plane = tn_reference_numel(spatial, self->sizes + lead);
  int64_t count = tn_reference_numel(spatial, grad->sizes + lead);
  double *out = reference_like(expected, self, self->dtype), *scales = tn_expect_scales(expected);
  for (int64_t i = 0; out != NULL && scales != NULL && i < grad->numel; i++) {
    int64_t at = i / count * plane + (int64_t)sample->operands[2].values[i];
    out[at] += grad->values[i];
    scales[at] += fabs(grad->values[i]);
  }
}

const tn_op_spec tn_spec_max_pool2d_with_indices_backward = {
    .op = "max_pool2d_with_indices_backward",
    .dtypes = TN_DTYPES_FLOATING,
    .samples = max_backward_samples,
    .reference = max_backward_reference,
    .ulps = 2,
    .half_ulps = 4,
    .smooth = 1,
    .flags = TN_SPEC_TAKES_ANY_DTYPE};
const tn_op_spec tn_spec_max_pool3d_with_indices_backward = {
    .op = "max_pool3d_with_indices_backward",
    .dtypes = TN_DTYPES_FLOATING,
    .samples = max_backward_samples,
    .reference = max_backward_reference,
    .ulps = 2,
    .half_ulps = 4,
    .smooth = 1,
    .flags = TN_SPEC_TAKES_ANY_DTYPE};

// ---- mean --------------------------------------------------------------------------------------

static void add_mean_options(tn_samples *samples, const char *name, bool counts, int64_t divisor) {
  tn_sample *sample = tn_sample_add(samples, name, 0);
  const pool_row *r = row_named(tn_samples_spec(samples), "ceil, padded");
  tn_sample_tensor(sample, tn_ints_of(r->sizes, r->ndim), tn_samples_dtype(samples), -20, 20);
  add_lists(sample, r, false);
  tn_sample_bool(sample, counts);
  if (divisor != 0) tn_sample_int(sample, divisor);
}
static void mean_samples(tn_samples *samples) {
  pool_samples(samples, false);
  add_mean_options(samples, "padding not counted", false, 0);
  if (spatial_of(tn_samples_spec(samples)) == 1) return;
  add_mean_options(samples, "another divisor", true, 5);
  add_mean_options(samples, "a negative divisor", false, -3);
}

// What the sum of place |p| is divided by.
static double divisor_of(const window *w, int64_t p, bool counts, int64_t divisor) {
  int64_t place[3], padded = 1, own = 1;
  tn_reference_unravel(p, w->spatial, w->places, place);
  for (int d = 0; d < w->spatial; d++) {
    int64_t start = place[d] * w->stride[d] - w->padding[d], end = start + w->kernel[d];
    int64_t limit = w->size[d] + w->padding[d];
    padded *= (end < limit ? end : limit) - start;
    own *= (end < w->size[d] ? end : w->size[d]) - (start > 0 ? start : 0);
  }
  return (double)(divisor != 0 ? divisor : counts ? padded : own);
}
static void mean_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  window w = window_of(sample, self, 1, false, tn_sample_bool_at(sample, 4, false));
  int64_t count = product(&w, w.places), plane = product(&w, w.size);
  double *out = expect_places(self, &w, self->dtype, expected),
         *scales = tn_expect_scales(expected);
  for (int64_t i = 0; out != NULL && scales != NULL && i < w.planes * count; i++) {
    double divisor = divisor_of(&w, i % count, tn_sample_bool_at(sample, 5, true),
                                tn_sample_int_at(sample, 6, 0));
    for (int64_t k = 0; k < product(&w, w.kernel); k++) {
      int64_t at = element_of(&w, i % count, k);
      double value = at < 0 ? 0 : self->values[i / count * plane + at] / divisor;
      out[i] += value;
      scales[i] += fabs(value);
    }
  }
}
static void mean_errors(tn_samples *samples) {
  pool_errors(samples);
  int32_t spatial = spatial_of(tn_samples_spec(samples));
  if (spatial == 1) return;
  static const int64_t shape[] = {1, 1, 4, 5, 4};
  tn_sample *sample =
      tn_sample_failing(samples, "divisor 0", TN_INVALID_ARGUMENT, "divisor_override");
  tn_sample_tensor(sample, tn_ints_of(shape, 2 + spatial), tn_samples_dtype(samples), 0, 1);
  add_lists(sample, row_named(tn_samples_spec(samples), "2x2"), false);
  tn_sample_bool(sample, true);
  tn_sample_int(sample, 0);
}

const tn_op_spec tn_spec_avg_pool2d = {.op = "avg_pool2d",
                                       .dtypes = TN_DTYPES_FLOATING,
                                       .samples = mean_samples,
                                       .reference = mean_reference,
                                       .errors = mean_errors,
                                       .ulps = 2,
                                       .flags = TN_SPEC_TAKES_ANY_DTYPE};
const tn_op_spec tn_spec_avg_pool1d = {.op = "avg_pool1d",
                                       .dtypes = TN_DTYPES_FLOATING,
                                       .samples = mean_samples,
                                       .reference = mean_reference,
                                       .errors = mean_errors,
                                       .ulps = 2,
                                       .flags = TN_SPEC_TAKES_ANY_DTYPE};
const tn_op_spec tn_spec_avg_pool3d = {.op = "avg_pool3d",
                                       .dtypes = TN_DTYPES_FLOATING,
                                       .samples = mean_samples,
                                       .reference = mean_reference,
                                       .errors = mean_errors,
                                       .ulps = 2,
                                       .flags = TN_SPEC_TAKES_ANY_DTYPE};

static void add_mean_backward(tn_samples *samples, const pool_row *r, bool counts,
                              int64_t divisor) {
  tn_operand self = {.ndim = r->ndim};
  tn_sample shape_of = {.spec = tn_samples_spec(samples)};
  const int64_t *lists[] = {r->kernel, r->stride, r->padding};
  int64_t sizes[5];
  memcpy(self.sizes, r->sizes, sizeof r->sizes);
  for (int k = 0; k < 3; k++) {
    shape_of.args[shape_of.arg_count++].value =
        tn_value_ints(tn_ints_of(lists[k], spatial_of(tn_samples_spec(samples))));
  }
  window w = window_of(&shape_of, &self, 0, false, r->ceil_mode);
  memcpy(sizes, r->sizes, sizeof sizes);
  for (int d = 0; d < w.spatial; d++) sizes[r->ndim - w.spatial + d] = w.places[d];
  tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
  tn_sample_tensor(sample, tn_ints_of(sizes, r->ndim), tn_samples_dtype(samples), -4, 4);
  tn_sample_tensor(sample, tn_ints_of(r->sizes, r->ndim), tn_samples_dtype(samples), -4, 4);
  add_lists(sample, r, false);
  tn_sample_bool(sample, counts);
  if (divisor != 0) tn_sample_int(sample, divisor);
}
static void mean_backward_samples(tn_samples *samples) {
  int count;
  const pool_row *rows = rows_of(tn_samples_spec(samples), &count);
  for (int i = 0; i < count; i++) {
    if (!is_dilated(&rows[i])) add_mean_backward(samples, &rows[i], i % 2 == 0, 0);
  }
  add_mean_backward(samples, row_named(tn_samples_spec(samples), "ceil, padded"), true, 5);
}
static void mean_backward_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *grad = &sample->operands[0], *self = &sample->operands[1];
  window w = window_of(sample, self, 2, false, tn_sample_bool_at(sample, 5, false));
  int64_t count = product(&w, w.places), plane = product(&w, w.size);
  double *out = reference_like(expected, self, self->dtype), *scales = tn_expect_scales(expected);
  for (int64_t i = 0; out != NULL && scales != NULL && i < grad->numel; i++) {
    double share = grad->values[i] / divisor_of(&w, i % count, tn_sample_bool_at(sample, 6, true),
                                                tn_sample_int_at(sample, 7, 0));
    for (int64_t k = 0; k < product(&w, w.kernel); k++) {
      int64_t at = element_of(&w, i % count, k);
      if (at < 0) continue;
      out[i / count * plane + at] += share;
      scales[i / count * plane + at] += fabs(share);
    }
  }
}

const tn_op_spec tn_spec_avg_pool2d_backward = {.op = "avg_pool2d_backward",
                                                .dtypes = TN_DTYPES_FLOATING,
                                                .samples = mean_backward_samples,
                                                .reference = mean_backward_reference,
                                                .ulps = 4,
                                                .smooth = 1,
                                                .flags = TN_SPEC_TAKES_ANY_DTYPE};
const tn_op_spec tn_spec_avg_pool3d_backward = {.op = "avg_pool3d_backward",
                                                .dtypes = TN_DTYPES_FLOATING,
                                                .samples = mean_backward_samples,
                                                .reference = mean_backward_reference,
                                                .ulps = 4,
                                                .smooth = 1,
                                                .flags = TN_SPEC_TAKES_ANY_DTYPE};
