// SPDX-License-Identifier: Apache-2.0
//
// adaptive_pool: means over as many windows as the caller wants results, over the last one, two or
// three dimensions. An operator's name says over how many.

#include "reference.h"

typedef struct adaptive_row {
  const char *name;
  uint32_t flags;
  int32_t lead;  // dimensions before those that are pooled
  int64_t sizes[5], places[3];
} adaptive_row;

// In three dimensions; fewer take the last ones.
static const adaptive_row rows[] = {
    {"evenly", 0, 2, {1, 2, 2, 4, 4}, {1, 2, 2}},
    {"overlapping", 0, 2, {2, 1, 3, 2, 5}, {2, 2, 3}},
    {"no batch", 0, 1, {2, 2, 3, 5}, {2, 2, 2}},
    {"to one", 0, 2, {2, 2, 2, 2, 4}, {1, 1, 1}},
    {"more than there are", 0, 2, {1, 1, 2, 2, 3}, {3, 3, 5}},
    {"no results", TN_SAMPLE_NO_GRAD, 2, {1, 2, 2, 3, 4}, {2, 1, 0}},
    {"no samples", TN_SAMPLE_NO_GRAD, 2, {0, 2, 2, 3, 4}, {1, 2, 2}},
    {"odd sizes", TN_SAMPLE_NO_GRAD, 2, {2, 3, 3, 7, 53}, {2, 3, 4}},
    {"large", TN_SAMPLE_LARGE, 2, {4, 16, 4, 28, 30}, {2, 7, 7}},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static int32_t spatial_of(const tn_op_spec *spec) {
  return strstr(spec->op, "1d") ? 1 : strstr(spec->op, "2d") ? 2 : 3;
}

// The sizes of the input, or with |pooled| of the result. Gives the rank.
static int32_t shape_of(const adaptive_row *r, int32_t spatial, bool pooled, int64_t *sizes) {
  for (int32_t d = 0; d < r->lead; d++) sizes[d] = r->sizes[d];
  for (int32_t d = 0; d < spatial; d++) {
    int32_t from = 3 - spatial + d;
    sizes[r->lead + d] = pooled ? r->places[from] : r->sizes[r->lead + from];
  }
  return r->lead + spatial;
}

static void forward_samples(tn_samples *samples) {
  int32_t spatial = spatial_of(tn_samples_spec(samples));
  for (int i = 0; i < ROW_COUNT; i++) {
    int64_t sizes[5];
    int32_t ndim = shape_of(&rows[i], spatial, false, sizes);
    tn_sample *sample = tn_sample_add(samples, rows[i].name, rows[i].flags);
    tn_sample_tensor(sample, tn_ints_of(sizes, ndim), tn_samples_dtype(samples), -20, 20);
    tn_sample_ints(sample, tn_ints_of(rows[i].places + 3 - spatial, spatial));
  }
  tn_sample *sample = tn_sample_add(samples, "one integer for all", 0);
  static const int64_t shape[] = {1, 1, 4, 3, 4};
  tn_sample_tensor(sample, tn_ints_of(shape, 2 + spatial), tn_samples_dtype(samples), -20, 20);
  tn_sample_ints(sample, TN_INTS(2));
}

static void backward_samples(tn_samples *samples) {
  int32_t spatial = spatial_of(tn_samples_spec(samples));
  for (int i = 0; i < ROW_COUNT; i++) {
    int64_t sizes[5];
    tn_sample *sample = tn_sample_add(samples, rows[i].name, rows[i].flags);
    for (int k = 0; k < 2; k++) {
      int32_t ndim = shape_of(&rows[i], spatial, k == 0, sizes);
      tn_sample_tensor(sample, tn_ints_of(sizes, ndim), tn_samples_dtype(samples), -4, 4);
    }
  }
}

// Adds to |to| what each pair of a result and an element of its window gives, one or the other way.
typedef struct transfer {
  const tn_operand *image;
  int32_t spatial, lead;
  const int64_t *places;
  const double *values;  // of the input, or with |back| of the gradient
  double *out, *scales;
  bool back;
} transfer;

static void transfer_place(const transfer *t, int64_t volume, int64_t p) {
  int64_t place[3], start[3], count[3], inside[3], total = 1;
  const int64_t *sizes = t->image->sizes + t->lead;
  tn_reference_unravel(p, t->spatial, t->places, place);
  for (int32_t d = 0; d < t->spatial; d++) {
    int64_t end = ((place[d] + 1) * sizes[d] + t->places[d] - 1) / t->places[d];
    start[d] = place[d] * sizes[d] / t->places[d];
    count[d] = end - start[d];
    total *= count[d];
  }
  int64_t to = volume * tn_reference_numel(t->spatial, t->places) + p;
  for (int64_t k = 0; k < total; k++) {
    tn_reference_unravel(k, t->spatial, count, inside);
    for (int32_t d = 0; d < t->spatial; d++) inside[d] += start[d];
    int64_t from = volume * tn_reference_numel(t->spatial, sizes) +
                   tn_reference_ravel(t->spatial, sizes, inside);
    int64_t read = t->back ? to : from, written = t->back ? from : to;
    double value = t->values[read] / (double)total;
    t->out[written] += value;
    t->scales[written] += fabs(value);
  }
}

static void transfer_all(const transfer *t) {
  int64_t volumes = tn_reference_numel(t->lead, t->image->sizes);
  int64_t count = tn_reference_numel(t->spatial, t->places);
  for (int64_t v = 0; t->out != NULL && t->scales != NULL && v < volumes; v++) {
    for (int64_t p = 0; p < count; p++) transfer_place(t, v, p);
  }
}

static void forward_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  int32_t spatial = spatial_of(sample->spec), lead = self->ndim - spatial;
  tn_ints asked = tn_sample_ints_at(sample, 1);
  int64_t sizes[TN_SPEC_MAX_DIMS];
  for (int32_t d = 0; d < self->ndim; d++) {
    sizes[d] = d < lead ? self->sizes[d] : asked.data[asked.count == 1 ? 0 : d - lead];
  }
  double *out = tn_expect(expected, self->dtype, self->ndim, sizes);
  transfer t = {self, spatial, lead, sizes + lead, self->values, out, tn_expect_scales(expected),
                false};
  transfer_all(&t);
}

