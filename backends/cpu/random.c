// SPDX-License-Identifier: Apache-2.0
//
// random: rand, randn, randint, randperm and bernoulli. Every draw is counter based (philox.h):
// element i depends on (seed, offset, i) alone, so pieces of a result can be made anywhere, in any
// order, by any number of threads.
//
// Words of 32 bits serve all dtypes but double, randint and randperm, which take 64. Pieces start
// at multiples of four elements, so that a block of words is made once.

#include <tenon/op_args.h>
#include <tenon/philox.h>

#include "contiguous.h"
#include "philox_words.h"

enum { CHUNK = 256, NORMAL_COST = 16 };

typedef struct random_job {
  tn_dtype dtype;
  char *result;
  const void *probabilities;
  int64_t count;
  tn_philox_state state;
  double p;
  int64_t low;
  uint64_t range;
} random_job;

// Runs |body| over groups of four elements; |cost| is in simple operations an element.
static void run_groups(random_job *job, int64_t cost, tn_range_body body) {
  cpu_parallel_for((job->count + 3) / 4, cpu_grain(4 * cost), body, job);
}

// The elements of groups [begin, end), a chunk at a time: from |at| on, |count| of them.
typedef struct chunk {
  int64_t at, count, end;
} chunk;

static chunk first_chunk(const random_job *job, int64_t begin, int64_t end) {
  chunk c = {4 * begin, 0, 4 * end < job->count ? 4 * end : job->count};
  c.count = c.end - c.at < CHUNK ? c.end - c.at : CHUNK;
  return c;
}

static void next_chunk(chunk *c) {
  c->at += c->count;
  c->count = c->end - c->at < CHUNK ? c->end - c->at : CHUNK;
}

// ---- uniform -----------------------------------------------------------------------------------

// The upper bits of a word that the dtype can hold exactly, so that 1 is never reached.
static void uniform_halves(const random_job *job, const uint32_t *words, const chunk *c) {
  uint16_t *out = (uint16_t *)job->result + c->at;
  for (int64_t i = 0; i < c->count; i++) {
    out[i] = job->dtype == TN_BF16 ? tn_f32_to_bf16((float)(words[i] >> 24) * 0x1p-8f)
                                   : tn_f32_to_f16((float)(words[i] >> 21) * 0x1p-11f);
  }
}

static void uniform_groups(void *closure, int64_t begin, int64_t end) {
  const random_job *job = closure;
  for (chunk c = first_chunk(job, begin, end); c.count > 0; next_chunk(&c)) {
    if (job->dtype == TN_F64) {
      uint64_t words[CHUNK];
      double *out = (double *)job->result + c.at;
      cpu_philox_u64(job->state, c.at, c.count, words);
      for (int64_t i = 0; i < c.count; i++) out[i] = tn_uniform_f64(words[i]);
      continue;
    }
    uint32_t words[CHUNK];
    cpu_philox_u32(job->state, c.at, c.count, words);
    if (job->dtype != TN_F32) {
      uniform_halves(job, words, &c);
      continue;
    }
    float *out = (float *)job->result + c.at;
    for (int64_t i = 0; i < c.count; i++) out[i] = tn_uniform_f32(words[i]);
  }
}

static tn_status run_rand(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const tn_view *result = &args->views[TN_ARG_rand_result];
  random_job job = {.dtype = result->dtype,
                    .result = result->data,
                    .count = result->numel,
                    .state = ((const tn_rand_attrs *)args->attrs)->generator};
  run_groups(&job, 4, uniform_groups);
  return TN_OK;
}

// ---- normal ------------------------------------------------------------------------------------

static void normal_doubles(const random_job *job, const chunk *c) {
  uint64_t words[CHUNK];
  double *out = (double *)job->result + c->at;
  cpu_philox_u64(job->state, c->at, (c->count + 1) / 2 * 2, words);
  for (int64_t i = 0; i < c->count; i += 2) {
    double pair[2];
    tn_normal_f64(words[i], words[i + 1], pair);
    out[i] = pair[0];
    if (i + 1 < c->count) out[i + 1] = pair[1];
  }
}

