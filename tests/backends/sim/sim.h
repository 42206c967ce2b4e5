// SPDX-License-Identifier: Apache-2.0
//
// sim: an accelerator without hardware, for bugs that only an asynchronous device shows. Two
// devices of type "sim", each with
//   memory   that the host can never touch: the pointers that are handed out lie in a mapping
//            without permissions; stream threads use a second mapping of the same pages
//   streams  a thread each, which runs what was enqueued in order and some random time later, so
//            that a missing wait shows up as stale data
//   kernels  the cpu device's, borrowed, run on the stream's thread with cloned arguments
//
// Options:
//   TENON_SIM_MEMORY=<bytes>     of each device (1 GiB)
//   TENON_SIM_LAG_US=<max>/<n>   one job in n starts up to max us late, at least half of that
//                                ("50/16"); "<max>" alone is every job
//   TENON_SIM_SEED=<number>      of those choices
//   TENON_SIM_FAULT=<op>:<n>     the n-th run of op fails on its stream, after the call returned

#ifndef TENON_TESTS_SIM_H_
#define TENON_TESTS_SIM_H_

#include <pthread.h>
#include <tenon/plugin.h>

enum { SIM_DEVICES = 2, SIM_MAX_VIEWS = 64 };

// Set once, by init.
extern const tn_host_api *sim_host;

typedef struct sim_options {
  uint64_t memory_bytes;
  uint64_t seed;
  uint32_t lag_us, lag_one_in;
  char fault_op[64];
  int64_t fault_at;  // 0: none
} sim_options;
extern sim_options sim_settings;

// Whether this is the process that init ran in. In the child of a fork there are no stream threads,
// and the memory is still the parent's: nothing may be waited for or written.
bool sim_is_home(void);

// ---- memory (memory.c) -------------------------------------------------------------------------

typedef struct sim_segment sim_segment;

// Maps the memory of every device. errors: UNAVAILABLE, OUT_OF_MEMORY
tn_status sim_memory_open(void);

tn_status sim_allocate(void *self, int32_t index, uint64_t size_bytes, void **data);
void sim_release(void *self, int32_t index, void *data, uint64_t size_bytes);
tn_status sim_memory_info(void *self, int32_t index, uint64_t *free_bytes, uint64_t *total_bytes);

// The stream threads' address of the |size_bytes| at |data|, which must lie in one segment of any
// of the devices; NULL where they do not. The segment counts as in use until sim_memory_unuse.
void *sim_memory_use(const void *data, uint64_t size_bytes, sim_segment **segment);
void sim_memory_unuse(sim_segment *segment);

// ---- streams (stream.c) ------------------------------------------------------------------------

typedef struct sim_stream sim_stream;
typedef struct sim_job sim_job;

// Something to do on a stream's thread. |free| follows |run|, or stands alone where the job was
// refused.
struct sim_job {
  sim_job *next;
  sim_stream *stream;
  const char *op;  // what it is, for a fault; lives as long as the process
  bool urgent;     // others may wait for it without asking this stream
  void (*run)(sim_job *job);
  void (*free)(sim_job *job);
};

tn_status sim_stream_create(void *self, int32_t index, int32_t priority, void **stream);
void sim_stream_destroy(void *self, int32_t index, void *stream);
tn_status sim_stream_synchronize(void *self, int32_t index, void *stream);
tn_status sim_stream_query(void *self, int32_t index, void *stream, bool *done);
void *sim_stream_native_handle(void *self, int32_t index, void *stream);

// |stream|, or where that is NULL the default one of device |index|, made at its first use. NULL
// with an error recorded where there is none.
sim_stream *sim_stream_of(int32_t index, void *stream);

// Puts |job| at the end, or frees it and records why not.
tn_status sim_stream_enqueue(sim_stream *stream, sim_job *job);

// Notes that |op| failed (printf format); the first fault is kept until it is reported. On the
// stream's thread, or any that works for it.
void sim_stream_fault(sim_stream *stream, const char *op, tn_status status, const char *format, ...)
    TN_PRINTF(4, 5);

// Reports the fault that sticks to |stream|, and takes it off. errors: the fault
tn_status sim_stream_take_fault(sim_stream *stream);

// Finishes everything and ends the threads; what is enqueued later is refused.
void sim_streams_end(void);

// ---- events (event.c) --------------------------------------------------------------------------

tn_status sim_event_create(void *self, int32_t index, bool timing, void **event);
void sim_event_destroy(void *self, int32_t index, void *event);
tn_status sim_event_record(void *self, int32_t index, void *event, void *stream);
tn_status sim_event_query(void *self, int32_t index, void *event, bool *done);
tn_status sim_event_synchronize(void *self, int32_t index, void *event);
tn_status sim_stream_wait_event(void *self, int32_t index, void *stream, void *event);
tn_status sim_event_elapsed_ms(void *self, int32_t index, void *start, void *end, float *ms);

// ---- copies (copy.c) ---------------------------------------------------------------------------

tn_status sim_copy_from_host(void *self, int32_t index, void *stream, void *to, const void *from,
                             uint64_t size_bytes);
tn_status sim_copy_to_host(void *self, int32_t index, void *stream, void *to, const void *from,
                           uint64_t size_bytes);
tn_status sim_copy_within(void *self, int32_t index, void *stream, void *to, const void *from,
                          uint64_t size_bytes);
tn_status sim_copy_between(void *self, int32_t to_index, void *to, int32_t from_index,
                           const void *from, void *stream, uint64_t size_bytes);
tn_status sim_host_allocate(void *self, uint64_t size_bytes, void **data);
void sim_host_release(void *self, void *data);

// ---- kernels (kernel.c) ------------------------------------------------------------------------

// Registers a row for each of the cpu device's.
tn_status sim_kernels_add(tn_registrar *registrar);

#endif  // TENON_TESTS_SIM_H_
