// SPDX-License-Identifier: Apache-2.0
//
// convolution: over 1 to 3 dimensions, its transposed form, and its gradients. All are sums over
// the same triples: an element of the narrow side Y [N, O, *], of the weight W [O, C / groups, *]
// and of the wide side X [N, C, *], with x = y stride - padding + k dilation. The reference walks
// the triples once and adds the product of two of them to the third.

#include "reference.h"

enum { SPATIAL = 3 };

typedef struct geometry {
  int64_t batch, groups, narrow, wide;  // channels of Y and X
  int64_t y[SPATIAL], x[SPATIAL], k[SPATIAL];
  int64_t stride[SPATIAL], padding[SPATIAL], dilation[SPATIAL];
} geometry;

typedef struct triple {
  int64_t y, w, x;  // positions
} triple;

// ---- the walk ----------------------------------------------------------------------------------

// The position of x for output place |y| and kernel place |k|; -1 in the padding.
static int64_t wide_place(const geometry *g, const int64_t *y, const int64_t *k) {
  int64_t position = 0;
  for (int d = 0; d < SPATIAL; d++) {
    int64_t at = y[d] * g->stride[d] - g->padding[d] + k[d] * g->dilation[d];
    if (at < 0 || at >= g->x[d]) return -1;
    position = position * g->x[d] + at;
  }
  return position;
}

// For one batch element and one pair of channels.
static void walk_planes(const geometry *g, triple base, void (*visit)(void *, triple),
                        void *context) {
  int64_t ys = tn_reference_numel(SPATIAL, g->y), ks = tn_reference_numel(SPATIAL, g->k);
  for (int64_t i = 0; i < ys; i++) {
    for (int64_t j = 0; j < ks; j++) {
      int64_t y[SPATIAL], k[SPATIAL];
      tn_reference_unravel(i, SPATIAL, g->y, y);
      tn_reference_unravel(j, SPATIAL, g->k, k);
      int64_t x = wide_place(g, y, k);
      if (x >= 0) visit(context, (triple){base.y + i, base.w + j, base.x + x});
    }
  }
}

static void walk(const geometry *g, void (*visit)(void *, triple), void *context) {
  int64_t ys = tn_reference_numel(SPATIAL, g->y), ks = tn_reference_numel(SPATIAL, g->k);
  int64_t xs = tn_reference_numel(SPATIAL, g->x), inner = g->wide / g->groups;
  for (int64_t n = 0; n < g->batch; n++) {
    for (int64_t o = 0; o < g->narrow; o++) {
      int64_t group = o / (g->narrow / g->groups);
      for (int64_t c = 0; c < inner; c++) {
        triple base = {(n * g->narrow + o) * ys, (o * inner + c) * ks,
                       (n * g->wide + group * inner + c) * xs};
        walk_planes(g, base, visit, context);
      }
    }
  }
}

// ---- sums over triples -------------------------------------------------------------------------

typedef struct sums {
  const double *y, *w, *x;  // what is multiplied; the one that is NULL is summed into
  double *out, *scales;
} sums;

static void add_product(void *context, triple t) {
  sums *s = context;
  int64_t at = s->y == NULL ? t.y : s->w == NULL ? t.w : t.x;
  double term = (s->y == NULL ? 1 : s->y[t.y]) * (s->w == NULL ? 1 : s->w[t.w]) *
                (s->x == NULL ? 1 : s->x[t.x]);
  s->out[at] += term;
  s->scales[at] += fabs(term);
}

// Sizes of up to three dimensions, aligned at the end; the missing ones are |fill|.
static void spread(const int64_t *values, int64_t count, int64_t given, int64_t fill,
                   int64_t *out) {
  for (int d = 0; d < SPATIAL; d++) {
    int64_t own = d - (SPATIAL - count);
    out[d] = own < 0 ? fill : values[given == 1 ? 0 : own];
  }
}

