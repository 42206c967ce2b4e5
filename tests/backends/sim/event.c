// SPDX-License-Identifier: Apache-2.0
//
// event: a record makes a mark, a place in one stream's queue; the event holds the latest. Who
// waits keeps the mark that was the latest then, so a later record, on whatever stream, changes
// nothing for it. Marks are shared between an event, the job that will pass them and those that
// wait.

#include <stdlib.h>
#include <time.h>

#include "sim.h"

typedef struct event_mark {
  int32_t refs;
  bool passed;
  int64_t time_ns;
} event_mark;

typedef struct sim_event {
  bool timing;
  event_mark *mark;  // NULL: never recorded
} sim_event;

// Of every mark, and of every event's pointer to one.
static pthread_mutex_t marks_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t marks_passed = PTHREAD_COND_INITIALIZER;

// Locked.
static void release_mark(event_mark *mark) {
  if (mark != NULL && --mark->refs == 0) free(mark);
}

static void wait_for(event_mark *mark) {
  pthread_mutex_lock(&marks_mutex);
  while (!mark->passed) pthread_cond_wait(&marks_passed, &marks_mutex);
  pthread_mutex_unlock(&marks_mutex);
}

// The event's latest mark, with a reference; NULL where it was never recorded.
static event_mark *latest_mark(sim_event *event) {
  pthread_mutex_lock(&marks_mutex);
  event_mark *mark = event->mark;
  if (mark != NULL) mark->refs++;
  pthread_mutex_unlock(&marks_mutex);
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
  pthread_mutex_lock(&marks_mutex);
  mark->time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
  mark->passed = true;
  pthread_cond_broadcast(&marks_passed);
  pthread_mutex_unlock(&marks_mutex);
}

static void await_mark(sim_job *job) { wait_for(((mark_job *)job)->mark); }

static void free_mark_job(sim_job *job) {
  pthread_mutex_lock(&marks_mutex);
  release_mark(((mark_job *)job)->mark);
  pthread_mutex_unlock(&marks_mutex);
  free(job);
}

// A job with a reference to |mark|, which is given up where there is no memory.
static sim_job *make_job(const char *name, void (*run)(sim_job *job), event_mark *mark) {
  mark_job *made = malloc(sizeof *made);
  if (made == NULL) {
    pthread_mutex_lock(&marks_mutex);
    release_mark(mark);
    pthread_mutex_unlock(&marks_mutex);
    sim_host->error(NULL, TN_OUT_OF_MEMORY, "no memory for a job");
    return NULL;
  }
  *made = (mark_job){{.op = name, .run = run, .free = free_mark_job}, mark};
  return &made->job;
}

// ---- events ------------------------------------------------------------------------------------

tn_status sim_event_create(void *self, int32_t index, bool timing, void **event) {
  (void)self, (void)index;
  sim_event *made = malloc(sizeof *made);
  *event = made;
  if (made == NULL) return sim_host->error(NULL, TN_OUT_OF_MEMORY, "no memory for an event");
  *made = (sim_event){.timing = timing};
  return TN_OK;
}

void sim_event_destroy(void *self, int32_t index, void *handle) {
  (void)self, (void)index;
  if (handle == NULL || !sim_is_home()) return;
  sim_event *event = handle;
  pthread_mutex_lock(&marks_mutex);
  release_mark(event->mark);
  pthread_mutex_unlock(&marks_mutex);
  free(event);
}

tn_status sim_event_record(void *self, int32_t index, void *handle, void *stream_handle) {
  (void)self;
  sim_event *event = handle;
  sim_stream *stream = sim_stream_of(index, stream_handle);
  if (stream == NULL) return TN_UNAVAILABLE;
  event_mark *mark = malloc(sizeof *mark);
  if (mark == NULL) return sim_host->error(NULL, TN_OUT_OF_MEMORY, "no memory for an event");
  *mark = (event_mark){.refs = 1};
  sim_job *job = make_job("an event's record", pass_mark, mark);
  if (job == NULL) return TN_OUT_OF_MEMORY;
  pthread_mutex_lock(&marks_mutex);
  mark->refs++;
  event_mark *before = event->mark;
  event->mark = mark;
  pthread_mutex_unlock(&marks_mutex);
  const tn_status status = sim_stream_enqueue(stream, job);
  pthread_mutex_lock(&marks_mutex);
  if (status == TN_OK) {
    release_mark(before);
  } else {
    release_mark(mark);
    event->mark = before;
  }
  pthread_mutex_unlock(&marks_mutex);
  return status;
}

tn_status sim_event_query(void *self, int32_t index, void *handle, bool *done) {
  (void)self, (void)index;
  const sim_event *event = handle;
  pthread_mutex_lock(&marks_mutex);
  *done = event->mark == NULL || event->mark->passed;
  pthread_mutex_unlock(&marks_mutex);
  return TN_OK;
}

tn_status sim_event_synchronize(void *self, int32_t index, void *handle) {
  (void)self, (void)index;
  event_mark *mark = latest_mark(handle);
  if (mark == NULL) return TN_OK;
  wait_for(mark);
  pthread_mutex_lock(&marks_mutex);
  release_mark(mark);
  pthread_mutex_unlock(&marks_mutex);
  return TN_OK;
}

tn_status sim_stream_wait_event(void *self, int32_t index, void *stream_handle, void *handle) {
  (void)self;
  sim_stream *stream = sim_stream_of(index, stream_handle);
  if (stream == NULL) return TN_UNAVAILABLE;
  event_mark *mark = latest_mark(handle);
  if (mark == NULL) return TN_OK;
  sim_job *job = make_job("a wait for an event", await_mark, mark);
  return job == NULL ? TN_OUT_OF_MEMORY : sim_stream_enqueue(stream, job);
}

tn_status sim_event_elapsed_ms(void *self, int32_t index, void *start, void *end, float *ms) {
  (void)self, (void)index;
  const sim_event *first = start, *last = end;
  *ms = 0;
  if (!first->timing || !last->timing) {
    return sim_host->error(NULL, TN_INVALID_ARGUMENT, "an event was made without timing");
  }
  pthread_mutex_lock(&marks_mutex);
  const event_mark *from = first->mark, *to = last->mark;
  const bool ready = from != NULL && to != NULL && from->passed && to->passed;
  if (ready) *ms = (float)((double)(to->time_ns - from->time_ns) / 1e6);
  pthread_mutex_unlock(&marks_mutex);
  if (ready) return TN_OK;
  return sim_host->error(NULL, TN_WRONG_STATE, "an event was never recorded, or is not done yet");
}
