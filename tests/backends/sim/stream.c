// SPDX-License-Identifier: Apache-2.0
//
// stream: a queue and the thread that empties it. Like a driver that fills command buffers, a
// stream starts what it was given when somebody waits for it, when it has a lot, or a little later;
// each job may be late by a seeded random time on top. So work that should have been waited for is
// most likely not done. A fault sticks to its stream until it is reported; jobs behind it still
// run, as they do on hardware that has no better idea. Invariant: |finished| counts jobs in the
// order in which |enqueued| did.

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim.h"

typedef struct stream_fault {
  tn_status status;  // TN_OK: none
  const char *op;
  char message[512];
} stream_fault;

struct sim_stream {
  sim_stream *next;  // in the list of all
  int32_t device;
  pthread_t thread;
  pthread_mutex_t mutex;  // of all that follows
  pthread_cond_t work, progress;
  sim_job *first, *last;
  uint64_t enqueued, finished;
  uint64_t awaited;  // the least |finished| that somebody waits for; UINT64_MAX: nobody
  bool idle;         // the thread waits for work, and looks for some by itself from time to time
  bool asleep;       // it does no longer
  bool closing, ended;
  uint64_t random;  // the thread's own
  stream_fault fault;
};

enum {
  LOOK_EVERY_US = 2000,     // how long work may lie before a stream starts by itself
  LOOKS_BEFORE_SLEEP = 50,  // without finding any
  A_LOT = 64,               // jobs, that a stream starts on at once
};

static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;  // of these three
static sim_stream *all_streams;
static sim_stream *default_streams[SIM_DEVICES];
static uint64_t made;

// ---- the thread --------------------------------------------------------------------------------

// SplitMix64 (Steele, Lea, Flood 2014).
static uint64_t next_random(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static void lag(sim_stream *stream) {
  const uint64_t draw = next_random(&stream->random);
  if (sim_settings.lag_us == 0 || draw % sim_settings.lag_one_in != 0) return;
  const uint64_t least = sim_settings.lag_us / 2;
  const uint64_t us = least + (draw >> 32) % (sim_settings.lag_us - least + 1);
  const struct timespec time = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
  nanosleep(&time, NULL);
}

// Waits a while for somebody to say that there is work. Locked.
static void wait_a_while(sim_stream *stream) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += LOOK_EVERY_US * 1000;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  pthread_cond_timedwait(&stream->work, &stream->mutex, &until);
}

// The next job, waited for; NULL when the stream closes and nothing is left. Locked.
static sim_job *next_job(sim_stream *stream) {
  int32_t looks = 0;
  stream->idle = true;
  while (stream->first == NULL && !stream->closing) {
    if (looks++ < LOOKS_BEFORE_SLEEP) {
      wait_a_while(stream);
    } else {
      stream->asleep = true;
      pthread_cond_wait(&stream->work, &stream->mutex);
    }
  }
  stream->idle = stream->asleep = false;
  sim_job *job = stream->first;
  if (job != NULL) stream->first = job->next;
  return job;
}

static void *run_stream(void *closure) {
  sim_stream *stream = closure;
  pthread_mutex_lock(&stream->mutex);
  for (sim_job *job; (job = next_job(stream)) != NULL;) {
    pthread_mutex_unlock(&stream->mutex);
    lag(stream);
    job->run(job);
    job->free(job);
    pthread_mutex_lock(&stream->mutex);
    if (++stream->finished < stream->awaited) continue;
    stream->awaited = UINT64_MAX;  // who waits for more says so again
    pthread_mutex_unlock(&stream->mutex);
    pthread_cond_broadcast(&stream->progress);
    pthread_mutex_lock(&stream->mutex);
  }
  pthread_mutex_unlock(&stream->mutex);
  return NULL;
}

// Signals are for the program's own threads.
static int start_thread(sim_stream *stream) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failed = pthread_create(&stream->thread, NULL, run_stream, stream);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return failed;
}

// ---- streams -----------------------------------------------------------------------------------

static void free_stream(sim_stream *stream) {
  pthread_cond_destroy(&stream->work);
  pthread_cond_destroy(&stream->progress);
  pthread_mutex_destroy(&stream->mutex);
  free(stream);
}

// List locked.
static sim_stream *make_stream(int32_t index) {
  sim_stream *stream = calloc(1, sizeof *stream);
  if (stream == NULL) {
    sim_host->error(NULL, TN_OUT_OF_MEMORY, "no memory for a stream");
    return NULL;
  }
  stream->device = index;
  stream->awaited = UINT64_MAX;
  stream->random = sim_settings.seed + (made++ << 32);
  pthread_mutex_init(&stream->mutex, NULL);
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&stream->work, &monotonic);
  pthread_condattr_destroy(&monotonic);
  pthread_cond_init(&stream->progress, NULL);
  if (start_thread(stream) != 0) {
    sim_host->error(NULL, TN_UNAVAILABLE, "the thread of a stream cannot be started");
    free_stream(stream);
    return NULL;
  }
  stream->next = all_streams;
  all_streams = stream;
  return stream;
}

tn_status sim_stream_create(void *self, int32_t index, int32_t priority, void **stream) {
  (void)self, (void)priority;
  pthread_mutex_lock(&list_mutex);
  *stream = make_stream(index);
  pthread_mutex_unlock(&list_mutex);
  return *stream == NULL ? TN_UNAVAILABLE : TN_OK;
}

