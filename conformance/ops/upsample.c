// SPDX-License-Identifier: Apache-2.0
//
// upsample: images resized by the nearest element or by bilinear interpolation, and the adjoints.
// self or grad_output, output_size; in a backward operator input_size; in a bilinear one
// align_corners; scales_h, scales_w.

#include "reference.h"

typedef struct resize_row {
  const char *name;
  uint32_t flags;
  int64_t sizes[4], out[2];
  bool align_corners;
  double scales[2];  // 0: absent
} resize_row;

static const resize_row rows[] = {
    {"twice", 0, {1, 2, 2, 3}, {4, 6}, false, {0, 0}},
    {"larger", 0, {1, 1, 3, 4}, {5, 7}, false, {0, 0}},
    {"smaller", 0, {2, 1, 4, 5}, {2, 3}, false, {0, 0}},
    {"the same", 0, {1, 2, 3, 2}, {3, 2}, false, {0, 0}},
    {"corners aligned", 0, {1, 1, 3, 4}, {5, 6}, true, {0, 0}},
    {"corners aligned, to one", 0, {1, 2, 3, 2}, {1, 1}, true, {0, 0}},
    {"with scales", 0, {1, 1, 3, 4}, {7, 5}, false, {2.5, 1.25}},
    {"from one", 0, {1, 2, 1, 1}, {3, 2}, false, {0, 0}},
    {"no samples", TN_SAMPLE_NO_GRAD, {0, 2, 3, 4}, {6, 8}, false, {0, 0}},
    {"odd sizes", TN_SAMPLE_NO_GRAD, {2, 3, 13, 17}, {29, 19}, false, {0, 0}},
    {"large", TN_SAMPLE_LARGE, {4, 8, 24, 25}, {48, 60}, false, {0, 0}},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static bool is_linear(const tn_op_spec *spec) { return strstr(spec->op, "bilinear") != NULL; }
static bool is_backward(const tn_op_spec *spec) { return strstr(spec->op, "backward") != NULL; }

static void add_rest(tn_sample *sample, const tn_op_spec *spec, const resize_row *r) {
  tn_sample_ints(sample, tn_ints_of(r->out, 2));
  if (is_backward(spec)) tn_sample_ints(sample, tn_ints_of(r->sizes, 4));
  if (is_linear(spec)) tn_sample_bool(sample, r->align_corners);
  for (int d = 0; d < 2; d++) {
    if (r->scales[d] == 0) {
      tn_sample_none(sample);
    } else {
      tn_sample_float(sample, r->scales[d]);
    }
  }
}

static void resize_samples(tn_samples *samples) {
  const tn_op_spec *spec = tn_samples_spec(samples);
  for (int i = 0; i < ROW_COUNT; i++) {
    const resize_row *r = &rows[i];
    int64_t shape[4] = {r->sizes[0], r->sizes[1], r->sizes[2], r->sizes[3]};
    for (int d = 0; is_backward(spec) && d < 2; d++) shape[2 + d] = r->out[d];
    tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
    tn_sample_tensor(sample, tn_ints_of(shape, 4), tn_samples_dtype(samples), 0, 20);
    add_rest(sample, spec, r);
  }
}

// Where result |i| lies along a dimension: its first element, and the share of the next.
static int64_t nearest_place(int64_t in, int64_t out, double scale, int64_t i) {
  if (in == out) return i;
  if (out == 2 * in) return i / 2;
  float step = scale > 0 ? (float)(1 / scale) : (float)in / (float)out;
  int64_t place = (int64_t)floorf((float)i * step);
  return place < in - 1 ? place : in - 1;
}
static int64_t linear_place(int64_t in, int64_t out, bool align_corners, double scale, int64_t i,
                            double *share) {
  *share = 0;
  if (in == out) return i;
  double step = scale > 0 ? 1 / scale : (double)in / (double)out;
  double place = align_corners ? (out > 1 ? (double)i * (double)(in - 1) / (double)(out - 1) : 0)
                               : fmax(0, ((double)i + 0.5) * step - 0.5);
  int64_t first = place < (double)(in - 1) ? (int64_t)place : in - 1;
  *share = first < in - 1 ? place - (double)first : 0;
  return first;
}

typedef struct resizing {
  bool linear, align_corners, back;
  int64_t in[2], out[2];
  double scales[2];
  const double *values;
  double *to, *sizes;
} resizing;

// Carries one of up to four shares between result |p| and element (y, x) of a plane.
static void carry(const resizing *z, int64_t plane, int64_t p, int64_t y, int64_t x, double share) {
  if (share == 0) return;
  int64_t image = plane * z->in[0] * z->in[1] + y * z->in[1] + x;
  int64_t result = plane * z->out[0] * z->out[1] + p;
  double value = share * z->values[z->back ? result : image];
  z->to[z->back ? image : result] += value;
  z->sizes[z->back ? image : result] += fabs(value);
}

static void carry_all(const resizing *z, int64_t planes) {
  int64_t count = z->out[0] * z->out[1];
  for (int64_t k = 0; z->to != NULL && z->sizes != NULL && k < planes * count; k++) {
    int64_t p = k % count, place[2] = {p / z->out[1], p % z->out[1]}, at[2];
    double share[2] = {0, 0};
    for (int d = 0; d < 2; d++) {
      at[d] = z->linear ? linear_place(z->in[d], z->out[d], z->align_corners, z->scales[d],
                                       place[d], &share[d])
                        : nearest_place(z->in[d], z->out[d], z->scales[d], place[d]);
    }
    carry(z, k / count, p, at[0], at[1], (1 - share[0]) * (1 - share[1]));
    carry(z, k / count, p, at[0], at[1] + 1, (1 - share[0]) * share[1]);
    carry(z, k / count, p, at[0] + 1, at[1], share[0] * (1 - share[1]));
    carry(z, k / count, p, at[0] + 1, at[1] + 1, share[0] * share[1]);
  }
}

static void resize_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  tn_ints out = tn_sample_ints_at(sample, 1);
  resizing z = {.linear = is_linear(sample->spec), .back = is_backward(sample->spec)};
  int32_t next = z.back ? 3 : 2;
  tn_ints in = z.back ? tn_sample_ints_at(sample, 2) : tn_ints_of(self->sizes, 4);
  if (z.linear) z.align_corners = tn_sample_bool_at(sample, next++, false);
  int64_t shape[4] = {in.data[0], in.data[1], in.data[2], in.data[3]};
  for (int d = 0; d < 2; d++) {
    z.in[d] = in.data[2 + d];
    z.out[d] = out.data[d];
    z.scales[d] = tn_sample_number_at(sample, next + d, 0);
    if (!z.back) shape[2 + d] = out.data[d];
  }
  z.values = self->values;
  z.to = tn_expect(expected, self->dtype, 4, shape);
  z.sizes = tn_expect_scales(expected);
  carry_all(&z, in.data[0] * in.data[1]);
}

