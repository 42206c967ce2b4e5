// SPDX-License-Identifier: Apache-2.0
//
// grid_sample: grid_sampler_2d and its gradients. For each place of the grid the elements that it
// is interpolated from, at most 4 x 4, are found once with their weights and the weights' slopes,
// and then serve every channel. f16 and bf16 compute in f32 (wide.h). A place that is not a number,
// or far outside of the image, reads as one at -100 in PyTorch; here too.

#include <math.h>
#include <tenon/op_args.h>

#include "cpu.h"
#include "wide.h"

enum { BILINEAR, NEAREST, BICUBIC };
enum { ZEROS, BORDER, REFLECTION };
enum { MAX_TAPS = 16 };

typedef struct sampling {
  int64_t images, channels, in[2], out[2];
  int64_t interpolation, padding;
  bool align_corners;
  const void *input, *grid, *grad;
  void *result, *grad_input, *grad_grid;  // NULL where not asked for
} sampling;

// What one result is interpolated from. Offsets are within a plane; -1: outside, which counts as 0.
typedef struct taps {
  int count;
  int64_t offsets[MAX_TAPS];
  double weights[MAX_TAPS], slopes_x[MAX_TAPS], slopes_y[MAX_TAPS];
} taps;

// ---- coordinates -------------------------------------------------------------------------------

// A coordinate and its derivative by what it was computed from.
typedef struct place {
  double at, slope;
} place;

static place in_elements(double coordinate, int64_t size, bool align_corners) {
  const double n = (double)size;
  if (align_corners) return (place){(coordinate + 1) / 2 * (n - 1), (n - 1) / 2};
  return (place){((coordinate + 1) * n - 1) / 2, n / 2};
}

static place clipped(place p, int64_t size) {
  const double last = (double)(size - 1);
  if (!(p.at > 0)) return (place){0, 0};
  if (p.at >= last) return (place){last, 0};
  return p;
}

// Reflected at |low| and |low| + |span| until it lies between.
static place reflected(place p, double low, double span) {
  if (!(span > 0)) return (place){0, 0};
  double distance = p.at - low;
  if (distance < 0) {
    distance = -distance;
    p.slope = -p.slope;
  }
  const double extra = fmod(distance, span), flips = floor(distance / span);
  if (fmod(flips, 2) == 0) return (place){extra + low, p.slope};
  return (place){span - extra + low, -p.slope};
}

static place padded(const sampling *s, place p, int64_t size) {
  if (s->padding == BORDER) return clipped(p, size);
  if (s->padding == REFLECTION) {
    const double n = (double)size;
    return clipped(s->align_corners ? reflected(p, 0, n - 1) : reflected(p, -0.5, n), size);
  }
  return p;
}

static place kept_finite(place p) {
  if (p.at > -0x1p62 && p.at < 0x1p62) return p;
  return (place){-100, 0};
}

// ---- taps --------------------------------------------------------------------------------------

// Up to four elements of one dimension with weights and slopes; -1: outside.
typedef struct line {
  int count;
  int64_t elements[4];
  double weights[4], slopes[4];
} line;

static int64_t inside_or_none(double element, int64_t size) {
  return element >= 0 && element < (double)size ? (int64_t)element : -1;
}

static void find_nearest(place p, int64_t size, line *l) {
  l->count = 1;
  l->elements[0] = inside_or_none(nearbyint(p.at), size);
  l->weights[0] = 1;
  l->slopes[0] = 0;
}

static void find_linear(place p, int64_t size, line *l) {
  const double first = floor(p.at), t = p.at - first;
  l->count = 2;
  for (int i = 0; i < 2; i++) {
    l->elements[i] = inside_or_none(first + i, size);
    l->weights[i] = i == 0 ? 1 - t : t;
    l->slopes[i] = i == 0 ? -p.slope : p.slope;
  }
}

// Keys' cubic with -0.75: |x| <= 1 the first, up to 2 the second.
static double cubic_near(double x) { return (1.25 * x - 2.25) * x * x + 1; }
static double cubic_far(double x) { return ((-0.75 * x + 3.75) * x - 6) * x + 3; }
static double cubic_near_slope(double x) { return (3.75 * x - 4.5) * x; }
static double cubic_far_slope(double x) { return (-2.25 * x + 7.5) * x - 6; }

// Each of the four elements is padded by itself.
static void find_cubic(const sampling *s, place p, int64_t size, line *l) {
  const double first = floor(p.at), t = p.at - first;
  const double weights[4] = {cubic_far(t + 1), cubic_near(t), cubic_near(1 - t), cubic_far(2 - t)};
  const double slopes[4] = {cubic_far_slope(t + 1), cubic_near_slope(t), -cubic_near_slope(1 - t),
                            -cubic_far_slope(2 - t)};
  l->count = 4;
  for (int i = 0; i < 4; i++) {
    const place element = padded(s, (place){first - 1 + i, 1}, size);
    l->elements[i] = inside_or_none(element.at, size);
    l->weights[i] = weights[i];
    l->slopes[i] = slopes[i] * p.slope;
  }
}