static void normal_floats(const random_job *job, const chunk *c) {
  uint32_t words[CHUNK];
  float values[CHUNK];
  cpu_philox_u32(job->state, c->at, (c->count + 1) / 2 * 2, words);
  for (int64_t i = 0; i < c->count; i += 2) tn_normal_f32(words[i], words[i + 1], values + i);
  if (job->dtype == TN_F32) {
    memcpy((float *)job->result + c->at, values, (size_t)c->count * sizeof(float));
    return;
  }
  uint16_t *out = (uint16_t *)job->result + c->at;
  for (int64_t i = 0; i < c->count; i++) {
    out[i] = job->dtype == TN_BF16 ? tn_f32_to_bf16(values[i]) : tn_f32_to_f16(values[i]);
  }
}

static void normal_groups(void *closure, int64_t begin, int64_t end) {
  const random_job *job = closure;
  for (chunk c = first_chunk(job, begin, end); c.count > 0; next_chunk(&c)) {
    if (job->dtype == TN_F64) {
      normal_doubles(job, &c);
    } else {
      normal_floats(job, &c);
    }
  }
}

static tn_status run_randn(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  (void)ctx;
  const tn_view *result = &args->views[TN_ARG_randn_result];
  random_job job = {.dtype = result->dtype,
                    .result = result->data,
                    .count = result->numel,
                    .state = ((const tn_randn_attrs *)args->attrs)->generator};
  run_groups(&job, NORMAL_COST, normal_groups);
  return TN_OK;
}

// ---- integers ----------------------------------------------------------------------------------

static void integer_groups(void *closure, int64_t begin, int64_t end) {
  const random_job *job = closure;
  for (chunk c = first_chunk(job, begin, end); c.count > 0; next_chunk(&c)) {
    uint64_t words[CHUNK];
    int64_t values[CHUNK];
    cpu_philox_u64(job->state, c.at, c.count, words);
    for (int64_t i = 0; i < c.count; i++) {
      values[i] = (int64_t)((uint64_t)job->low + tn_uniform_below(words[i], job->range));
    }
    cpu_store_i64(job->dtype, job->result, c.at, values, c.count);
  }
}

static tn_status run_randint(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_randint_low_attrs *attrs = args->attrs;
  const tn_view *result = &args->views[TN_ARG_randint_low_result];
  if (attrs->low >= attrs->high) {
    return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "low %lld is not below high %lld",
                            (long long)attrs->low, (long long)attrs->high);
  }
  random_job job = {.dtype = result->dtype,
                    .result = result->data,
                    .count = result->numel,
                    .state = attrs->generator,
                    .low = attrs->low,
                    .range = (uint64_t)attrs->high - (uint64_t)attrs->low};
  run_groups(&job, 8, integer_groups);
  return TN_OK;
}

// Fisher and Yates: position i, from the last down, is exchanged with a random one up to i. Word i
// of the draw decides. Serial, as each exchange needs the one before.
static tn_status run_randperm(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_view *result = &args->views[TN_ARG_randperm_result];
  const tn_philox_state state = ((const tn_randperm_attrs *)args->attrs)->generator;
  const int64_t n = result->numel;
  int64_t *order = result->data;
  if (result->dtype != TN_I64) {
    order = ctx->host->scratch(ctx, (uint64_t)(n > 0 ? n : 1) * sizeof *order);
    if (order == NULL) {
      return ctx->host->error(ctx, TN_OUT_OF_MEMORY, "scratch memory for %lld positions",
                              (long long)n);
    }
  }
  for (int64_t i = 0; i < n; i++) order[i] = i;
  for (int64_t i = n - 1; i > 0; i--) {
    const int64_t j = (int64_t)tn_uniform_below(tn_philox_u64(state, (uint64_t)i), (uint64_t)i + 1);
    const int64_t moved = order[i];
    order[i] = order[j];
    order[j] = moved;
  }
  if (result->dtype != TN_I64) cpu_store_i64(result->dtype, result->data, 0, order, n);
  return TN_OK;
}

// ---- bernoulli ---------------------------------------------------------------------------------

