// SPDX-License-Identifier: Apache-2.0
//
// grid_sample: images read at places. The reference interpolates from the definition: a weight is a
// function of the distance between a place and an element, and an element outside of the image is
// found by the padding mode. Its gradients are differences of nothing: the weight's own slope.

#include "reference.h"

enum { BILINEAR, NEAREST, BICUBIC };
enum { ZEROS, BORDER, REFLECTION };

// grad_output in a backward operator; input, grid, interpolation_mode, padding_mode, align_corners;
// output_mask.
typedef struct grid_row {
  const char *name;
  uint32_t flags;
  int64_t sizes[4], out[2];
  double reach;  // of the grid's coordinates
} grid_row;

static const grid_row rows[] = {
    {"inside", 0, {1, 2, 3, 4}, {2, 2}, 0.9},
    {"beyond", 0, {2, 1, 3, 2}, {2, 3}, 1.9},
    {"far beyond", TN_SAMPLE_NO_GRAD, {1, 2, 4, 3}, {3, 5}, 6},
    {"one element", 0, {1, 2, 1, 1}, {2, 2}, 1.5},
    {"no samples", TN_SAMPLE_NO_GRAD, {0, 2, 3, 3}, {2, 2}, 1},
    {"no places", TN_SAMPLE_NO_GRAD, {1, 2, 3, 3}, {0, 2}, 1},
};
static const grid_row large = {"large", TN_SAMPLE_LARGE, {4, 4, 20, 22}, {30, 31}, 1.3};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static bool is_backward(const tn_op_spec *spec) { return strstr(spec->op, "backward") != NULL; }

static void add_sampling(tn_samples *samples, const grid_row *r, int64_t interpolation,
                         int64_t padding, bool align_corners, int left_out) {
  bool back = is_backward(tn_samples_spec(samples));
  tn_dtype dtype = tn_samples_dtype(samples);
  tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
  if (back) {
    tn_sample_tensor(sample, TN_SHAPE(r->sizes[0], r->sizes[1], r->out[0], r->out[1]), dtype, -2,
                     2);
  }
  tn_sample_tensor(sample, tn_ints_of(r->sizes, 4), dtype, -2, 2);
  tn_sample_tensor(sample, TN_SHAPE(r->sizes[0], r->out[0], r->out[1], 2), dtype, -r->reach,
                   r->reach);
  tn_sample_int(sample, interpolation);
  tn_sample_int(sample, padding);
  tn_sample_bool(sample, align_corners);
  if (!back) return;
  tn_value mask = tn_value_ints(TN_INTS(left_out != 1, left_out != 2));
  mask.kind = TN_VALUE_BOOLS;
  tn_sample_value(sample, mask);
}

static void grid_samples(tn_samples *samples) {
  for (int mode = 0; mode < 9; mode++) {
    for (int i = 0; i < ROW_COUNT; i++) {
      add_sampling(samples, &rows[i], mode / 3, mode % 3, (i + mode) % 2 == 0, (i + mode) % 4);
    }
    add_sampling(samples, &large, mode / 3, mode % 3, mode % 2 == 0, 0);
  }
}

// ---- the reference -----------------------------------------------------------------------------

// A coordinate in elements, and what it changes by with the grid's.
typedef struct place {
  double at, slope;
} place;

// Walks |at| back and forth between the ends until it is where it would have stopped inside.
static place bounce(place p, double low, double high) {
  if (!(high > low)) return (place){0, 0};
  while (p.at < low || p.at > high) {
    p.at = p.at < low ? 2 * low - p.at : 2 * high - p.at;
    p.slope = -p.slope;
  }
  return p;
}
static place stop(place p, int64_t size) {
  if (!(p.at > 0)) return (place){0, 0};
  return p.at >= (double)(size - 1) ? (place){(double)(size - 1), 0} : p;
}
static place pad(place p, int64_t size, int64_t padding, bool align_corners) {
  double edge = align_corners ? 0 : -0.5;
  if (padding == REFLECTION) p = bounce(p, edge, (double)(size - 1) - edge);
  return padding == ZEROS ? p : stop(p, size);
}

