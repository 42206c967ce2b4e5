// SPDX-License-Identifier: Apache-2.0
//
// reduce: the driver of all reductions. The results are cut into *blocks*, along the kept dimension
// in which the input lies closest together; a block's elements into *stretches*, along the reduced
// dimension in which it lies closest together. Where there are few blocks and many elements, the
// stretches of a block are dealt to several *parts*, which are merged in order at the end. A
// stretch fits the first or second level of the caches, so a fold may pass over it twice.

#include "reduce.h"

enum {
  ROW_STRETCH = 16384,    // elements, where reduced ones lie closest together
  COLUMN_STRETCH = 64,    // least reduced elements, where kept ones do
  ROW_BLOCK = 32,         // results
  NARROW = 32,            // fewer kept elements than this side by side waste vectors
  ENOUGH_BLOCKS = 64,     // to keep any number of threads busy
  PART_ELEMENTS = 65536,  // least elements of a part
};

const cpu_fold *cpu_folds[TN_DTYPE_COUNT];

void cpu_reduce_start(cpu_isa isa) {
  static const cpu_fold *(*const float_folds[CPU_ISA_COUNT])(tn_dtype) = {
#define X(name) [CPU_ISA_##name] = cpu_float_folds_##name,
      CPU_ISA_TABLE(X)
#undef X
  };
  for (tn_dtype dtype = TN_BOOL; dtype <= TN_F64; dtype++) {
    cpu_folds[dtype] = tn_dtype_is_floating(dtype) ? float_folds[isa](dtype) : cpu_int_folds(dtype);
  }
}

// ---- the plan

typedef struct dimension {
  int64_t size, in;  // strides in bytes
  int64_t out[CPU_REDUCE_MAX_OUTPUTS];
} dimension;

typedef struct plan {
  const cpu_reduction *reduction;
  uint32_t out_count;
  const char *in;
  char *out[CPU_REDUCE_MAX_OUTPUTS];
  int64_t element_size;
  // Kept dimensions, but for the inner one, and the inner one. The same for reduced ones.
  int32_t kept_rank, reduced_rank;
  dimension kept[TN_MAX_RANK], reduced[TN_MAX_RANK];
  dimension inner_kept, inner_reduced;
  int64_t block, blocks_inner, blocks;          // results a block; blocks
  int64_t stretch, stretches_inner, stretches;  // reduced elements a stretch; stretches a block
  int64_t parts;                                // a block
  char *partial;                                // [blocks][parts][block] accumulators
} plan;

static int64_t distance(int64_t stride) { return stride < 0 ? -stride : stride; }

// Takes the dimension out of |dims| that is to be the inner one, keeping the order of the others.
static dimension take_inner(dimension *dims, int32_t *rank, bool last) {
  dimension inner = {.size = 1};
  if (*rank == 0) return inner;
  int32_t best = *rank - 1;
  for (int32_t i = *rank - 1; i >= 0 && !last; i--) {
    if (distance(dims[i].in) < distance(dims[best].in)) best = i;
  }
  inner = dims[best];
  for (int32_t i = best; i + 1 < *rank; i++) dims[i] = dims[i + 1];
  (*rank)--;
  return inner;
}

