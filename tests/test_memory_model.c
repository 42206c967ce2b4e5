// SPDX-License-Identifier: Apache-2.0
//
// The allocator under random use, against a model that knows who holds which bytes until when, and
// under eight threads at once. The model: a new block overlaps none that is held, and where it
// overlaps one that was freed, all streams that used that one have passed the work they had then,
// but for the stream of both. Seeds are fixed, so a failure repeats.

#include <pthread.h>

#include "memory_test.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

typedef struct generator {
  uint64_t state;
} generator;

static uint64_t draw(generator *g, uint64_t below) {
  g->state ^= g->state << 13;
  g->state ^= g->state >> 7;
  g->state ^= g->state << 17;
  return (g->state >> 16) % below;
}

// Mostly small sizes, some of all orders up to 12 MiB.
static int64_t draw_size(generator *g) {
  static const int64_t most[] = {4 * KIB, 4 * KIB, 4 * KIB, 64 * KIB, 256 * KIB, 2 * MIB, 12 * MIB};
  return (int64_t)draw(g, (uint64_t)most[draw(g, 7)]) + 1;
}

// ---- the model ---------------------------------------------------------------------------------

enum { STREAMS = 3, HELD = 150, FREED = 400 };

typedef struct range {
  tn_tensor *tensor;
  char *start;
  int64_t size_bytes;
  int stream;              // whose it is
  uint64_t used[STREAMS];  // what each stream had enqueued when it was freed; 0: it did not use it
} range;

typedef struct model {
  device d;
  generator g;
  tn_stream *streams[STREAMS];  // the first is the default one
  manual_stream *native[STREAMS];
  range held[HELD], freed[FREED];
  int held_count;
  int64_t freed_count;
  uint64_t requests, refused;  // requests of the device, and how many were refused
} model;

static bool overlap(const range *a, const range *b) {
  return a->start < b->start + b->size_bytes && b->start < a->start + a->size_bytes;
}

static void check_new(const model *m, const range *added) {
  cr_assert_eq((uintptr_t)added->start % 64, 0);
  for (int i = 0; i < m->held_count; i++) {
    cr_assert_not(overlap(added, &m->held[i]), "a block of %lld bytes overlaps a held one",
                  (long long)added->size_bytes);
  }
  int64_t kept = m->freed_count < FREED ? m->freed_count : FREED;
  for (int64_t i = 0; i < kept; i++) {
    const range *freed = &m->freed[i];
    if (!overlap(added, freed)) continue;
    for (int s = 0; s < STREAMS; s++) {
      bool own = s == freed->stream && s == added->stream;
      cr_assert(own || m->native[s]->done >= freed->used[s],
                "stream %d gets bytes that stream %d is not done with", added->stream, s);
    }
  }
}

static void add_block(model *m) {
  if (m->held_count == HELD) return;
  range added = {.stream = (int)draw(&m->g, STREAMS), .size_bytes = draw_size(&m->g)};
  cr_assert_eq(tn_stream_set_current(m->streams[added.stream]), TN_OK);
  m->requests++;
  added.tensor = tn_empty(TN_SHAPE(added.size_bytes), .dtype = TN_U8, .device = m->d.id);
  if (added.tensor == NULL) {
    m->refused++;
    cr_assert_eq(tn_error_clear(), TN_OUT_OF_MEMORY);
    return;
  }
  added.start = address_of(&m->d, added.tensor);
  check_new(m, &added);
  added.used[added.stream] = 1;
  m->held[m->held_count++] = added;
}

static void free_block(model *m) {
  if (m->held_count == 0) return;
  int at = (int)draw(&m->g, (uint64_t)m->held_count);
  range freed = m->held[at];
  m->held[at] = m->held[--m->held_count];
  for (int s = 0; s < STREAMS; s++) {
    if (freed.used[s] != 0) freed.used[s] = m->native[s]->enqueued;
  }
  tn_release(freed.tensor);
  m->freed[m->freed_count++ % FREED] = freed;
}

static void use_block(model *m) {
  if (m->held_count == 0) return;
  range *used = &m->held[draw(&m->g, (uint64_t)m->held_count)];
  int s = (int)draw(&m->g, STREAMS);
  m->native[s]->enqueued++;
  used->used[s] = 1;
  cr_assert_eq(tn_record_stream(used->tensor, m->streams[s]), TN_OK);
}