sim_stream *sim_stream_of(int32_t index, void *stream) {
  if (stream != NULL) return stream;
  pthread_mutex_lock(&list_mutex);
  if (default_streams[index] == NULL) default_streams[index] = make_stream(index);
  sim_stream *found = default_streams[index];
  pthread_mutex_unlock(&list_mutex);
  return found;
}

void *sim_stream_native_handle(void *self, int32_t index, void *stream) {
  (void)self;
  return sim_stream_of(index, stream);
}

// Lets the thread finish what it has, and end. List locked.
static void end_stream(sim_stream *stream) {
  if (stream->ended) return;
  pthread_mutex_lock(&stream->mutex);
  stream->closing = true;
  pthread_cond_broadcast(&stream->work);
  pthread_mutex_unlock(&stream->mutex);
  pthread_join(stream->thread, NULL);
  stream->ended = true;
}

void sim_stream_destroy(void *self, int32_t index, void *stream) {
  (void)self, (void)index;
  if (stream == NULL || !sim_is_home()) return;
  pthread_mutex_lock(&list_mutex);
  sim_stream **at = &all_streams;
  while (*at != NULL && *at != stream) at = &(*at)->next;
  const bool found = *at != NULL;
  if (found) *at = (*at)->next;
  pthread_mutex_unlock(&list_mutex);
  if (!found) return;
  end_stream(stream);
  free_stream(stream);
}

// Streams wait for each other's marks, so all are told to close before any is waited for: each
// finishes what it has.
void sim_streams_end(void) {
  if (!sim_is_home()) return;
  pthread_mutex_lock(&list_mutex);
  for (sim_stream *stream = all_streams; stream != NULL; stream = stream->next) end_stream(stream);
  pthread_mutex_unlock(&list_mutex);
}

// ---- jobs --------------------------------------------------------------------------------------

tn_status sim_stream_enqueue(sim_stream *stream, sim_job *job) {
  job->next = NULL;
  job->stream = stream;
  pthread_mutex_lock(&stream->mutex);
  const bool refused = stream->closing;
  bool wake = false;
  if (!refused) {
    if (stream->first == NULL) {
      stream->first = job;
    } else {
      stream->last->next = job;
    }
    stream->last = job;
    stream->enqueued++;
    wake = stream->asleep ||
           (stream->idle && (job->urgent || stream->enqueued - stream->finished >= A_LOT));
  }
  pthread_mutex_unlock(&stream->mutex);
  if (wake) pthread_cond_signal(&stream->work);
  if (!refused) return TN_OK;
  job->free(job);
  return sim_host->error(NULL, TN_WRONG_STATE, "the stream has been closed");
}

void sim_stream_fault(sim_stream *stream, const char *op, tn_status status, const char *format,
                      ...) {
  char message[sizeof stream->fault.message];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  sim_host->log(2, "sim", "sim:%d: %s failed: %s", stream->device, op, message);
  pthread_mutex_lock(&stream->mutex);
  if (stream->fault.status == TN_OK) {
    stream->fault.status = status == TN_OK ? TN_INTERNAL : status;
    stream->fault.op = op;
    snprintf(stream->fault.message, sizeof stream->fault.message, "%s", message);
  }
  pthread_mutex_unlock(&stream->mutex);
}

tn_status sim_stream_take_fault(sim_stream *stream) {
  pthread_mutex_lock(&stream->mutex);
  const stream_fault fault = stream->fault;
  stream->fault.status = TN_OK;
  pthread_mutex_unlock(&stream->mutex);
  if (fault.status == TN_OK) return TN_OK;
  return sim_host->fault(fault.op, fault.status, "%s", fault.message);
}

// Has the stream start on what it was given. Unlocked, so that who is woken finds the lock free.
static void hurry(sim_stream *stream) {
  pthread_mutex_lock(&stream->mutex);
  const bool idle = stream->idle && stream->first != NULL;
  pthread_mutex_unlock(&stream->mutex);
  if (idle) pthread_cond_signal(&stream->work);
}

tn_status sim_stream_synchronize(void *self, int32_t index, void *handle) {
  (void)self;
  sim_stream *stream = sim_stream_of(index, handle);
  if (stream == NULL) return TN_UNAVAILABLE;
  hurry(stream);
  pthread_mutex_lock(&stream->mutex);
  const uint64_t target = stream->enqueued;
  while (stream->finished < target) {
    if (target < stream->awaited) stream->awaited = target;
    pthread_cond_wait(&stream->progress, &stream->mutex);
  }
  pthread_mutex_unlock(&stream->mutex);
  return sim_stream_take_fault(stream);
}

tn_status sim_stream_query(void *self, int32_t index, void *handle, bool *done) {
  (void)self;
  *done = false;
  sim_stream *stream = sim_stream_of(index, handle);
  if (stream == NULL) return TN_UNAVAILABLE;
  hurry(stream);
  pthread_mutex_lock(&stream->mutex);
  *done = stream->finished == stream->enqueued;
  pthread_mutex_unlock(&stream->mutex);
  return sim_stream_take_fault(stream);
}
