// SPDX-License-Identifier: Apache-2.0
//
// fold: im2col and col2im, a channel at a time: [channels, taps, places] beside [channels, H, W].
// im2col moves bytes; col2im adds, f16 and bf16 in f32 (wide.h).

#include <tenon/op_args.h>

#include "cpu.h"
#include "wide.h"

typedef struct folding {
  int64_t channels, parts, element_bytes;
  int64_t size[2], places[2], kernel[2], stride[2], padding[2], dilation[2];
  const void *input;
  void *result;
} folding;

// The places [begin, end) along one dimension whose element for a tap lies in the image, at
// place * stride + shift.
typedef struct stretch {
  int64_t begin, end, shift;
} stretch;

static stretch stretch_of(const folding *f, int d, int64_t tap) {
  stretch s = {.shift = tap * f->dilation[d] - f->padding[d]};
  const int64_t stride = f->stride[d], last = f->size[d] - 1 - s.shift;
  s.begin = s.shift >= 0 ? 0 : (-s.shift + stride - 1) / stride;
  s.end = last < 0 ? 0 : last / stride + 1;
  if (s.end > f->places[d]) s.end = f->places[d];
  if (s.begin > s.end) s.begin = s.end;
  return s;
}

#define REAL float
#define NAME(x) x##_f32
#include "fold.inc.h"

#define REAL double
#define NAME(x) x##_f64
#include "fold.inc.h"

// Channels [begin, end) of all images.
static void unfold_channels(void *closure, int64_t begin, int64_t end) {
  const folding *f = closure;
  const int64_t bytes = f->element_bytes, line = f->size[1] * bytes;
  const int64_t places = f->places[0] * f->places[1], taps = f->kernel[0] * f->kernel[1];
  for (int64_t channel = begin; channel < end; channel++) {
    const char *image = (const char *)f->input + channel * f->size[0] * line;
    char *columns = (char *)f->result + channel * taps * places * bytes;
    memset(columns, 0, (size_t)(taps * places * bytes));
    for (int64_t tap = 0; tap < taps; tap++) {
      const stretch across = stretch_of(f, 1, tap % f->kernel[1]);
      const stretch down = stretch_of(f, 0, tap / f->kernel[1]);
      for (int64_t y = down.begin; y < down.end; y++) {
        const char *from = image + (y * f->stride[0] + down.shift) * line;
        char *to = columns + (tap * places + y * f->places[1]) * bytes;
        if (f->stride[1] == 1) {
          memcpy(to + across.begin * bytes, from + (across.begin + across.shift) * bytes,
                 (size_t)((across.end - across.begin) * bytes));
          continue;
        }
        for (int64_t x = across.begin; x < across.end; x++) {
          memcpy(to + x * bytes, from + (x * f->stride[1] + across.shift) * bytes, (size_t)bytes);
        }
      }
    }
  }
}

// The window's lists are complete; the places follow from them.
static void describe(folding *f, tn_ints kernel, tn_ints dilation, tn_ints padding,
                     tn_ints stride) {
  for (int d = 0; d < 2; d++) {
    f->kernel[d] = kernel.data[d];
    f->dilation[d] = dilation.data[d];
    f->padding[d] = padding.data[d];
    f->stride[d] = stride.data[d];
    const int64_t reach = f->dilation[d] * (f->kernel[d] - 1) + 1;
    f->places[d] = (f->size[d] + 2 * f->padding[d] - reach) / f->stride[d] + 1;
  }
}

static int64_t cost_of(const folding *f) {
  return 2 * f->kernel[0] * f->kernel[1] * f->places[0] * f->places[1];
}

static tn_status run_im2col(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const tn_im2col_attrs *attrs = args->attrs;
  const tn_view *image = &args->views[TN_ARG_im2col_self];
  const tn_view *result = &args->views[TN_ARG_im2col_result];
  if (result->numel == 0) return TN_OK;
  folding f = {.element_bytes = tn_dtype_size(image->dtype),
               .size = {image->sizes[image->rank - 2], image->sizes[image->rank - 1]},
               .input = image->data,
               .result = result->data};
  describe(&f, attrs->kernel_size, attrs->dilation, attrs->padding, attrs->stride);
  f.channels = image->numel / (f.size[0] * f.size[1]);
  cpu_parallel_for(f.channels, cpu_grain(cost_of(&f)), unfold_channels, &f);
  return TN_OK;
}

static tn_status col2im(tn_kernel_ctx *ctx, const tn_view *views, const void *attributes) {
  (void)ctx;
  const tn_col2im_attrs *attrs = attributes;
  const tn_view *result = &views[TN_ARG_col2im_result];
  if (result->numel == 0) return TN_OK;
  const bool wide = result->dtype == TN_F64 || result->dtype == TN_C128;
  folding f = {.parts = tn_dtype_is_complex(result->dtype) ? 2 : 1,
               .size = {result->sizes[result->rank - 2], result->sizes[result->rank - 1]},
               .input = views[TN_ARG_col2im_self].data,
               .result = result->data};
  describe(&f, attrs->kernel_size, attrs->dilation, attrs->padding, attrs->stride);
  f.channels = result->numel / (f.size[0] * f.size[1]);
  cpu_parallel_for(f.channels, cpu_grain(cost_of(&f)), wide ? fold_channels_f64 : fold_channels_f32,
                   &f);
  return TN_OK;
}

static tn_status run_col2im(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  return cpu_run_wide(ctx, args, col2im);
}

const tn_kernel_row cpu_fold_rows[] = {
    {.op = "im2col",
     .dtypes = TN_DTYPES_ALL,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_im2col_attrs),
     .run = run_im2col},
    {.op = "col2im",
     .dtypes = TN_DTYPES_FLOATING | TN_DTYPES_COMPLEX,
     .rank = TN_RANK_GENERIC,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .attrs_size = sizeof(tn_col2im_attrs),
     .run = run_col2im},
};
const uint64_t cpu_fold_row_count = sizeof cpu_fold_rows / sizeof cpu_fold_rows[0];