static void backward_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *grad = &sample->operands[0], *self = &sample->operands[1];
  int32_t spatial = spatial_of(sample->spec), lead = self->ndim - spatial;
  double *out = reference_like(expected, self, self->dtype);
  transfer t = {
      self, spatial, lead, grad->sizes + lead, grad->values, out, tn_expect_scales(expected), true};
  transfer_all(&t);
}

static void add_failing(tn_samples *samples, const char *name, const char *argument, tn_ints shape,
                        tn_ints asked) {
  tn_sample *sample = tn_sample_failing(samples, name, TN_INVALID_ARGUMENT, argument);
  tn_sample_tensor(sample, shape, tn_samples_dtype(samples), 0, 1);
  tn_sample_ints(sample, asked);
}
static void forward_errors(tn_samples *samples) {
  static const int64_t whole[] = {1, 1, 4, 4, 4}, empty[] = {1, 1, 0, 0, 0};
  int32_t ndim = 2 + spatial_of(tn_samples_spec(samples));
  bool line = ndim == 3;
  add_failing(samples, "rank", "self", tn_ints_of(whole, ndim - 2), TN_INTS(2));
  add_failing(samples, "nothing to average", "self", tn_ints_of(empty, ndim), TN_INTS(2));
  add_failing(samples, "negative", "output_size", tn_ints_of(whole, ndim), TN_INTS(-1));
  add_failing(samples, "too many", "output_size", tn_ints_of(whole, ndim),
              line ? TN_INTS(2, 2) : TN_INTS(2, 2, 2, 2));
}
static void backward_errors(tn_samples *samples) {
  static const int64_t other[] = {1, 2, 2, 2, 2}, whole[] = {1, 1, 4, 4, 4};
  int32_t ndim = 2 + spatial_of(tn_samples_spec(samples));
  tn_sample *sample = tn_sample_failing(samples, "channels", TN_INVALID_ARGUMENT, "grad_output");
  tn_sample_tensor(sample, tn_ints_of(other, ndim), tn_samples_dtype(samples), 0, 1);
  tn_sample_tensor(sample, tn_ints_of(whole, ndim), tn_samples_dtype(samples), 0, 1);
}

#define FORWARD                                                                             \
  .dtypes = TN_DTYPES_FLOATING, .samples = forward_samples, .reference = forward_reference, \
  .errors = forward_errors, .ulps = 2
#define BACKWARD                                                                              \
  .dtypes = TN_DTYPES_FLOATING, .samples = backward_samples, .reference = backward_reference, \
  .errors = backward_errors, .ulps = 4, .smooth = 1

const tn_op_spec tn_spec__adaptive_avg_pool2d = {.op = "_adaptive_avg_pool2d", FORWARD};
const tn_op_spec tn_spec__adaptive_avg_pool3d = {.op = "_adaptive_avg_pool3d", FORWARD};
const tn_op_spec tn_spec_adaptive_avg_pool1d = {.op = "adaptive_avg_pool1d", FORWARD};
const tn_op_spec tn_spec_adaptive_avg_pool2d = {.op = "adaptive_avg_pool2d", FORWARD};
const tn_op_spec tn_spec_adaptive_avg_pool3d = {.op = "adaptive_avg_pool3d", FORWARD};
const tn_op_spec tn_spec__adaptive_avg_pool2d_backward = {.op = "_adaptive_avg_pool2d_backward",
                                                          BACKWARD};
const tn_op_spec tn_spec__adaptive_avg_pool3d_backward = {.op = "_adaptive_avg_pool3d_backward",
                                                          BACKWARD};