static int64_t product(const dimension *dims, int32_t rank) {
  int64_t result = 1;
  for (int32_t i = 0; i < rank; i++) result *= dims[i].size;
  return result;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

static void split_dims(plan *p, const tn_view *views, const tn_view *in) {
  p->kept_rank = p->reduced_rank = 0;
  for (int32_t i = 0; i < in->rank; i++) {
    if (in->sizes[i] == 1) continue;
    dimension dim = {.size = in->sizes[i], .in = in->strides[i] * p->element_size};
    for (uint32_t k = 0; k < p->out_count; k++) {
      dim.out[k] = views[k].strides[i] * tn_dtype_size(views[k].dtype);
    }
    if (dim.out[0] == 0) {
      p->reduced[p->reduced_rank++] = dim;
    } else {
      p->kept[p->kept_rank++] = dim;
    }
  }
  p->inner_kept = take_inner(p->kept, &p->kept_rank, false);
  p->inner_reduced = take_inner(p->reduced, &p->reduced_rank, p->reduction->ordered);
}

static void cut(plan *p) {
  const bool columns = p->inner_kept.size > 1 && p->inner_kept.in == p->element_size;
  p->block = least(p->inner_kept.size, columns ? CPU_FOLD_BLOCK : ROW_BLOCK);
  p->blocks_inner = (p->inner_kept.size - 1) / p->block + 1;
  p->blocks = p->blocks_inner * product(p->kept, p->kept_rank);
  p->stretch = columns ? most(COLUMN_STRETCH, ROW_STRETCH / p->block) : ROW_STRETCH;
  p->stretch = least(p->stretch, p->inner_reduced.size);
  p->stretches_inner = (p->inner_reduced.size - 1) / p->stretch + 1;
  p->stretches = p->stretches_inner * product(p->reduced, p->reduced_rank);
  const int64_t elements = p->blocks * p->block * p->reduction->count;
  p->parts = 1;
  if (p->blocks < ENOUGH_BLOCKS && elements >= 2 * PART_ELEMENTS) {
    p->parts = least(least(elements / PART_ELEMENTS, ENOUGH_BLOCKS), p->stretches);
  }
}

// ---- one block

typedef struct accumulators {
  _Alignas(16) char bytes[CPU_FOLD_BLOCK * CPU_FOLD_MAX_BYTES];
} accumulators;

// Few kept elements side by side, with no gap to the next ones: several rows are folded as one wide
// row and its repetitions merged.
static void fold_narrow(const cpu_fold *fold, accumulators *to, const cpu_stretch *s) {
  const int64_t repeat = least(2 * NARROW / s->kept, s->reduced);
  const int64_t rows = s->reduced / repeat, rest = s->reduced - rows * repeat;
  accumulators wide;
  cpu_stretch piece = *s;
  piece.kept = s->kept * repeat;
  piece.reduced = rows;
  piece.reduced_stride = s->reduced_stride * repeat;
  fold->fold(wide.bytes, &piece);
  memcpy(to->bytes, wide.bytes, (size_t)(s->kept * fold->size));
  for (int64_t i = 1; i < repeat; i++) {
    fold->merge(to->bytes, wide.bytes + i * s->kept * fold->size, s->kept);
  }
  if (rest > 0) {
    piece = *s;
    piece.in += rows * piece.reduced_stride * repeat;
    piece.reduced = rest;
    fold->fold(wide.bytes, &piece);
    fold->merge(to->bytes, wide.bytes, s->kept);
  }
}

static void fold_stretch(const plan *p, accumulators *to, const cpu_stretch *s) {
  const cpu_fold *fold = p->reduction->fold;
  const bool side_by_side = s->kept > 1 && s->kept < NARROW && s->kept_stride == p->element_size;
  if (side_by_side && s->reduced > NARROW && !p->reduction->ordered &&
      s->reduced_stride == s->kept * s->kept_stride) {
    fold_narrow(fold, to, s);
  } else {
    fold->fold(to->bytes, s);
  }
}

// Folds the stretches [begin, end) of the block that starts at |in|.
static void fold_block(const plan *p, const char *in, int64_t kept, int64_t begin, int64_t end,
                       accumulators *to) {
  accumulators next;
  for (int64_t i = begin; i < end; i++) {
    const int64_t outer = i / p->stretches_inner;
    const int64_t first = (i - outer * p->stretches_inner) * p->stretch;
    cpu_stretch s = {.in = in + first * p->inner_reduced.in,
                     .kept = kept,
                     .kept_stride = p->inner_kept.in,
                     .reduced = least(p->stretch, p->inner_reduced.size - first),
                     .reduced_stride = p->inner_reduced.in,
                     .first = outer * p->inner_reduced.size + first};
    int64_t rest = outer;
    for (int32_t dim = p->reduced_rank - 1; dim >= 0; dim--) {
      s.in += rest % p->reduced[dim].size * p->reduced[dim].in;
      rest /= p->reduced[dim].size;
    }
    fold_stretch(p, i == begin ? to : &next, &s);
    if (i > begin) p->reduction->fold->merge(to->bytes, next.bytes, kept);
  }
}

typedef struct place {
  const char *in;
  char *out[CPU_REDUCE_MAX_OUTPUTS];
  int64_t kept;
} place;

static place place_of(const plan *p, int64_t block) {
  place at = {.in = p->in, .out = {p->out[0], p->out[1]}};
  int64_t rest = block / p->blocks_inner;
  const int64_t first = (block - rest * p->blocks_inner) * p->block;
  at.kept = least(p->block, p->inner_kept.size - first);
  at.in += first * p->inner_kept.in;
  for (uint32_t k = 0; k < p->out_count; k++) at.out[k] += first * p->inner_kept.out[k];
  for (int32_t dim = p->kept_rank - 1; dim >= 0; dim--) {
    const int64_t index = rest % p->kept[dim].size;
    rest /= p->kept[dim].size;
    at.in += index * p->kept[dim].in;
    for (uint32_t k = 0; k < p->out_count; k++) at.out[k] += index * p->kept[dim].out[k];
  }
  return at;
}

static void run_items(void *closure, int64_t begin, int64_t end) {
  const plan *p = closure;
  const int64_t part_bytes = p->block * p->reduction->fold->size;
  for (int64_t item = begin; item < end; item++) {
    const int64_t block = item / p->parts, part = item - block * p->parts;
    const place at = place_of(p, block);
    accumulators total;
    fold_block(p, at.in, at.kept, p->stretches * part / p->parts,
               p->stretches * (part + 1) / p->parts, &total);
    if (p->parts == 1) {
      p->reduction->store(p->reduction, at.out, p->inner_kept.out, total.bytes, at.kept);
    } else {
      memcpy(p->partial + item * part_bytes, total.bytes,
             (size_t)(at.kept * p->reduction->fold->size));
    }
  }
}

static void merge_parts(const plan *p) {
  const int64_t part_bytes = p->block * p->reduction->fold->size;
  for (int64_t block = 0; block < p->blocks; block++) {
    const place at = place_of(p, block);
    char *total = p->partial + block * p->parts * part_bytes;
    for (int64_t part = 1; part < p->parts; part++) {
      p->reduction->fold->merge(total, total + part * part_bytes, at.kept);
    }
    p->reduction->store(p->reduction, at.out, p->inner_kept.out, total, at.kept);
  }
}

// One element: nothing to plan.
static tn_status reduce_one(const tn_view *views, uint32_t out_count, cpu_reduction *reduction) {
  static const int64_t no_strides[CPU_REDUCE_MAX_OUTPUTS];
  char *const out[CPU_REDUCE_MAX_OUTPUTS] = {views[0].data, views[out_count - 1].data};
  const cpu_stretch s = {.in = views[out_count].data, .kept = 1, .reduced = 1};
  _Alignas(16) char accumulator[CPU_FOLD_MAX_BYTES];
  reduction->count = 1;
  reduction->fold->fold(accumulator, &s);
  reduction->store(reduction, out, no_strides, accumulator, 1);
  return TN_OK;
}

tn_status cpu_reduce(tn_kernel_ctx *ctx, const tn_view *views, uint32_t out_count,
                     cpu_reduction *reduction) {
  const tn_view *in = &views[out_count];
  if (in->numel == 1) return reduce_one(views, out_count, reduction);
  plan p;
  p.reduction = reduction;
  p.out_count = out_count;
  p.in = in->data;
  for (uint32_t k = 0; k < CPU_REDUCE_MAX_OUTPUTS; k++) {
    p.out[k] = k < out_count ? views[k].data : NULL;
  }
  p.element_size = tn_dtype_size(in->dtype);
  split_dims(&p, views, in);
  reduction->count = product(p.reduced, p.reduced_rank) * p.inner_reduced.size;
  if (in->numel == 0) {
    if (reduction->count != 0) return TN_OK;  // no results either
    return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "there are no elements to reduce");
  }
  cut(&p);
  if (p.parts > 1) {
    const int64_t items = p.blocks * p.parts;
    p.partial = ctx->host->scratch(ctx, (uint64_t)(items * p.block * reduction->fold->size));
    if (p.partial == NULL) return TN_OUT_OF_MEMORY;
  }
  const int64_t items = p.blocks * p.parts;
  cpu_parallel_for(items, cpu_grain(in->numel / items), run_items, &p);
  if (p.parts > 1) merge_parts(&p);
  return TN_OK;
}