// The interpolating weight at a signed distance x = place - element, and its derivative.
static double weight_of(int64_t mode, double x, double *slope) {
  double d = fabs(x), sign = x < 0 ? -1 : 1;
  if (mode == BILINEAR) {
    *slope = d < 1 ? -sign : 0;
    return d < 1 ? 1 - d : 0;
  }
  if (d <= 1) {
    *slope = sign * (3 * 1.25 * d * d - 2 * 2.25 * d);
    return 1.25 * d * d * d - 2.25 * d * d + 1;
  }
  *slope = d < 2 ? sign * (-3 * 0.75 * d * d + 2 * 3.75 * d - 6) : 0;
  return d < 2 ? -0.75 * d * d * d + 3.75 * d * d - 6 * d + 3 : 0;
}

typedef struct line {
  int count;
  int64_t element[4];
  double weight[4], slope[4];
} line;

static line line_at(double coordinate, int64_t size, int64_t mode, int64_t padding,
                    bool align_corners) {
  line l = {.count = mode == NEAREST ? 1 : mode == BILINEAR ? 2 : 4};
  double n = (double)size;
  place p = align_corners ? (place){(coordinate + 1) * (n - 1) / 2, (n - 1) / 2}
                          : (place){((coordinate + 1) * n - 1) / 2, n / 2};
  if (mode != BICUBIC) p = pad(p, size, padding, align_corners);
  double first = mode == NEAREST ? nearbyint(p.at) : floor(p.at) - (mode == BICUBIC ? 1 : 0);
  for (int i = 0; i < l.count; i++) {
    double element = first + i, slope = 0;
    l.weight[i] = mode == NEAREST ? 1 : weight_of(mode, p.at - element, &slope);
    if (mode == BILINEAR) slope = i == 0 ? -1 : 1;
    l.slope[i] = slope * p.slope;
    if (mode == BICUBIC) element = pad((place){element, 1}, size, padding, align_corners).at;
    l.element[i] = element >= 0 && element < n ? (int64_t)element : -1;
  }
  return l;
}

typedef struct walk {
  const tn_sample *sample;
  const tn_operand *input, *grid;
  const double *grad;
  double *out, *scales;  // the result, or the gradient of the input
  double *grid_out, *grid_scales;
} walk;

// One tap of place |p| of image |n|: element |at| of a plane.
static void visit(const walk *w, int64_t n, int64_t p, int64_t at, double weight, double slope_x,
                  double slope_y) {
  int64_t plane = w->input->sizes[2] * w->input->sizes[3];
  int64_t places = w->grid->sizes[1] * w->grid->sizes[2];
  // A place's last digit is that of a number as large as the image.
  double reach = (double)(w->input->sizes[2] + w->input->sizes[3]);
  for (int64_t c = 0; c < w->input->sizes[1]; c++) {
    int64_t from = (n * w->input->sizes[1] + c) * plane + at;
    int64_t to = (n * w->input->sizes[1] + c) * places + p;
    double value = w->input->values[from];
    if (w->grad == NULL) {
      w->out[to] += weight * value;
      w->scales[to] += fabs(value) * reach;
      continue;
    }
    double g = w->grad[to];
    if (w->out != NULL) {
      w->out[from] += weight * g;
      w->scales[from] += fabs(g) * reach;
    }
    if (w->grid_out == NULL) continue;
    int64_t k = (n * places + p) * 2;
    w->grid_out[k] += slope_x * value * g;
    w->grid_out[k + 1] += slope_y * value * g;
    w->grid_scales[k] += 8 * fabs(value * g) * (double)w->input->sizes[3];
    w->grid_scales[k + 1] += 8 * fabs(value * g) * (double)w->input->sizes[2];
  }
}

static void visit_all(const walk *w, int32_t first) {
  int64_t mode = tn_sample_int_at(w->sample, first, 0);
  int64_t padding = tn_sample_int_at(w->sample, first + 1, 0);
  bool corners = tn_sample_bool_at(w->sample, first + 2, false);
  int64_t places = w->grid->sizes[1] * w->grid->sizes[2], width = w->input->sizes[3];
  for (int64_t k = 0; k < w->grid->sizes[0] * places; k++) {
    line x = line_at(w->grid->values[2 * k], width, mode, padding, corners);
    line y = line_at(w->grid->values[2 * k + 1], w->input->sizes[2], mode, padding, corners);
    for (int v = 0; v < y.count; v++) {
      for (int u = 0; u < x.count; u++) {
        if (y.element[v] < 0 || x.element[u] < 0) continue;
        visit(w, k / places, k % places, y.element[v] * width + x.element[u],
              y.weight[v] * x.weight[u], y.weight[v] * x.slope[u], y.slope[v] * x.weight[u]);
      }
    }
  }
}