static void bernoulli_p_groups(void *closure, int64_t begin, int64_t end) {
  const random_job *job = closure;
  for (chunk c = first_chunk(job, begin, end); c.count > 0; next_chunk(&c)) {
    uint32_t words[CHUNK];
    int64_t values[CHUNK];
    cpu_philox_u32(job->state, c.at, c.count, words);
    for (int64_t i = 0; i < c.count; i++) values[i] = (double)tn_uniform_f32(words[i]) < job->p;
    cpu_store_i64(job->dtype, job->result, c.at, values, c.count);
  }
}

static tn_status run_bernoulli_p(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_bernoulli_p_attrs *attrs = args->attrs;
  const tn_view *result = &args->views[TN_ARG_bernoulli_p_result];
  if (!(attrs->p >= 0 && attrs->p <= 1)) {
    return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "p is %g, not a probability", attrs->p);
  }
  random_job job = {.dtype = result->dtype,
                    .result = result->data,
                    .count = result->numel,
                    .state = attrs->generator,
                    .p = attrs->p};
  run_groups(&job, 4, bernoulli_p_groups);
  return TN_OK;
}

static double probability_at(const random_job *job, int64_t i) {
  switch (job->dtype) {
    case TN_F16:
      return (double)tn_f16_to_f32(((const uint16_t *)job->probabilities)[i]);
    case TN_BF16:
      return (double)tn_bf16_to_f32(((const uint16_t *)job->probabilities)[i]);
    case TN_F32:
      return (double)((const float *)job->probabilities)[i];
    default:
      return ((const double *)job->probabilities)[i];
  }
}

static void bernoulli_groups(void *closure, int64_t begin, int64_t end) {
  const random_job *job = closure;
  for (chunk c = first_chunk(job, begin, end); c.count > 0; next_chunk(&c)) {
    uint32_t words[CHUNK];
    int64_t values[CHUNK];
    cpu_philox_u32(job->state, c.at, c.count, words);
    for (int64_t i = 0; i < c.count; i++) {
      values[i] = (double)tn_uniform_f32(words[i]) < probability_at(job, c.at + i);
    }
    cpu_store_i64(job->dtype, job->result, c.at, values, c.count);
  }
}

static tn_status run_bernoulli(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_view *result = &args->views[TN_ARG_bernoulli_result];
  const tn_view *given = &args->views[TN_ARG_bernoulli_self];
  random_job job = {.dtype = result->dtype,
                    .result = result->data,
                    .probabilities = given->data,
                    .count = result->numel,
                    .state = ((const tn_bernoulli_attrs *)args->attrs)->generator};
  for (int64_t i = 0; i < job.count; i++) {
    const double p = probability_at(&job, i);
    if (!(p >= 0 && p <= 1)) {
      return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "element %lld is %g, not a probability",
                              (long long)i, p);
    }
  }
  run_groups(&job, 6, bernoulli_groups);
  return TN_OK;
}

// ---- rows --------------------------------------------------------------------------------------

#define ROW(name, set, attrs_type, function)                                            \
  {                                                                                     \
    .op = name, .dtypes = set, .rank = TN_RANK_GENERIC, .layout = TN_LAYOUT_CONTIGUOUS, \
    .flags = TN_ROW_DETERMINISTIC, .attrs_size = sizeof(attrs_type), .run = function    \
  }

const tn_kernel_row cpu_random_rows[] = {
    ROW("rand", TN_DTYPES_FLOATING, tn_rand_attrs, run_rand),
    ROW("randn", TN_DTYPES_FLOATING, tn_randn_attrs, run_randn),
    ROW("randint.low", TN_DTYPES_REAL, tn_randint_low_attrs, run_randint),
    ROW("randperm", TN_DTYPES_INTEGER | TN_DTYPES_FLOATING, tn_randperm_attrs, run_randperm),
    ROW("bernoulli", TN_DTYPES_FLOATING, tn_bernoulli_attrs, run_bernoulli),
    ROW("bernoulli.p", TN_DTYPES_ALL, tn_bernoulli_p_attrs, run_bernoulli_p),
};
const uint64_t cpu_random_row_count = sizeof cpu_random_rows / sizeof cpu_random_rows[0];
