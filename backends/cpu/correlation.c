// SPDX-License-Identifier: Apache-2.0
//
// correlation: convolution as matrix products that unfold the image while they pack it.
//
// Forward: y = W[out_channels, depth] U[depth, positions], where U is the bordered image seen
// through its taps. The adjoint in x is the same with reversed taps where all strides are 1, else
// columns = W^T y, folded back into the image. The adjoint in w keeps a tile of its sums in
// registers while it walks over all positions. Images are spread over threads; with fewer images
// than threads, each image's product is. Sums over images are made in a number of parts that
// depends on the shape alone, and added in order.

#include "correlation.h"

#include "gemm_run.h"
#include "unfold.h"
#include "workspace.h"

enum {
  MAX_PARTS = 16,               // of the sum over images in the adjoint in w
  PARTS_ELEMENTS = 4 << 20,     // what all parts may take
  RIGHT_POSITIONS = 1024,       // positions whose y is transposed at a time
  COLUMNS_ELEMENTS = 96 << 10,  // of a block of columns in the adjoint in x
};

typedef struct job {
  tn_dtype dtype;
  int64_t size;  // of an element
  const cpu_window *window;
  const cpu_gemm_kernels *gemm;
  const cpu_unfold_kernels *unfold;
  const char *x, *y, *weight, *bias;
  char *result;
  int64_t *tap_offsets, *run_offsets;
  cpu_workspaces *workspaces;
  // forward
  const char *packed_weight;
  uint64_t packed_group_bytes;
  // adjoint in x
  int64_t block_channels, blocks;
  // adjoint in w
  char *sums;
  int64_t parts, panels, depth_parts, depth_step;
} job;