static void forward_reference(const tn_sample *sample, tn_expected *expected) {
  walk w = {sample, &sample->operands[0], &sample->operands[1], NULL, NULL, NULL, NULL, NULL};
  const int64_t sizes[] = {w.input->sizes[0], w.input->sizes[1], w.grid->sizes[1],
                           w.grid->sizes[2]};
  w.out = tn_expect(expected, w.input->dtype, 4, sizes);
  w.scales = tn_expect_scales(expected);
  if (w.out != NULL && w.scales != NULL) visit_all(&w, 2);
}

static void backward_reference(const tn_sample *sample, tn_expected *expected) {
  const int64_t nothing = 0;
  tn_ints mask = tn_sample_ints_at(sample, 6);
  walk w = {sample,
            &sample->operands[1],
            &sample->operands[2],
            sample->operands[0].values,
            NULL,
            NULL,
            NULL,
            NULL};
  if (mask.data[0] != 0) {
    w.out = reference_like(expected, w.input, w.input->dtype);
    w.scales = tn_expect_scales(expected);
  } else {
    (void)tn_expect(expected, w.input->dtype, 1, &nothing);
  }
  if (mask.data[1] != 0) {
    w.grid_out = reference_like(expected, w.grid, w.input->dtype);
    w.grid_scales = tn_expect_scales(expected);
  } else {
    (void)tn_expect(expected, w.input->dtype, 1, &nothing);
  }
  visit_all(&w, 3);
}

static void grid_errors(tn_samples *samples) {
  static const char *const arguments[] = {"input",        "grid",  "grid", "interpolation_mode",
                                          "padding_mode", "input", "grid"};
  bool back = is_backward(tn_samples_spec(samples));
  tn_dtype dtype = tn_samples_dtype(samples);
  for (int i = 0; i < 7; i++) {
    tn_sample *sample = tn_sample_failing(
        samples, arguments[i], i == 6 ? TN_INVALID_DTYPE : TN_INVALID_ARGUMENT, arguments[i]);
    if (back) tn_sample_tensor(sample, TN_SHAPE(1, 1, 2, 2), dtype, 0, 1);
    tn_ints shape = i == 0   ? TN_SHAPE(1, 3, 3)
                    : i == 5 ? TN_SHAPE(1, 1, 3, 0)
                             : TN_SHAPE(1, 1, 3, 3);
    tn_sample_tensor(sample, shape, dtype, 0, 1);
    tn_ints places = i == 1   ? TN_SHAPE(2, 2, 2, 2)
                     : i == 2 ? TN_SHAPE(1, 2, 2, 3)
                              : TN_SHAPE(1, 2, 2, 2);
    tn_sample_tensor(sample, places, i == 6 ? (dtype == TN_F64 ? TN_F32 : TN_F64) : dtype, 0, 1);
    tn_sample_int(sample, i == 3 ? 3 : 0);
    tn_sample_int(sample, i == 4 ? -1 : 0);
    tn_sample_bool(sample, false);
    if (!back) continue;
    tn_value mask = tn_value_ints(TN_INTS(1, 1));
    mask.kind = TN_VALUE_BOOLS;
    tn_sample_value(sample, mask);
  }
}

static const char no_second[] =
    "the backward operator has no gradient, as in PyTorch; a weight of 0 of an infinite element "
    "may "
    "be NaN or left out, and a place that is not a number is outside";

const tn_op_spec tn_spec_grid_sampler_2d = {.op = "grid_sampler_2d",
                                            .dtypes = TN_DTYPES_FLOATING,
                                            .samples = grid_samples,
                                            .reference = forward_reference,
                                            .errors = grid_errors,
                                            .ulps = 4,
                                            .flags = TN_SPEC_FIRST_GRAD_ONLY,
                                            .finite = 3,
                                            .why = no_second};
const tn_op_spec tn_spec_grid_sampler_2d_backward = {.op = "grid_sampler_2d_backward",
                                                     .dtypes = TN_DTYPES_FLOATING,
                                                     .samples = grid_samples,
                                                     .reference = backward_reference,
                                                     .errors = grid_errors,
                                                     .ulps = 4,
                                                     .flags = TN_SPEC_NO_GRAD,
                                                     .finite = 7,
                                                     .why = no_second};