// |first|: the index of the stride argument. Input and weight are operands |at| and |at| + 1.
static geometry geometry_of(const tn_sample *sample, int32_t first, int32_t at, bool transposed,
                            const int64_t *output_padding) {
  const tn_operand *input = &sample->operands[at], *weight = &sample->operands[at + 1];
  int64_t spatial = weight->ndim - 2;
  int32_t lead = input->ndim - (int32_t)spatial;  // 1 without a batch
  geometry g = {.batch = lead == 2 ? input->sizes[0] : 1, .narrow = weight->sizes[0]};
  tn_ints lists[3];
  for (int i = 0; i < 3; i++) lists[i] = tn_sample_ints_at(sample, first + i);
  static const int64_t one = 1, zero = 0;
  for (int i = 0; i < 3; i++) {
    if (lists[i].count < 0) lists[i] = tn_ints_of(i == 1 ? &zero : &one, 1);
  }
  spread(lists[0].data, spatial, lists[0].count, 1, g.stride);
  spread(lists[1].data, spatial, lists[1].count, 0, g.padding);
  spread(lists[2].data, spatial, lists[2].count, 1, g.dilation);
  spread(weight->sizes + 2, spatial, spatial, 1, g.k);
  g.groups = tn_sample_int_at(sample, sample->arg_count - 1, 1);
  int64_t *own = transposed ? g.y : g.x, *other = transposed ? g.x : g.y;
  spread(input->sizes + lead, spatial, spatial, 1, own);
  g.wide = weight->sizes[1] * g.groups;
  for (int d = 0; d < SPATIAL; d++) {
    int64_t reach = g.dilation[d] * (g.k[d] - 1), own_padding = 0;
    int64_t spatial_d = d - (SPATIAL - spatial);
    if (output_padding != NULL && spatial_d >= 0) own_padding = output_padding[spatial_d];
    other[d] = transposed ? (own[d] - 1) * g.stride[d] - 2 * g.padding[d] + reach + own_padding + 1
                          : (own[d] + 2 * g.padding[d] - reach - 1) / g.stride[d] + 1;
  }
  return g;
}

// ---- forward -----------------------------------------------------------------------------------

static void expect_forward(const tn_sample *sample, geometry g, bool transposed,
                           tn_expected *expected) {
  const tn_operand *input = &sample->operands[0], *weight = &sample->operands[1];
  int32_t spatial = weight->ndim - 2, ndim = 0, lead = input->ndim - spatial;
  int64_t sizes[TN_SPEC_MAX_DIMS], channels = transposed ? g.wide : g.narrow;
  const int64_t *places = transposed ? g.x : g.y;
  if (lead == 2) sizes[ndim++] = g.batch;
  sizes[ndim++] = channels;
  for (int32_t d = 0; d < spatial; d++) sizes[ndim++] = places[SPATIAL - spatial + d];
  double *out = tn_expect(expected, input->dtype, ndim, sizes),
         *scales = tn_expect_scales(expected);
  if (out == NULL || scales == NULL) return;
  sums s = {transposed ? input->values : NULL, weight->values, transposed ? NULL : input->values,
            out, scales};
  walk(&g, add_product, &s);
  if (sample->operand_count < 3) return;
  int64_t plane = tn_reference_numel(SPATIAL, places);
  for (int64_t p = 0; p < tn_reference_numel(ndim, sizes); p++) {
    double bias = sample->operands[2].values[p / plane % channels];
    out[p] += bias;
    scales[p] += fabs(bias);
  }
}

static void convolution_reference(const tn_sample *sample, tn_expected *expected) {
  bool transposed = tn_sample_bool_at(sample, 6, false);
  tn_ints more = tn_sample_ints_at(sample, 7);
  geometry g = geometry_of(sample, 3, 0, transposed, more.data);
  expect_forward(sample, g, transposed, expected);
}
static void conv_reference(const tn_sample *sample, tn_expected *expected) {
  tn_sample copy = *sample;
  if (copy.arg_count < 7) copy.args[copy.arg_count = 6] = (tn_sample_arg){0}, copy.arg_count = 7;
  expect_forward(sample, geometry_of(&copy, 3, 0, false, NULL), false, expected);
}

typedef struct convolution_row {
  const char *name;
  int64_t spatial, batch, wide, narrow, groups;  // channels in and out, of the plain direction
  int64_t size[SPATIAL], kernel[SPATIAL], stride[SPATIAL], padding[SPATIAL], dilation[SPATIAL];
  bool transposed, bias;
  int64_t more[SPATIAL];  // output padding
  uint32_t flags;
} convolution_row;