static job job_for(tn_dtype dtype, const cpu_window *window) {
  const job work = {.dtype = dtype,
                    .size = tn_dtype_size(dtype),
                    .window = window,
                    .gemm = cpu_gemm_kernels_for(dtype),
                    .unfold = cpu_unfold_kernels_for(dtype)};
  return work;
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t round_up_64(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// Bytes of a bordered image of |channels| and what must follow it.
static int64_t bordered_bytes(const job *work, int64_t channels) {
  const int64_t elements = channels * work->window->padded_space + CPU_UNFOLD_SLACK;
  return round_up_64(elements * work->size);
}

static tn_status make_offsets(tn_kernel_ctx *ctx, job *work) {
  work->tap_offsets = cpu_scratch(ctx, work->window->depth, sizeof(int64_t));
  work->run_offsets = cpu_scratch(ctx, work->window->run_count, sizeof(int64_t));
  if (work->tap_offsets == NULL || work->run_offsets == NULL) return TN_OUT_OF_MEMORY;
  cpu_window_tap_offsets(work->window, work->tap_offsets);
  cpu_window_run_offsets(work->window, work->run_offsets);
  return TN_OK;
}

static cpu_unfolded unfolded_image(const job *work, const void *image) {
  const cpu_unfolded unfolded = {.image = image,
                                 .tap_offsets = work->tap_offsets,
                                 .run_offsets = work->run_offsets,
                                 .depth = work->window->depth,
                                 .runs = work->window->run_count,
                                 .run_length = work->window->run_length,
                                 .step = work->window->stride[2]};
  return unfolded;
}

// Group |group| of image |image| in x, and its counterpart in y.
static int64_t x_offset(const job *work, int64_t image, int64_t group) {
  const cpu_window *w = work->window;
  return (image * w->groups + group) * w->in_channels * w->in_space * work->size;
}

static int64_t y_offset(const job *work, int64_t image, int64_t group) {
  const cpu_window *w = work->window;
  return (image * w->groups + group) * w->out_channels * w->out_space * work->size;
}

static void border(const job *work, const char *x, int64_t channels, char *image) {
  cpu_window_border(work->window, x, image, channels, work->size);
  memset(image + channels * work->window->padded_space * work->size, 0,
         (size_t)(CPU_UNFOLD_SLACK * work->size));
}

// ---- forward -----------------------------------------------------------------------------------

static tn_status pack_weight(tn_kernel_ctx *ctx, job *work) {
  const cpu_window *w = work->window;
  const uint64_t bytes = work->gemm->packed_a_bytes(w->out_channels, w->depth);
  work->packed_group_bytes = (bytes + 63) / 64 * 64;
  char *packed = cpu_scratch(ctx, w->groups, work->packed_group_bytes);
  if (packed == NULL) return TN_OUT_OF_MEMORY;
  for (int64_t g = 0; g < w->groups; g++) {
    const cpu_gemm gemm = {.m = w->out_channels,
                           .k = w->depth,
                           .a = work->weight + g * w->out_channels * w->depth * work->size,
                           .a_row = w->depth,
                           .a_col = 1};
    work->gemm->pack_a(&gemm, packed + (uint64_t)g * work->packed_group_bytes);
  }
  work->packed_weight = packed;
  return TN_OK;
}

static cpu_gemm forward_product(const job *work, int64_t group, char *y) {
  const cpu_window *w = work->window;
  const cpu_gemm gemm = {
      .m = w->out_channels,
      .n = w->out_space,
      .k = w->depth,
      .packed_a = work->packed_weight + (uint64_t)group * work->packed_group_bytes,
      .c = y,
      .c_row = w->out_space,
      .alpha = 1,
      .beta = work->bias == NULL ? 0 : 1};
  return gemm;
}

static void fill_bias(const job *work, int64_t group, char *y) {
  const cpu_window *w = work->window;
  if (work->bias == NULL) return;
  for (int64_t c = 0; c < w->out_channels; c++) {
    work->unfold->fill(y + c * w->out_space * work->size, w->out_space,
                       work->bias + (group * w->out_channels + c) * work->size);
  }
}

// Tasks: (image, group).
static void forward_images(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  const cpu_window *w = work->window;
  char *image = cpu_workspace_claim(work->workspaces);
  char *workspace = image + bordered_bytes(work, w->in_channels);
  const cpu_unfolded unfolded = unfolded_image(work, image);
  for (int64_t task = begin; task < end; task++) {
    const int64_t index = task / w->groups, group = task % w->groups;
    char *y = work->result + y_offset(work, index, group);
    border(work, work->x + x_offset(work, index, group), w->in_channels, image);
    fill_bias(work, group, y);
    cpu_gemm gemm = forward_product(work, group, y);
    gemm.pack_b = work->unfold->pack;
    gemm.pack_closure = &unfolded;
    const cpu_gemm_range all = {0, gemm.m, 0, gemm.n};
    work->gemm->multiply(&gemm, all, workspace);
  }
  cpu_workspace_release(work->workspaces, image);
}

// Few images: one after the other, each product on all threads.
static tn_status forward_in_turn(tn_kernel_ctx *ctx, job *work) {
  const cpu_window *w = work->window;
  char *image = cpu_scratch(ctx, 1, (uint64_t)bordered_bytes(work, w->in_channels));
  if (image == NULL) return TN_OUT_OF_MEMORY;
  const cpu_unfolded unfolded = unfolded_image(work, image);
  tn_status status = TN_OK;
  for (int64_t task = 0; task < w->batch * w->groups && status == TN_OK; task++) {
    const int64_t index = task / w->groups, group = task % w->groups;
    char *y = work->result + y_offset(work, index, group);
    border(work, work->x + x_offset(work, index, group), w->in_channels, image);
    fill_bias(work, group, y);
    cpu_gemm gemm = forward_product(work, group, y);
    gemm.pack_b = work->unfold->pack;
    gemm.pack_closure = &unfolded;
    status = cpu_gemm_run(ctx, work->dtype, &gemm, CPU_GEMM_ONE, false);
  }
  return status;
}

// One tap, no border, no stride: U is the image itself.
static bool is_pointwise(const cpu_window *window) {
  for (int d = 0; d < 3; d++) {
    if (window->kernel[d] != 1 || window->stride[d] != 1 || window->padding[d] != 0) return false;
  }
  return true;
}

static void fill_biases(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  for (int64_t task = begin; task < end; task++) {
    const int64_t index = task / work->window->groups, group = task % work->window->groups;
    fill_bias(work, group, work->result + y_offset(work, index, group));
  }
}

static tn_status forward_pointwise(tn_kernel_ctx *ctx, job *work) {
  const cpu_window *w = work->window;
  cpu_parallel_for(w->batch * w->groups, cpu_grain(w->out_channels * w->out_space), fill_biases,
                   work);
  const cpu_gemm_batch batch = {w->batch, 0, w->groups * w->in_channels * w->in_space,
                                w->groups * w->out_channels * w->out_space};
  tn_status status = TN_OK;
  for (int64_t group = 0; group < w->groups && status == TN_OK; group++) {
    cpu_gemm gemm = forward_product(work, group, work->result + y_offset(work, 0, group));
    gemm.b = work->x + x_offset(work, 0, group);
    gemm.b_row = w->in_space;
    gemm.b_col = 1;
    status = cpu_gemm_run(ctx, work->dtype, &gemm, batch, false);
  }
  return status;
}

tn_status cpu_correlate(tn_kernel_ctx *ctx, tn_dtype dtype, const cpu_window *window, const void *x,
                        const void *weight, const void *bias, void *y) {
  job work = job_for(dtype, window);
  work.x = x;
  work.weight = weight;
  work.bias = bias;
  work.result = y;
  const int64_t tasks = window->batch * window->groups;
  if (tasks * window->out_channels * window->out_space == 0) return TN_OK;
  if (pack_weight(ctx, &work) != TN_OK) return TN_OUT_OF_MEMORY;
  if (is_pointwise(window)) return forward_pointwise(ctx, &work);
  if (make_offsets(ctx, &work) != TN_OK) return TN_OUT_OF_MEMORY;
  if (tasks < cpu_host->thread_count()) return forward_in_turn(ctx, &work);
  const uint64_t gemm_bytes =
      work.gemm->workspace_bytes(window->out_channels, window->out_space, window->depth);
  cpu_workspaces workspaces;
  work.workspaces = &workspaces;
  const tn_status status = cpu_workspaces_open(
      &workspaces, ctx, (uint64_t)bordered_bytes(&work, window->in_channels) + gemm_bytes, tasks);
  if (status != TN_OK) return status;
  const int64_t operations = window->out_channels * window->out_space * (window->depth / 8 + 1);
  cpu_parallel_for(tasks, cpu_grain(operations), forward_images, &work);
  return TN_OK;
}

// ---- the adjoint in x --------------------------------------------------------------------------

// reversed[g, c, o, t] = weight[g, o, c, taps - 1 - t]
static void *reversed_weight(tn_kernel_ctx *ctx, const job *work) {
  const cpu_window *w = work->window;
  const int64_t size = work->size, out = w->out_channels, in = w->in_channels;
  char *reversed = cpu_scratch(ctx, w->groups * out * w->depth, (uint64_t)size);
  if (reversed == NULL) return NULL;
  char *to = reversed;
  for (int64_t g = 0; g < w->groups; g++) {
    for (int64_t c = 0; c < in; c++) {
      for (int64_t o = 0; o < out; o++) {
        const char *from = work->weight + ((g * out + o) * in + c) * w->taps * size;
        for (int64_t t = w->taps - 1; t >= 0; t--, to += size) {
          memcpy(to, from + t * size, (size_t)size);
        }
      }
    }
  }
  return reversed;
}

// Tasks: (image, group, block of channels).
static void fold_blocks(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  const cpu_window *w = work->window;
  char *image = cpu_workspace_claim(work->workspaces);
  char *columns = image + bordered_bytes(work, work->block_channels);
  char *workspace =
      columns + round_up_64(work->block_channels * w->taps * w->out_space * work->size);
  const cpu_unfolded unfolded = unfolded_image(work, NULL);
  for (int64_t task = begin; task < end; task++) {
    const int64_t block = task % work->blocks, group = task / work->blocks % w->groups;
    const int64_t index = task / work->blocks / w->groups;
    const int64_t first = block * work->block_channels;
    const int64_t channels = smaller(work->block_channels, w->in_channels - first);
    const int64_t weight = group * w->out_channels * w->depth + first * w->taps;
    const cpu_gemm gemm = {.m = channels * w->taps,
                           .n = w->out_space,
                           .k = w->out_channels,
                           .a = work->weight + weight * work->size,
                           .a_row = 1,
                           .a_col = w->depth,
                           .b = work->y + y_offset(work, index, group),
                           .b_row = w->out_space,
                           .b_col = 1,
                           .c = columns,
                           .c_row = w->out_space,
                           .alpha = 1};
    const cpu_gemm_range all = {0, gemm.m, 0, gemm.n};
    work->gemm->multiply(&gemm, all, workspace);
    memset(image, 0, (size_t)bordered_bytes(work, channels));
    work->unfold->fold(&unfolded, image, columns, 0, channels * w->taps);
    char *x = work->result + x_offset(work, index, group) + first * w->in_space * work->size;
    cpu_window_crop(w, image, x, channels, work->size);
    if (work->bias == NULL) continue;
    for (int64_t c = 0; c < channels; c++) {
      work->unfold->shift(x + c * w->in_space * work->size, w->in_space,
                          work->bias + (group * w->in_channels + first + c) * work->size);
    }
  }
  cpu_workspace_release(work->workspaces, image);
}

static tn_status adjoint_by_folding(tn_kernel_ctx *ctx, job *work) {
  const cpu_window *w = work->window;
  if (w->out_space == 0) {
    memset(work->result, 0, (size_t)(x_offset(work, w->batch, 0)));
    return TN_OK;
  }
  const int64_t channel_columns = larger(1, w->taps * w->out_space);
  work->block_channels = smaller(larger(1, COLUMNS_ELEMENTS / channel_columns), w->in_channels);
  work->blocks = ceil_div(w->in_channels, work->block_channels);
  if (make_offsets(ctx, work) != TN_OK) return TN_OUT_OF_MEMORY;
  const int64_t rows = work->block_channels * w->taps;
  const uint64_t bytes = (uint64_t)bordered_bytes(work, work->block_channels) +
                         (uint64_t)round_up_64(rows * w->out_space * work->size) +
                         work->gemm->workspace_bytes(rows, w->out_space, w->out_channels);
  const int64_t tasks = w->batch * w->groups * work->blocks;
  cpu_workspaces workspaces;
  work->workspaces = &workspaces;
  const tn_status status = cpu_workspaces_open(&workspaces, ctx, bytes, tasks);
  if (status != TN_OK) return status;
  const int64_t operations = rows * w->out_space * (w->out_channels / 8 + 1);
  cpu_parallel_for(tasks, cpu_grain(operations), fold_blocks, work);
  return TN_OK;
}

tn_status cpu_correlate_adjoint(tn_kernel_ctx *ctx, tn_dtype dtype, const cpu_window *window,
                                const void *y, const void *weight, const void *bias, void *x) {
  job work = job_for(dtype, window);
  work.y = y;
  work.weight = weight;
  work.bias = bias;
  work.result = x;
  if (window->batch * window->groups * window->in_channels * window->in_space == 0) return TN_OK;
  if (window->stride[0] == 1 && window->stride[1] == 1 && window->stride[2] == 1) {
    const cpu_window reversed = cpu_window_reversed(window);
    const void *weights = reversed_weight(ctx, &work);
    if (weights == NULL) return TN_OUT_OF_MEMORY;
    return cpu_correlate(ctx, dtype, &reversed, y, weights, bias, x);
  }
  return adjoint_by_folding(ctx, &work);
}

// ---- the adjoint in w --------------------------------------------------------------------------

// The sums of (part, group, panel): [depth][tile_cols].
static char *sums_at(const job *work, int64_t part, int64_t group, int64_t panel) {
  const int64_t index = (part * work->window->groups + group) * work->panels + panel;
  return work->sums + index * work->window->depth * work->gemm->tile_cols * work->size;
}

// Adds one image's products to |sums|, for taps [first, first + taps).
static void add_image(const job *work, const char *image, const char *y, int64_t cols, char *right,
                      int64_t first, int64_t taps, char *sums) {
  const cpu_window *w = work->window;
  const int64_t tile_cols = work->gemm->tile_cols;
  const int64_t step = larger(1, RIGHT_POSITIONS / w->run_length);
  cpu_unfolded unfolded = unfolded_image(work, image);
  unfolded.tap_offsets += first;
  unfolded.depth = taps;
  for (int64_t run = 0; run < w->run_count; run += step) {
    unfolded.runs = smaller(step, w->run_count - run);
    unfolded.run_offsets = work->run_offsets + run;
    work->gemm->transpose(y + run * w->run_length * work->size, w->out_space, right, tile_cols,
                          cols, unfolded.runs * w->run_length);
    work->unfold->accumulate(&unfolded, right, cols, sums + first * tile_cols * work->size);
  }
}

// Tasks: (part, group, panel of channels of y, part of the taps).
static void weight_parts(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  const cpu_window *w = work->window;
  const int64_t tile_cols = work->gemm->tile_cols;
  const int64_t right_positions = larger(RIGHT_POSITIONS, w->run_length);
  char *image = cpu_workspace_claim(work->workspaces);
  char *right = image + bordered_bytes(work, w->in_channels);
  for (int64_t task = begin; task < end; task++) {
    const int64_t first = task % work->depth_parts * work->depth_step;
    const int64_t panel = task / work->depth_parts % work->panels;
    const int64_t group = task / work->depth_parts / work->panels % w->groups;
    const int64_t part = task / work->depth_parts / work->panels / w->groups;
    const int64_t cols = smaller(tile_cols, w->out_channels - panel * tile_cols);
    const int64_t taps = smaller(work->depth_step, w->depth - first);
    char *sums = sums_at(work, part, group, panel);
    memset(sums + first * tile_cols * work->size, 0, (size_t)(taps * tile_cols * work->size));
    memset(right, 0, (size_t)(right_positions * tile_cols * work->size));
    const int64_t last = (part + 1) * w->batch / work->parts;
    for (int64_t index = part * w->batch / work->parts; index < last; index++) {
      const char *y =
          work->y + y_offset(work, index, group) + panel * tile_cols * w->out_space * work->size;
      border(work, work->x + x_offset(work, index, group), w->in_channels, image);
      add_image(work, image, y, cols, right, first, taps, sums);
    }
  }
  cpu_workspace_release(work->workspaces, image);
}

// Tasks: (group, panel). Adds the parts in order and writes [channel of y, tap].
static void join_parts(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  const cpu_window *w = work->window;
  const int64_t tile_cols = work->gemm->tile_cols;
  for (int64_t task = begin; task < end; task++) {
    const int64_t group = task / work->panels, panel = task % work->panels;
    char *sums = sums_at(work, 0, group, panel);
    for (int64_t part = 1; part < work->parts; part++) {
      work->unfold->add(sums, sums_at(work, part, group, panel), w->depth * tile_cols);
    }
    const int64_t channel = group * w->out_channels + panel * tile_cols;
    const int64_t cols = smaller(tile_cols, w->out_channels - panel * tile_cols);
    work->gemm->transpose(sums, tile_cols, work->result + channel * w->depth * work->size, w->depth,
                          w->depth, cols);
  }
}

// How the work is cut depends on the shape alone.
static void cut_weight_work(job *work) {
  const cpu_window *w = work->window;
  const int64_t tile_rows = work->gemm->tile_rows, tile_cols = work->gemm->tile_cols;
  work->panels = ceil_div(w->out_channels, tile_cols);
  const int64_t elements = w->groups * work->panels * w->depth * tile_cols;
  work->parts = smaller(smaller(w->batch, MAX_PARTS), larger(1, PARTS_ELEMENTS / elements));
  const int64_t tasks = work->parts * w->groups * work->panels;
  const int64_t wanted = tasks >= MAX_PARTS ? 1 : MAX_PARTS / tasks;
  work->depth_step = ceil_div(ceil_div(w->depth, wanted), tile_rows) * tile_rows;
  work->depth_parts = ceil_div(w->depth, work->depth_step);
}

tn_status cpu_correlate_weight(tn_kernel_ctx *ctx, tn_dtype dtype, const cpu_window *window,
                               const void *x, const void *y, void *weight) {
  job work = job_for(dtype, window);
  work.x = x;
  work.y = y;
  work.result = weight;
  const int64_t elements = window->groups * window->out_channels * window->depth;
  if (elements == 0) return TN_OK;
  if (window->batch * window->out_space == 0) {
    memset(weight, 0, (size_t)(elements * work.size));
    return TN_OK;
  }
  cut_weight_work(&work);
  const int64_t tile_cols = work.gemm->tile_cols, columns = work.panels * tile_cols;
  work.sums =
      cpu_scratch(ctx, work.parts * window->groups * window->depth * columns, (uint64_t)work.size);
  if (work.sums == NULL || make_offsets(ctx, &work) != TN_OK) return TN_OUT_OF_MEMORY;
  const int64_t right = larger(RIGHT_POSITIONS, window->run_length) * tile_cols * work.size;
  const int64_t tasks = work.parts * window->groups * work.panels * work.depth_parts;
  cpu_workspaces workspaces;
  work.workspaces = &workspaces;
  const tn_status status = cpu_workspaces_open(
      &workspaces, ctx, (uint64_t)(bordered_bytes(&work, window->in_channels) + right), tasks);
  if (status != TN_OK) return status;
  const double operations =
      (double)window->batch * (double)window->out_space * (double)elements / 8 / (double)tasks;
  cpu_parallel_for(tasks, operations >= CPU_GRAIN ? 1 : cpu_grain((int64_t)operations),
                   weight_parts, &work);
  cpu_parallel_for(window->groups * work.panels, cpu_grain(work.parts * window->depth * tile_cols),
                   join_parts, &work);
  return TN_OK;
}

// ---- the gradient of the bias ------------------------------------------------------------------

typedef struct sums_job {
  const cpu_unfold_kernels *unfold;
  int64_t size, batch, channels, space;
  const char *y;
  char *sums;
} sums_job;

static void sum_channels(void *closure, int64_t begin, int64_t end) {
  const sums_job *work = closure;
  for (int64_t c = begin; c < end; c++) {
    work->unfold->sum(work->sums + c * work->size, work->y + c * work->space * work->size,
                      work->batch, work->space, work->channels * work->space);
  }
}

void cpu_channel_sums(tn_dtype dtype, const void *y, int64_t batch, int64_t channels, int64_t space,
                      void *sums) {
  sums_job work = {
      cpu_unfold_kernels_for(dtype), tn_dtype_size(dtype), batch, channels, space, y, sums};
  cpu_parallel_for(channels, cpu_grain(batch * space), sum_channels, &work);
}