static void resize_errors(tn_samples *samples) {
  static const char *const names[] = {"rank", "no width", "not a size", "one size"};
  const tn_op_spec *spec = tn_samples_spec(samples);
  bool back = is_backward(spec);
  for (int i = 0; i < 4; i++) {
    const char *argument = i < 2 ? (back ? "grad_output" : "self") : "output_size";
    tn_sample *sample = tn_sample_failing(samples, names[i], TN_INVALID_ARGUMENT, argument);
    tn_ints shape = i == 0   ? TN_SHAPE(1, 4, 4)
                    : i == 1 ? TN_SHAPE(1, 1, 4, 0)
                             : TN_SHAPE(1, 1, 4, 4);
    tn_sample_tensor(sample, shape, tn_samples_dtype(samples), 0, 1);
    tn_sample_ints(sample, i == 2 ? TN_INTS(0, 4) : i == 3 ? TN_INTS(4) : TN_INTS(4, 4));
    if (back) tn_sample_ints(sample, TN_INTS(1, 1, 2, 2));
    if (is_linear(spec)) tn_sample_bool(sample, false);
  }
}

#define RESIZE .samples = resize_samples, .reference = resize_reference, .errors = resize_errors

static const char zero_shares[] = "a share of 0 of an infinite element may be NaN or left out";

const tn_op_spec tn_spec_upsample_nearest2d = {
    .op = "upsample_nearest2d", RESIZE, .dtypes = TN_DTYPES_FLOATING | TN_DTYPE_BIT(TN_U8)};
const tn_op_spec tn_spec_upsample_nearest2d_backward = {
    .op = "upsample_nearest2d_backward", RESIZE, .dtypes = TN_DTYPES_FLOATING, .ulps = 4};
const tn_op_spec tn_spec_upsample_bilinear2d = {.op = "upsample_bilinear2d",
                                                RESIZE,
                                                .dtypes = TN_DTYPES_FLOATING,
                                                .ulps = 4,
                                                .finite = 1,
                                                .why = zero_shares};
