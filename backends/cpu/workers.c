// SPDX-License-Identifier: Apache-2.0
//
// workers: the process's pool of threads, and the only parallel region in the code base. One call
// at a time has the pool; calls that find it taken, nested ones among them, run on their caller, so
// eight calling threads do not make sixteen workers. The pool is OpenMP's because the libraries
// that compute beside us run on that too; without OpenMP everything runs on the caller.
//
// A job stands in one static record rather than in variables that the region captures: libgomp's
// own hand-over is invisible to the thread sanitizer, so the record carries the annotations, and
// a race in a kernel's body is still seen. Pieces are handed out as threads come, since a thread
// that is late to wake should not hold up the rest.

#include <stdatomic.h>
#include <stdlib.h>

#include "cpu.h"

#ifdef TN_HAVE_OPENMP
#include <omp.h>
#endif

#if defined(__SANITIZE_THREAD__)
#define TN_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TN_TSAN 1
#endif
#endif

#ifdef TN_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#else
static inline void __tsan_acquire(void *address) { (void)address; }
static inline void __tsan_release(void *address) { (void)address; }
#endif

enum {
  PIECES_PER_THREAD = 4,  // more even out late threads, fewer keep pieces long
  MAX_THREADS = 1024,
};

static atomic_bool pool_taken;
static atomic_int thread_limit = 1;

// Of the pool as a whole, whoever has it.
static int32_t pool_size(void) { return atomic_load_explicit(&thread_limit, memory_order_relaxed); }

static int32_t thread_count(void) {
  return atomic_load_explicit(&pool_taken, memory_order_relaxed) ? 1 : pool_size();
}

static void set_thread_count(int32_t count) {
  if (count < 1) count = 1;
  if (count > MAX_THREADS) count = MAX_THREADS;
#ifndef TN_HAVE_OPENMP
  count = 1;
#endif
  atomic_store_explicit(&thread_limit, count, memory_order_relaxed);
}

#ifdef TN_HAVE_OPENMP

static struct {
  int64_t end, step;
  tn_range_body body;
  void *closure;
  _Atomic int64_t next;
} job;

// What the annotations speak of. Two of them: with one, a thread that starts late would count as
// ordered after those that are done already, and a race between them would go unseen.
static char job_given, job_done;

static void run_pieces(void) {
  const int64_t end = job.end, step = job.step;
  for (;;) {
    const int64_t begin = atomic_fetch_add_explicit(&job.next, step, memory_order_relaxed);
    if (begin >= end) return;
    job.body(job.closure, begin, end - begin < step ? end : begin + step);
  }
}

static void run_job(int threads) {
  __tsan_release(&job_given);
#pragma omp parallel num_threads(threads)
  {
    __tsan_acquire(&job_given);
    run_pieces();
    __tsan_release(&job_done);
  }
  __tsan_acquire(&job_done);
}

static void parallel_for(int64_t begin, int64_t end, int64_t grain, tn_range_body body,
                         void *closure) {
  if (begin >= end) return;
  const int64_t count = end - begin;
  if (grain < 1) grain = 1;
  int64_t threads = count / grain;
  if (threads > pool_size()) threads = pool_size();
  if (threads <= 1 || atomic_exchange_explicit(&pool_taken, true, memory_order_acquire)) {
    body(closure, begin, end);
    return;
  }
  const int64_t pieces = threads * PIECES_PER_THREAD;
  const int64_t step = (count - 1) / pieces + 1;
  job.end = end;
  job.step = step > grain ? step : grain;
  job.body = body;
  job.closure = closure;
  atomic_store_explicit(&job.next, begin, memory_order_relaxed);
  run_job((int)threads);
  atomic_store_explicit(&pool_taken, false, memory_order_release);
}

#else

static void parallel_for(int64_t begin, int64_t end, int64_t grain, tn_range_body body,
                         void *closure) {
  (void)grain;
  if (begin < end) body(closure, begin, end);
}

#endif  // TN_HAVE_OPENMP

void cpu_workers_start(const tn_host_api *host) {
#ifdef TN_HAVE_OPENMP
  set_thread_count(omp_get_max_threads());
#endif
  const char *text = host->option("TENON_NUM_THREADS");
  if (text == NULL) return;
  char *end = NULL;
  const long count = strtol(text, &end, 10);
  if (end != text && *end == '\0' && count >= 1 && count <= MAX_THREADS) {
    set_thread_count((int32_t)count);
  } else {
    host->log(1, "cpu", "TENON_NUM_THREADS=%s is not a number from 1 to %d; using %d", text,
              MAX_THREADS, pool_size());
  }
}

const tn_workers cpu_workers = {
    .struct_size = sizeof(tn_workers),
#ifdef TN_HAVE_OPENMP
    .runtime = "openmp",
#else
    .runtime = "none",
#endif
    .parallel_for = parallel_for,
    .thread_count = thread_count,
    .set_thread_count = set_thread_count,
};