// Some of what a stream has enqueued is done.
static void do_work(model *m) {
  manual_stream *stream = m->native[draw(&m->g, STREAMS)];
  uint64_t left = stream->enqueued - stream->done;
  if (left != 0) stream->done += draw(&m->g, left) + 1;
}

static void check_counts(const model *m) {
  tn_memory_stats stats = stats_of(&m->d);
  uint64_t held = 0;
  for (int i = 0; i < m->held_count; i++) held += (uint64_t)m->held[i].size_bytes;
  cr_assert_eq(stats.block_count, (uint64_t)m->held_count);
  cr_assert_geq(stats.allocated_bytes, held);
  cr_assert_leq(stats.allocated_bytes, held + (uint64_t)m->held_count * 128 * KIB);
  cr_assert_eq(stats.segment_bytes, m->d.controls->segment_bytes);
  cr_assert_leq(stats.allocated_bytes + stats.waiting_bytes, stats.segment_bytes);
  cr_assert_eq(stats.allocation_count, m->requests);
  cr_assert_eq(stats.out_of_memory_count, m->refused);
}

static void finish(model *m) {
  while (m->held_count > 0) free_block(m);
  for (int s = 0; s < STREAMS; s++) m->native[s]->done = m->native[s]->enqueued;
  cr_assert_eq(tn_stream_set_current(m->streams[0]), TN_OK);
  for (int s = 1; s < STREAMS; s++) tn_stream_release(m->streams[s]);
  cr_assert_eq(tn_memory_empty_cache(m->d.id), TN_OK);
  tn_memory_stats stats = stats_of(&m->d);
  cr_assert_eq(stats.allocated_bytes + stats.waiting_bytes + stats.segment_bytes, 0);
  cr_assert_eq(m->d.controls->segment_bytes, 0);
  cr_assert_eq(m->d.controls->mistakes, 0);
}

// Returns how many requests were refused.
static uint64_t run_model(uint64_t seed, uint64_t memory_bytes, uint64_t limit_bytes) {
  enum { STEPS = 6000 };
  static model m;
  m = (model){.d = open_device(), .g = {seed}};
  m.requests = stats_of(&m.d).allocation_count;
  const uint64_t refused_before = m.refused = stats_of(&m.d).out_of_memory_count;
  m.d.controls->memory_bytes = memory_bytes;
  cr_assert_eq(tn_memory_limit(m.d.id, limit_bytes), TN_OK);
  for (int s = 0; s < STREAMS; s++) {
    m.streams[s] = s == 0 ? tn_stream_default(m.d.id) : tn_stream_new(m.d.id, 0);
    m.native[s] = tn_stream_native_handle(m.streams[s]);
  }
  for (int step = 0; step < STEPS; step++) {
    uint64_t what = draw(&m.g, 100);
    if (what < 40) add_block(&m);
    if (what >= 40 && what < 76) free_block(&m);
    if (what >= 76 && what < 90) use_block(&m);
    if (what >= 90 && what < 99) do_work(&m);
    if (what == 99) cr_assert_eq(tn_memory_empty_cache(m.d.id), TN_OK);
    if (step % 16 == 0) check_counts(&m);
  }
  finish(&m);
  return m.refused - refused_before;
}

static const uint64_t SEED = UINT64_C(0x9e3779b97f4a7c15);

TN_TEST(memory_model, holds_where_there_is_plenty) {
  for (uint64_t i = 1; i <= 4; i++) {
    cr_assert_eq(run_model(i * SEED, 0, 0), 0, "seed %d: a request was refused", (int)i);
  }
}

TN_TEST(memory_model, holds_on_a_small_device) {
  for (uint64_t i = 1; i <= 4; i++) cr_assert_gt(run_model(i * SEED, 100 * MIB, 0), 0);
}

TN_TEST(memory_model, holds_under_a_limit) {
  for (uint64_t i = 1; i <= 4; i++) cr_assert_gt(run_model(i * SEED, 0, 64 * MIB), 0);
}