const tn_op_spec tn_spec_upsample_bilinear2d_backward = {.op = "upsample_bilinear2d_backward",
                                                         RESIZE,
                                                         .dtypes = TN_DTYPES_FLOATING,
                                                         .ulps = 4,
                                                         .finite = 1,
                                                         .why = zero_shares};

// ---- by size or by factors: input, output_size; align_corners where bilinear; scale_factors -----

typedef struct vec_row {
  const char *name;
  int64_t sizes[4], out[2];
  double factors[2];  // 0: output_size is given
  bool align_corners;
} vec_row;

static const vec_row vec_rows[] = {
    {"to a size", {1, 2, 3, 4}, {5, 7}, {0, 0}, false},
    {"by factors", {1, 1, 3, 4}, {7, 5}, {2.5, 1.25}, false},
    {"by halves", {2, 1, 4, 5}, {2, 2}, {0.5, 0.5}, false},
    {"by factors, corners aligned", {1, 1, 2, 3}, {4, 9}, {2, 3}, true},
};
enum { VEC_COUNT = sizeof vec_rows / sizeof vec_rows[0] };

static void vec_samples(tn_samples *samples) {
  for (int i = 0; i < VEC_COUNT; i++) {
    const vec_row *r = &vec_rows[i];
    tn_sample *sample = tn_sample_add(samples, r->name, 0);
    tn_sample_tensor(sample, tn_ints_of(r->sizes, 4), tn_samples_dtype(samples), 0, 20);
    if (r->factors[0] == 0) tn_sample_ints(sample, tn_ints_of(r->out, 2));
    if (r->factors[0] != 0) tn_sample_none(sample);
    if (is_linear(tn_samples_spec(samples))) tn_sample_bool(sample, r->align_corners);
    if (r->factors[0] == 0) tn_sample_none(sample);
    if (r->factors[0] != 0) {
      tn_sample_value(sample, tn_value_floats((tn_floats){r->factors, 2}));
    }
  }
}

static void vec_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  bool linear = is_linear(sample->spec);
  tn_ints out = tn_sample_ints_at(sample, 1);
  const tn_value *factors = &sample->args[linear ? 3 : 2].value;
  resizing z = {.linear = linear, .align_corners = linear && tn_sample_bool_at(sample, 2, false)};
  int64_t shape[4] = {self->sizes[0], self->sizes[1]};
  for (int d = 0; d < 2; d++) {
    z.in[d] = self->sizes[2 + d];
    z.scales[d] = factors->kind == TN_VALUE_FLOATS ? factors->as.floats.data[d] : 0;
    z.out[d] = shape[2 + d] =
        z.scales[d] > 0 ? (int64_t)((double)z.in[d] * z.scales[d]) : out.data[d];
  }
  z.values = self->values;
  z.to = tn_expect(expected, self->dtype, 4, shape);
  z.sizes = tn_expect_scales(expected);
  carry_all(&z, shape[0] * shape[1]);
}

static void vec_errors(tn_samples *samples) {
  static const char *const names[] = {"both", "neither", "one factor", "a factor of 0", "rank"};
  static const char *const arguments[] = {"output_size", "output_size", "scale_factors",
                                          "scale_factors", "input"};
  static const double factors[] = {2, 0};
  for (int i = 0; i < 5; i++) {
    tn_sample *sample = tn_sample_failing(samples, names[i], TN_INVALID_ARGUMENT, arguments[i]);
    tn_sample_tensor(sample, i == 4 ? TN_SHAPE(1, 4, 4) : TN_SHAPE(1, 1, 4, 4),
                     tn_samples_dtype(samples), 0, 1);
    if (i == 0) tn_sample_ints(sample, TN_INTS(4, 4));
    if (i != 0) tn_sample_none(sample);
    if (is_linear(tn_samples_spec(samples))) tn_sample_bool(sample, false);
    if (i == 1) tn_sample_none(sample);
    if (i != 1) tn_sample_value(sample, tn_value_floats((tn_floats){factors, i == 2 ? 1 : 2}));
  }
}

#define VEC .samples = vec_samples, .reference = vec_reference, .errors = vec_errors

const tn_op_spec tn_spec_upsample_nearest2d_vec = {
    .op = "upsample_nearest2d.vec", VEC, .dtypes = TN_DTYPES_FLOATING | TN_DTYPE_BIT(TN_U8)};
const tn_op_spec tn_spec_upsample_bilinear2d_vec = {.op = "upsample_bilinear2d.vec",
                                                    VEC,
                                                    .dtypes = TN_DTYPES_FLOATING,
                                                    .ulps = 4,
                                                    .finite = 1,
                                                    .why = zero_shares};