static const convolution_row rows[] = {
    {"plain", 2, 1, 2, 2, 1, {4, 4}, {2, 2}, {1, 1}, {0, 0}, {1, 1}, false, true, {0, 0}, 0},
    {"no bias", 2, 2, 1, 2, 1, {4, 3}, {3, 2}, {1, 1}, {1, 0}, {1, 1}, false, false, {0, 0}, 0},
    {"stride", 2, 1, 1, 2, 1, {5, 5}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, false, true, {0, 0}, 0},
    {"dilation", 2, 1, 1, 2, 1, {5, 6}, {2, 2}, {1, 2}, {1, 0}, {2, 3}, false, true, {0, 0}, 0},
    {"groups", 2, 1, 4, 2, 2, {3, 3}, {2, 2}, {1, 1}, {0, 0}, {1, 1}, false, true, {0, 0}, 0},
    {"each channel its own",
     2,
     1,
     3,
     3,
     3,
     {3, 3},
     {2, 2},
     {1, 1},
     {1, 1},
     {1, 1},
     false,
     true,
     {0, 0},
     0},
    {"1x1", 2, 2, 3, 2, 1, {2, 2}, {1, 1}, {1, 1}, {0, 0}, {1, 1}, false, true, {0, 0}, 0},
    {"one dimension", 1, 2, 2, 3, 1, {7}, {3}, {2}, {1}, {1}, false, true, {0}, 0},
    {"three dimensions",
     3,
     1,
     1,
     2,
     1,
     {3, 3, 2},
     {2, 2, 2},
     {1, 1, 1},
     {0, 1, 0},
     {1, 1, 1},
     false,
     true,
     {0, 0, 0},
     0},
    {"transposed", 2, 1, 2, 2, 1, {3, 3}, {2, 2}, {2, 1}, {0, 0}, {1, 1}, true, true, {1, 0}, 0},
    {"transposed, padded",
     2,
     1,
     2,
     2,
     2,
     {3, 3},
     {3, 3},
     {2, 2},
     {1, 1},
     {1, 1},
     true,
     false,
     {0, 1},
     0},
    {"transposed, three dimensions",
     3,
     1,
     1,
     2,
     1,
     {2, 2, 2},
     {2, 2, 2},
     {2, 1, 2},
     {0, 1, 0},
     {1, 1, 1},
     true,
     true,
     {1, 0, 1},
     0},
    {"transposed, one dimension", 1, 1, 1, 2, 1, {4}, {3}, {2}, {1}, {2}, true, true, {1}, 0},
    {"no batch elements",
     2,
     0,
     2,
     2,
     1,
     {4, 4},
     {2, 2},
     {1, 1},
     {0, 0},
     {1, 1},
     false,
     true,
     {0, 0},
     TN_SAMPLE_NO_GRAD},
    {"odd sizes",
     2,
     2,
     5,
     7,
     1,
     {11, 13},
     {3, 3},
     {1, 1},
     {1, 1},
     {1, 1},
     false,
     true,
     {0, 0},
     TN_SAMPLE_NO_GRAD},
    {"large",
     2,
     4,
     8,
     16,
     1,
     {20, 20},
     {3, 3},
     {1, 1},
     {1, 1},
     {1, 1},
     false,
     true,
     {0, 0},
     TN_SAMPLE_LARGE},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

// [N, C, *spatial] of the input, [., ., *kernel] of the weight. Writes 2 + spatial sizes each.
static void row_shapes(const convolution_row *r, int64_t *input, int64_t *weight) {
  input[0] = r->batch;
  input[1] = r->transposed ? r->narrow : r->wide;
  weight[0] = r->narrow;
  weight[1] = r->wide / r->groups;
  for (int64_t d = 0; d < r->spatial; d++) {
    input[2 + d] = r->size[d];
    weight[2 + d] = r->kernel[d];
  }
}
static void add_operands(tn_sample *sample, const convolution_row *r, tn_dtype dtype) {
  int64_t input[5], weight[5];
  row_shapes(r, input, weight);
  tn_sample_tensor(sample, tn_ints_of(input, 2 + r->spatial), dtype, -2, 2);
  tn_sample_tensor(sample, tn_ints_of(weight, 2 + r->spatial), dtype, -2, 2);
}
static void add_lists(tn_sample *sample, const convolution_row *r) {
  tn_sample_ints(sample, tn_ints_of(r->stride, r->spatial));
  tn_sample_ints(sample, tn_ints_of(r->padding, r->spatial));
  tn_sample_ints(sample, tn_ints_of(r->dilation, r->spatial));
}

static void convolution_samples(tn_samples *samples) {
  for (int i = 0; i < ROW_COUNT; i++) {
    const convolution_row *r = &rows[i];
    tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
    add_operands(sample, r, tn_samples_dtype(samples));
    if (r->bias) {
      int64_t channels = r->transposed ? r->wide : r->narrow;
      tn_sample_tensor(sample, TN_SHAPE(channels), tn_samples_dtype(samples), -2, 2);
    } else {
      tn_sample_none(sample);
    }
    add_lists(sample, r);
    tn_sample_bool(sample, r->transposed);
    tn_sample_ints(sample, tn_ints_of(r->more, r->spatial));
    tn_sample_int(sample, r->groups);
  }
}

static void add_failing(tn_samples *samples, const char *name, const char *argument, tn_ints input,
                        tn_ints weight, int64_t groups, int64_t stride) {
  tn_sample *sample = tn_sample_failing(samples, name, TN_INVALID_ARGUMENT, argument);
  tn_sample_tensor(sample, input, tn_samples_dtype(samples), 0, 1);
  tn_sample_tensor(sample, weight, tn_samples_dtype(samples), 0, 1);
  tn_sample_none(sample);
  tn_sample_ints(sample, TN_INTS(stride, stride));
  tn_sample_ints(sample, TN_INTS(0, 0));
  tn_sample_ints(sample, TN_INTS(1, 1));
  if (strcmp(tn_samples_spec(samples)->op, "convolution") == 0) {
    tn_sample_bool(sample, false);
    tn_sample_ints(sample, TN_INTS(0, 0));
  }
  tn_sample_int(sample, groups);
}
static void convolution_errors(tn_samples *samples) {
  add_failing(samples, "channels", NULL, TN_SHAPE(1, 3, 4, 4), TN_SHAPE(2, 2, 2, 2), 1, 1);
  add_failing(samples, "groups", NULL, TN_SHAPE(1, 3, 4, 4), TN_SHAPE(2, 1, 2, 2), 0, 1);
  add_failing(samples, "kernel too large", NULL, TN_SHAPE(1, 1, 3, 3), TN_SHAPE(1, 1, 5, 5), 1, 1);
  add_failing(samples, "stride", "stride", TN_SHAPE(1, 1, 3, 3), TN_SHAPE(1, 1, 2, 2), 1, 0);
  add_failing(samples, "rank", NULL, TN_SHAPE(3, 3), TN_SHAPE(1, 1, 2, 2), 1, 1);
}

static const char padding_times_weight[] =
    "a kernel may multiply a weight by the padding's zeros or leave them out";

const tn_op_spec tn_spec_convolution = {.op = "convolution",
                                        .dtypes = TN_DTYPES_FLOATING,
                                        .samples = convolution_samples,
                                        .reference = convolution_reference,
                                        .errors = convolution_errors,
                                        .ulps = 4,
                                        .flags = TN_SPEC_TAKES_ANY_DTYPE,
                                        .finite = 1u << 1,
                                        .why = padding_times_weight};

// conv1d, conv2d, conv3d: with a batch and without.
static int64_t spatial_of(const tn_op_spec *spec) {
  return strstr(spec->op, "1d") ? 1 : strstr(spec->op, "2d") ? 2 : 3;
}
static void conv_samples(tn_samples *samples) {
  int64_t spatial = spatial_of(tn_samples_spec(samples));
  for (int i = 0; i < ROW_COUNT; i++) {
    const convolution_row *r = &rows[i];
    if (r->spatial != spatial || r->transposed) continue;
    tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
    add_operands(sample, r, tn_samples_dtype(samples));
    if (r->bias) {
      tn_sample_tensor(sample, TN_SHAPE(r->narrow), tn_samples_dtype(samples), -2, 2);
    } else {
      tn_sample_none(sample);
    }
    add_lists(sample, r);
    tn_sample_int(sample, r->groups);
  }
  tn_sample *sample = tn_sample_add(samples, "no batch, all by default", 0);
  const int64_t input[] = {2, 4, 4, 2}, weight[] = {3, 2, 2, 2, 2};
  tn_sample_tensor(sample, tn_ints_of(input, 1 + spatial), tn_samples_dtype(samples), -2, 2);
  tn_sample_tensor(sample, tn_ints_of(weight, 2 + spatial), tn_samples_dtype(samples), -2, 2);
}

const tn_op_spec tn_spec_conv1d = {.op = "conv1d",
                                   .dtypes = TN_DTYPES_FLOATING,
                                   .samples = conv_samples,
                                   .reference = conv_reference,
                                   .ulps = 4,
                                   .flags = TN_SPEC_TAKES_ANY_DTYPE,
                                   .finite = 1u << 1,
                                   .why = padding_times_weight};
const tn_op_spec tn_spec_conv2d = {.op = "conv2d",
                                   .dtypes = TN_DTYPES_FLOATING,
                                   .samples = conv_samples,
                                   .reference = conv_reference,
                                   .errors = convolution_errors,
                                   .ulps = 4,
                                   .flags = TN_SPEC_TAKES_ANY_DTYPE,
                                   .finite = 1u << 1,
                                   .why = padding_times_weight};

const tn_op_spec tn_spec_conv3d = {.op = "conv3d",
                                   .dtypes = TN_DTYPES_FLOATING,
                                   .samples = conv_samples,
                                   .reference = conv_reference,
                                   .ulps = 4,
                                   .flags = TN_SPEC_TAKES_ANY_DTYPE,
                                   .finite = 1u << 1,
                                   .why = padding_times_weight};

// conv_transpose1d, 2d, 3d: input, weight, bias, stride, padding, output_padding, groups, dilation.
static void transpose_samples(tn_samples *samples) {
  int64_t spatial = spatial_of(tn_samples_spec(samples));
  for (int i = 0; i < ROW_COUNT; i++) {
    const convolution_row *r = &rows[i];
    if (r->spatial != spatial || !r->transposed) continue;
    tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
    add_operands(sample, r, tn_samples_dtype(samples));
    if (r->bias) tn_sample_tensor(sample, TN_SHAPE(r->wide), tn_samples_dtype(samples), -2, 2);
    if (!r->bias) tn_sample_none(sample);
    tn_sample_ints(sample, tn_ints_of(r->stride, spatial));
    tn_sample_ints(sample, tn_ints_of(r->padding, spatial));
    tn_sample_ints(sample, tn_ints_of(r->more, spatial));
    tn_sample_int(sample, r->groups);
    tn_sample_ints(sample, tn_ints_of(r->dilation, spatial));
  }
  tn_sample *sample = tn_sample_add(samples, "no batch, all by default", 0);
  const int64_t input[] = {2, 3, 2, 2}, weight[] = {2, 3, 2, 1, 2};
  tn_sample_tensor(sample, tn_ints_of(input, 1 + spatial), tn_samples_dtype(samples), -2, 2);
  tn_sample_tensor(sample, tn_ints_of(weight, 2 + spatial), tn_samples_dtype(samples), -2, 2);
}

// With the arguments in the order of a plain convolution.
static void transpose_reference(const tn_sample *sample, tn_expected *expected) {
  tn_sample copy = *sample;
  if (copy.arg_count < 8) memset(copy.args + copy.arg_count, 0, sizeof *copy.args * 5);
  tn_ints more = tn_sample_ints_at(sample, 5);
  copy.args[5] = copy.args[7];
  copy.arg_count = 7;
  const int64_t none[SPATIAL] = {0, 0, 0};
  expect_forward(sample, geometry_of(&copy, 3, 0, true, more.count > 0 ? more.data : none), true,
                 expected);
}

static void transpose_errors(tn_samples *samples) {
  static const char *const names[] = {"rank", "channels", "stride", "output padding", "groups"};
  static const char *const arguments[] = {"input", NULL, "stride", "output_padding", NULL};
  int64_t spatial = spatial_of(tn_samples_spec(samples));
  const int64_t input[] = {1, 2, 3, 3, 3}, fewer[] = {1, 3, 3, 3, 3}, weight[] = {2, 2, 2, 2, 2};
  for (int i = 0; i < 5; i++) {
    tn_sample *sample = tn_sample_failing(samples, names[i], TN_INVALID_ARGUMENT, arguments[i]);
    tn_sample_tensor(sample, tn_ints_of(i == 1 ? fewer : input, i == 0 ? spatial : 2 + spatial),
                     tn_samples_dtype(samples), 0, 1);
    tn_sample_tensor(sample, tn_ints_of(weight, 2 + spatial), tn_samples_dtype(samples), 0, 1);
    tn_sample_none(sample);
    tn_sample_ints(sample, TN_INTS(i == 2 ? 0 : 1));
    tn_sample_ints(sample, TN_INTS(0));
    tn_sample_ints(sample, TN_INTS(i == 3 ? 2 : 0));
    tn_sample_int(sample, i == 4 ? 0 : 1);
  }
}

#define TRANSPOSED                                                                              \
  .dtypes = TN_DTYPES_FLOATING, .samples = transpose_samples, .reference = transpose_reference, \
  .errors = transpose_errors, .ulps = 4, .flags = TN_SPEC_TAKES_ANY_DTYPE, .finite = 1u << 1,   \
  .why = padding_times_weight

const tn_op_spec tn_spec_conv_transpose1d = {.op = "conv_transpose1d", TRANSPOSED};
const tn_op_spec tn_spec_conv_transpose2d_input = {.op = "conv_transpose2d.input", TRANSPOSED};
const tn_op_spec tn_spec_conv_transpose3d_input = {.op = "conv_transpose3d.input", TRANSPOSED};

// ---- backward ----------------------------------------------------------------------------------

static void backward_samples(tn_samples *samples) {
  for (int i = 0; i < ROW_COUNT; i++) {
    const convolution_row *r = &rows[i];
    int64_t input[5], weight[5], result[5];
    row_shapes(r, input, weight);
    result[0] = r->batch;
    result[1] = r->transposed ? r->wide : r->narrow;
    for (int64_t d = 0; d < r->spatial; d++) {
      int64_t reach = r->dilation[d] * (r->kernel[d] - 1);
      result[2 + d] =
          r->transposed
              ? (r->size[d] - 1) * r->stride[d] - 2 * r->padding[d] + reach + r->more[d] + 1
              : (r->size[d] + 2 * r->padding[d] - reach - 1) / r->stride[d] + 1;
    }
    tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
    tn_sample_tensor(sample, tn_ints_of(result, 2 + r->spatial), tn_samples_dtype(samples), -2, 2);
    add_operands(sample, r, tn_samples_dtype(samples));
    if (r->bias) {
      tn_sample_ints(sample, TN_INTS(result[1]));
    } else {
      tn_sample_none(sample);
    }
    add_lists(sample, r);
    tn_sample_bool(sample, r->transposed);
    tn_sample_ints(sample, tn_ints_of(r->more, r->spatial));
    tn_sample_int(sample, r->groups);
    tn_value mask = tn_value_ints(TN_INTS(i % 3 != 1, i % 3 != 2, r->bias));
    mask.kind = TN_VALUE_BOOLS;
    tn_sample_value(sample, mask);
  }
}

static void expect_gradient(const tn_operand *like, bool asked, const geometry *g, sums s,
                            tn_expected *expected) {
  const int64_t none = 0;
  if (!asked) {
    (void)tn_expect(expected, like->dtype, 1, &none);
    return;
  }
  s.out = tn_expect(expected, like->dtype, like->ndim, like->sizes);
  s.scales = tn_expect_scales(expected);
  if (s.out != NULL && s.scales != NULL) walk(g, add_product, &s);
}

static void backward_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *grad = &sample->operands[0], *input = &sample->operands[1];
  const tn_operand *weight = &sample->operands[2];
  bool transposed = tn_sample_bool_at(sample, 7, false);
  tn_ints mask = tn_sample_ints_at(sample, 10), more = tn_sample_ints_at(sample, 8);
  tn_sample forward = *sample;
  forward.arg_count = 10;
  geometry g = geometry_of(&forward, 4, 1, transposed, more.data);
  const double *y = transposed ? input->values : grad->values;
  const double *x = transposed ? grad->values : input->values;
  sums of_input = {transposed ? NULL : y, weight->values, transposed ? x : NULL, NULL, NULL};
  sums of_weight = {y, NULL, x, NULL, NULL};
  expect_gradient(input, mask.data[0] != 0, &g, of_input, expected);
  expect_gradient(weight, mask.data[1] != 0, &g, of_weight, expected);
  int64_t channels = mask.data[2] ? grad->sizes[1] : 0;
  double *out = tn_expect(expected, grad->dtype, 1, &channels),
         *scales = tn_expect_scales(expected);
  int64_t plane = tn_reference_numel(grad->ndim - 2, grad->sizes + 2);
  for (int64_t p = 0; channels > 0 && out != NULL && scales != NULL && p < grad->numel; p++) {
    out[p / plane % channels] += grad->values[p];
    scales[p / plane % channels] += fabs(grad->values[p]);
  }
}

const tn_op_spec tn_spec_convolution_backward = {.op = "convolution_backward",
                                                 .dtypes = TN_DTYPES_FLOATING,
                                                 .samples = backward_samples,
                                                 .reference = backward_reference,
                                                 .ulps = 4,
                                                 .flags = TN_SPEC_TAKES_ANY_DTYPE,
                                                 .finite = 7,
                                                 .why = padding_times_weight};
