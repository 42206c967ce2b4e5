// SPDX-License-Identifier: Apache-2.0
//
// event: a record makes a mark, a place in one stream's queue; the event holds the latest. Who
// waits keeps the mark that was the latest then, so a later record, on whatever stream, changes
// nothing for it. Marks are shared between an event, the job that will pass them and those that
// wait.

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "sim.h"

typedef struct event_mark {
  _Atomic int32_t refs;
  pthread_mutex_t mutex;  // of all that follows; of its own, so that only who waits is ordered
  pthread_cond_t changed;
  bool passed;
  int64_t time_ns;
} event_mark;

typedef struct sim_event {
  bool timing;
  pthread_mutex_t mutex;
  event_mark *mark;  // NULL: never recorded
} sim_event;

static event_mark *make_mark(void) {
  event_mark *mark = malloc(sizeof *mark);
  if (mark == NULL) {
    sim_host->error(NULL, TN_OUT_OF_MEMORY, "no memory for an event");
    return NULL;
  }
  *mark = (event_mark){.refs = 1};
  pthread_mutex_init(&mark->mutex, NULL);
  pthread_cond_init(&mark->changed, NULL);
  return mark;
}

static void release_mark(event_mark *mark) {
  if (mark == NULL || atomic_fetch_sub_explicit(&mark->refs, 1, memory_order_acq_rel) > 1) return;
  pthread_cond_destroy(&mark->changed);
  pthread_mutex_destroy(&mark->mutex);
  free(mark);
}

// Whether |mark| was passed, and when. NULL was, at no time.
static bool has_passed(event_mark *mark, int64_t *time_ns) {
  if (mark == NULL) return true;
  pthread_mutex_lock(&mark->mutex);
  const bool passed = mark->passed;
  *time_ns = mark->time_ns;
  pthread_mutex_unlock(&mark->mutex);
  return passed;
}

static void wait_for(event_mark *mark) {
  pthread_mutex_lock(&mark->mutex);
  while (!mark->passed) pthread_cond_wait(&mark->changed, &mark->mutex);
  pthread_mutex_unlock(&mark->mutex);
}

// The event's latest mark, with a reference; NULL where it was never recorded.
static event_mark *latest_mark(sim_event *event) {
  pthread_mutex_lock(&event->mutex);
  event_mark *mark = event->mark;
  if (mark != NULL) atomic_fetch_add_explicit(&mark->refs, 1, memory_order_relaxed);
  pthread_mutex_unlock(&event->mutex);
  return mark;
}

// ---- jobs --------------------------------------------------------------------------------------

typedef struct mark_job {
  sim_job job;
  event_mark *mark;
} mark_job;

static void pass_mark(sim_job *job) {
  event_mark *mark = ((mark_job *)job)->mark;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  pthread_mutex_lock(&mark->mutex);
  mark->time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
  mark->passed = true;
  pthread_cond_broadcast(&mark->changed);
  pthread_mutex_unlock(&mark->mutex);
}

static void await_mark(sim_job *job) { wait_for(((mark_job *)job)->mark); }

static void free_mark_job(sim_job *job) {
  release_mark(((mark_job *)job)->mark);
  free(job);
}

// Enqueues |run| with the caller's reference to |mark|, which is given up whatever comes of it.
static tn_status enqueue(sim_stream *stream, const char *name, void (*run)(sim_job *job),
                         event_mark *mark) {
  mark_job *made = malloc(sizeof *made);
  if (made == NULL) {
    release_mark(mark);
    return sim_host->error(NULL, TN_OUT_OF_MEMORY, "no memory for a job");
  }
  *made = (mark_job){{.op = name, .urgent = true, .run = run, .free = free_mark_job}, mark};
  return sim_stream_enqueue(stream, &made->job);
}

// ---- events ------------------------------------------------------------------------------------

tn_status sim_event_create(void *self, int32_t index, bool timing, void **event) {
  (void)self, (void)index;
  sim_event *made = malloc(sizeof *made);
  *event = made;
  if (made == NULL) return sim_host->error(NULL, TN_OUT_OF_MEMORY, "no memory for an event");
  *made = (sim_event){.timing = timing};
  pthread_mutex_init(&made->mutex, NULL);
  return TN_OK;
}

void sim_event_destroy(void *self, int32_t index, void *handle) {
  (void)self, (void)index;
  if (handle == NULL || !sim_is_home()) return;
  sim_event *event = handle;
  release_mark(event->mark);
  pthread_mutex_destroy(&event->mutex);
  free(event);
}

tn_status sim_event_record(void *self, int32_t index, void *handle, void *stream_handle) {
  (void)self;
  sim_event *event = handle;
  sim_stream *stream = sim_stream_of(index, stream_handle);
  if (stream == NULL) return TN_UNAVAILABLE;
  event_mark *mark = make_mark();
  if (mark == NULL) return TN_OUT_OF_MEMORY;
  atomic_fetch_add_explicit(&mark->refs, 1, memory_order_relaxed);
  const tn_status status = enqueue(stream, "an event's record", pass_mark, mark);
  if (status != TN_OK) {
    release_mark(mark);
    return status;
  }
  pthread_mutex_lock(&event->mutex);
  event_mark *before = event->mark;
  event->mark = mark;
  pthread_mutex_unlock(&event->mutex);
  release_mark(before);
  return TN_OK;
}

tn_status sim_event_query(void *self, int32_t index, void *handle, bool *done) {
  (void)self, (void)index;
  event_mark *mark = latest_mark(handle);
  int64_t time_ns;
  *done = has_passed(mark, &time_ns);
  release_mark(mark);
  return TN_OK;
}

tn_status sim_event_synchronize(void *self, int32_t index, void *handle) {
  (void)self, (void)index;
  event_mark *mark = latest_mark(handle);
  if (mark != NULL) wait_for(mark);
  release_mark(mark);
  return TN_OK;
}

tn_status sim_stream_wait_event(void *self, int32_t index, void *stream_handle, void *handle) {
  (void)self;
  sim_stream *stream = sim_stream_of(index, stream_handle);
  if (stream == NULL) return TN_UNAVAILABLE;
  event_mark *mark = latest_mark(handle);
  return mark == NULL ? TN_OK : enqueue(stream, "a wait for an event", await_mark, mark);
}

tn_status sim_event_elapsed_ms(void *self, int32_t index, void *start, void *end, float *ms) {
  (void)self, (void)index;
  *ms = 0;
  if (!((sim_event *)start)->timing || !((sim_event *)end)->timing) {
    return sim_host->error(NULL, TN_INVALID_ARGUMENT, "an event was made without timing");
  }
  event_mark *from = latest_mark(start), *to = latest_mark(end);
  int64_t from_ns = 0, to_ns = 0;
  const bool ready =
      from != NULL && to != NULL && has_passed(from, &from_ns) && has_passed(to, &to_ns);
  release_mark(from);
  release_mark(to);
  if (!ready) {
    return sim_host->error(NULL, TN_WRONG_STATE, "an event was never recorded, or is not done yet");
  }
  *ms = (float)((double)(to_ns - from_ns) / 1e6);
  return TN_OK;
}
