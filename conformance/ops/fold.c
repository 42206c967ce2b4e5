// SPDX-License-Identifier: Apache-2.0
//
// fold: im2col and col2im, which carry the same elements one way and the other.

#include "reference.h"

// self; output_size in col2im; kernel_size, dilation, padding, stride.
typedef struct fold_row {
  const char *name;
  uint32_t flags;
  int32_t lead;  // dimensions before H and W: 2, or 1 for one image
  int64_t sizes[4], kernel[2], dilation[2], padding[2], stride[2];
} fold_row;

static const fold_row rows[] = {
    {"plain", 0, 2, {1, 2, 3, 4}, {2, 2}, {1, 1}, {0, 0}, {1, 1}},
    {"padded, with steps", 0, 2, {2, 1, 4, 5}, {3, 2}, {1, 1}, {1, 1}, {2, 3}},
    {"dilated", 0, 2, {1, 1, 5, 6}, {2, 2}, {3, 2}, {1, 0}, {1, 2}},
    {"no batch", 0, 1, {2, 3, 3}, {2, 3}, {1, 1}, {0, 1}, {1, 1}},
    {"padding alone", 0, 2, {1, 1, 1, 2}, {1, 1}, {1, 1}, {2, 2}, {2, 2}},
    {"no samples", TN_SAMPLE_NO_GRAD, 2, {0, 2, 3, 4}, {2, 2}, {1, 1}, {0, 0}, {1, 1}},
    {"large", TN_SAMPLE_LARGE, 2, {4, 8, 24, 25}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static bool is_folding(const tn_op_spec *spec) { return spec->op[0] == 'c'; }

static int64_t places_of(const fold_row *r, int d) {
  int64_t reach = r->dilation[d] * (r->kernel[d] - 1) + 1;
  return (r->sizes[r->lead + d] + 2 * r->padding[d] - reach) / r->stride[d] + 1;
}

// The sizes of the columns; gives the rank.
static int32_t column_sizes(const fold_row *r, int64_t *sizes) {
  if (r->lead == 2) sizes[0] = r->sizes[0];
  sizes[r->lead - 1] = r->sizes[r->lead - 1] * r->kernel[0] * r->kernel[1];
  sizes[r->lead] = places_of(r, 0) * places_of(r, 1);
  return r->lead + 1;
}

static void add_lists(tn_sample *sample, const fold_row *r) {
  tn_sample_ints(sample, tn_ints_of(r->kernel, 2));
  tn_sample_ints(sample, tn_ints_of(r->dilation, 2));
  tn_sample_ints(sample, tn_ints_of(r->padding, 2));
  tn_sample_ints(sample, tn_ints_of(r->stride, 2));
}

static void fold_samples(tn_samples *samples) {
  for (int i = 0; i < ROW_COUNT; i++) {
    const fold_row *r = &rows[i];
    int64_t columns[3];
    tn_ints shape = tn_ints_of(r->sizes, r->lead + 2);
    bool folding = is_folding(tn_samples_spec(samples));
    if (folding) shape = tn_ints_of(columns, column_sizes(r, columns));
    tn_sample *sample = tn_sample_add(samples, r->name, r->flags);
    tn_sample_tensor(sample, shape, tn_samples_dtype(samples), -8, 8);
    if (folding) tn_sample_ints(sample, tn_ints_of(r->sizes + r->lead, 2));
    add_lists(sample, r);
  }
}

// The row that a sample was made of, as far as its arguments say.
static fold_row row_of(const tn_sample *sample, int32_t first, const int64_t *size) {
  fold_row r = {.lead = 0, .sizes = {size[0], size[1]}};
  int64_t *lists[] = {r.kernel, r.dilation, r.padding, r.stride};
  for (int k = 0; k < 4; k++) {
    tn_ints list = tn_sample_ints_at(sample, first + k);
    for (int d = 0; d < 2; d++) lists[k][d] = list.data[list.count == 1 ? 0 : d];
  }
  return r;
}

static void carry(const tn_sample *sample, const fold_row *r, int64_t channels, bool folding,
                  double *out, double *scales) {
  const double *from = sample->operands[0].values;
  int64_t places[2] = {places_of(r, 0), places_of(r, 1)}, space = r->sizes[0] * r->sizes[1];
  int64_t taps = r->kernel[0] * r->kernel[1], count = places[0] * places[1];
  for (int64_t k = 0; k < channels * taps * count; k++) {
    int64_t place = k % count, tap = k / count % taps, channel = k / count / taps;
    int64_t y =
        place / places[1] * r->stride[0] - r->padding[0] + tap / r->kernel[1] * r->dilation[0];
    int64_t x =
        place % places[1] * r->stride[1] - r->padding[1] + tap % r->kernel[1] * r->dilation[1];
    if (y < 0 || y >= r->sizes[0] || x < 0 || x >= r->sizes[1]) continue;
    int64_t at = channel * space + y * r->sizes[1] + x;
    out[folding ? at : k] += from[folding ? k : at];
    scales[folding ? at : k] += fabs(from[folding ? k : at]);
  }
}

static void fold_reference(const tn_sample *sample, tn_expected *expected) {
  const tn_operand *self = &sample->operands[0];
  bool folding = is_folding(sample->spec);
  const int64_t *size = folding ? tn_sample_ints_at(sample, 1).data : self->sizes + self->ndim - 2;
  fold_row r = row_of(sample, folding ? 2 : 1, size);
  int64_t sizes[4], taps = r.kernel[0] * r.kernel[1];
  int32_t lead = folding ? self->ndim - 1 : self->ndim - 2;
  for (int32_t d = 0; d < lead; d++) sizes[d] = self->sizes[d];
  if (folding) sizes[lead - 1] /= taps;
  int64_t channels = tn_reference_numel(lead, sizes);
  if (folding) {
    sizes[lead] = size[0];
    sizes[lead + 1] = size[1];
  } else {
    sizes[lead - 1] *= taps;
    sizes[lead] = places_of(&r, 0) * places_of(&r, 1);
  }
  double *out = tn_expect(expected, self->dtype, folding ? lead + 2 : lead + 1, sizes);
  double *scales = tn_expect_scales(expected);
  if (out != NULL && scales != NULL) carry(sample, &r, channels, folding, out, scales);
}

static void fold_errors(tn_samples *samples) {
  static const char *const arguments[] = {"self", "kernel_size", "dilation", "padding", "stride"};
  bool folding = is_folding(tn_samples_spec(samples));
  for (int i = 0; i < 6; i++) {
    const char *argument = i < 5 ? arguments[i] : folding ? "output_size" : "self";
    const char *name = i < 5 ? arguments[i] : "kernel too large";
    tn_sample *sample = tn_sample_failing(samples, name, TN_INVALID_ARGUMENT, argument);
    tn_ints wrong = folding ? TN_SHAPE(1, 4, 8) : TN_SHAPE(4, 4);
    tn_ints shape = i == 0 ? wrong : folding ? TN_SHAPE(1, 4, 9) : TN_SHAPE(1, 1, 4, 4);
    tn_sample_tensor(sample, shape, tn_samples_dtype(samples), 0, 1);
    if (folding) tn_sample_ints(sample, TN_INTS(4, 4));
    tn_sample_ints(sample, i == 1 ? TN_INTS(0, 2) : i == 5 ? TN_INTS(5, 5) : TN_INTS(2, 2));
    tn_sample_ints(sample, i == 2 ? TN_INTS(1, 0) : TN_INTS(1, 1));
    tn_sample_ints(sample, i == 3 ? TN_INTS(-1, 0) : TN_INTS(0, 0));
    tn_sample_ints(sample, i == 4 ? TN_INTS(1, 0) : TN_INTS(1, 1));
  }
}

#define FOLD .samples = fold_samples, .reference = fold_reference, .errors = fold_errors

const tn_op_spec tn_spec_im2col = {
    .op = "im2col",
    FOLD,
    .flags = TN_SPEC_COMPLEX_PARTS,
    .dtypes = TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX | TN_DTYPE_BIT(TN_BOOL)};
const tn_op_spec tn_spec_col2im = {.op = "col2im",
                                   FOLD,
                                   .flags = TN_SPEC_COMPLEX_PARTS,
                                   .dtypes = TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX,
                                   .ulps = 4};