// A steady load of random sizes must not make segments grow without end.
TN_TEST(memory_model, fragmentation_is_bounded) {
  enum { STEPS = 40000 };
  device d = open_device();
  generator g = {SEED};
  tn_tensor *held[HELD];
  for (int i = 0; i < HELD; i++) held[i] = bytes_on(&d, draw_size(&g));
  for (int step = 0; step < STEPS; step++) {
    uint64_t at = draw(&g, HELD);
    tn_release(held[at]);
    held[at] = bytes_on(&d, draw_size(&g));
  }
  tn_memory_stats stats = stats_of(&d);
  double ratio = (double)stats.segment_peak_bytes / (double)stats.allocated_peak_bytes;
  cr_assert_lt(ratio, 1.4, "segments are %.2f times what was ever held at once", ratio);
  release_all(held, HELD);
}

// ---- eight threads -----------------------------------------------------------------------------

enum { THREADS = 8, ROUNDS = 400, KEPT = 24 };

typedef struct worker {
  device d;
  int index;
  int wrong, refused;
  pthread_barrier_t *start;
} worker;

// Writes the thread's number into a block and finds it there when it gives the block up.
static void *allocate_and_free(void *context) {
  worker *w = context;
  generator g = {SEED * (uint64_t)(w->index + 1)};
  tn_tensor *held[KEPT] = {NULL};
  char *start[KEPT];
  tn_stream *stream = w->index % 2 == 0 ? NULL : tn_stream_new(w->d.id, 0);
  if (stream != NULL && tn_stream_set_current(stream) != TN_OK) w->wrong++;
  pthread_barrier_wait(w->start);
  for (int i = 0; i < ROUNDS; i++) {
    uint64_t at = draw(&g, KEPT);
    if (held[at] != NULL) {
      w->wrong += *start[at] != w->index + 1;
      if (draw(&g, 4) == 0) w->wrong += tn_record_stream(held[at], tn_stream_default(w->d.id)) != 0;
      tn_release(held[at]);
    }
    held[at] = tn_empty(TN_SHAPE(draw_size(&g)), .dtype = TN_U8, .device = w->d.id);
    if (held[at] == NULL) {
      w->refused++;
      w->wrong += tn_error_clear() != TN_OUT_OF_MEMORY;
    } else {
      w->wrong += tn_fill_(held[at], w->index + 1) != TN_OK;
      start[at] = w->d.controls->last_filled();
    }
    if (i % 100 == 99) w->wrong += tn_memory_empty_cache(w->d.id) != TN_OK;
  }
  release_all(held, KEPT);
  tn_stream_set_current(tn_stream_default(w->d.id));
  tn_stream_release(stream);
  return NULL;
}

// Returns how many requests were refused.
static int run_threads(const device *d) {
  pthread_t threads[THREADS];
  worker workers[THREADS];
  pthread_barrier_t start;
  pthread_barrier_init(&start, NULL, THREADS);
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (worker){.d = *d, .index = i, .start = &start};
    cr_assert_eq(pthread_create(&threads[i], NULL, allocate_and_free, &workers[i]), 0);
  }
  int refused = 0;
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    cr_assert_eq(workers[i].wrong, 0, "thread %d", i);
    refused += workers[i].refused;
  }
  pthread_barrier_destroy(&start);
  d->controls->stream.done = d->controls->stream.enqueued;
  cr_assert_eq(tn_memory_empty_cache(d->id), TN_OK);
  tn_memory_stats stats = stats_of(d);
  cr_assert_eq(stats.block_count, 0);
  cr_assert_eq(stats.allocated_bytes + stats.waiting_bytes + stats.segment_bytes, 0);
  cr_assert_eq(d->controls->segment_bytes, 0);
  cr_assert_eq(d->controls->mistakes, 0);
  return refused;
}

TN_TEST(memory_threads, eight_allocate_and_free_at_once) {
  device d = open_device();
  cr_assert_eq(run_threads(&d), 0);
}

TN_TEST(memory_threads, eight_share_a_device_that_is_too_small) {
  device d = open_device();
  d.controls->memory_bytes = 200 * MIB;
  run_threads(&d);
  cr_assert_gt(stats_of(&d).allocation_count, 0);
}