static void find_line(const sampling *s, double coordinate, int64_t size, line *l) {
  place p = in_elements(coordinate, size, s->align_corners);
  if (s->interpolation == BICUBIC) {
    find_cubic(s, kept_finite(p), size, l);
    return;
  }
  p = kept_finite(padded(s, p, size));
  if (s->interpolation == NEAREST) {
    find_nearest(p, size, l);
  } else {
    find_linear(p, size, l);
  }
}

static void find_taps(const sampling *s, double x, double y, taps *t) {
  line across, down;
  find_line(s, x, s->in[1], &across);
  find_line(s, y, s->in[0], &down);
  t->count = 0;
  for (int v = 0; v < down.count; v++) {
    for (int u = 0; u < across.count; u++, t->count++) {
      const bool inside = down.elements[v] >= 0 && across.elements[u] >= 0;
      t->offsets[t->count] = inside ? down.elements[v] * s->in[1] + across.elements[u] : -1;
      t->weights[t->count] = down.weights[v] * across.weights[u];
      t->slopes_x[t->count] = down.weights[v] * across.slopes[u];
      t->slopes_y[t->count] = down.slopes[v] * across.weights[u];
    }
  }
}

#define REAL float
#define NAME(x) x##_f32
#include "grid_sample.inc.h"

#define REAL double
#define NAME(x) x##_f64
#include "grid_sample.inc.h"

// ---- operators ---------------------------------------------------------------------------------

static sampling sampling_of(const tn_view *input, const tn_view *grid) {
  sampling s = {.images = input->sizes[0],
                .channels = input->sizes[1],
                .in = {input->sizes[2], input->sizes[3]},
                .out = {grid->sizes[1], grid->sizes[2]},
                .input = input->data,
                .grid = grid->data};
  return s;
}

static tn_status forward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)ctx;
  const tn_grid_sampler_2d_attrs *attrs = attributes;
  const tn_view *input = &views[TN_ARG_grid_sampler_2d_input];
  sampling s = sampling_of(input, &views[TN_ARG_grid_sampler_2d_grid]);
  s.interpolation = attrs->interpolation_mode;
  s.padding = attrs->padding_mode;
  s.align_corners = attrs->align_corners;
  s.result = views[TN_ARG_grid_sampler_2d_result].data;
  cpu_parallel_for(s.images * s.out[0], cpu_grain(s.out[1] * (40 + 8 * s.channels)),
                   input->dtype == TN_F64 ? sample_rows_f64 : sample_rows_f32, &s);
  return TN_OK;
}

static tn_status backward(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)ctx;
  const tn_grid_sampler_2d_backward_attrs *attrs = attributes;
  const tn_view *input = &views[TN_ARG_grid_sampler_2d_backward_input];
  sampling s = sampling_of(input, &views[TN_ARG_grid_sampler_2d_backward_grid]);
  s.interpolation = attrs->interpolation_mode;
  s.padding = attrs->padding_mode;
  s.align_corners = attrs->align_corners;
  s.grad = views[TN_ARG_grid_sampler_2d_backward_grad_output].data;
  const int64_t *mask = attrs->output_mask.data;
  if (mask[0] != 0) s.grad_input = views[TN_ARG_grid_sampler_2d_backward_result].data;
  if (mask[1] != 0) s.grad_grid = views[TN_ARG_grid_sampler_2d_backward_result1].data;
  const int64_t cost = s.out[0] * s.out[1] * (40 + 16 * s.channels);
  cpu_parallel_for(s.images, cpu_grain(cost),
                   input->dtype == TN_F64 ? sample_backward_f64 : sample_backward_f32, &s);
  return TN_OK;
}

// ---- rows --------------------------------------------------------------------------------------

static tn_status run_forward(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return cpu_run_wide(ctx, args, forward);
}

static tn_status run_backward(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return cpu_run_wide(ctx, args, backward);
}

const tn_kernel_row cpu_grid_sample_rows[] = {
    {.op = "grid_sampler_2d",
     .dtypes = TN_DTYPES_FLOATING,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_grid_sampler_2d_attrs),
     .run = run_forward},
    {.op = "grid_sampler_2d_backward",
     .dtypes = TN_DTYPES_FLOATING,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_grid_sampler_2d_backward_attrs),
     .run = run_backward},
};
const uint64_t cpu_grid_sample_row_count =
    sizeof cpu_grid_sample_rows / sizeof cpu_grid_sample_rows[0];
