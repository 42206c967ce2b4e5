// SPDX-License-Identifier: Apache-2.0
//
// copy: copies of bytes, done by the stream's thread when their turn comes. Bytes of the host are
// read and written then and not before, so a core that lets go of them early gets what is there.

#include <stdlib.h>
#include <string.h>

#include "sim.h"

typedef struct copy_job {
  sim_job job;
  void *to;
  const void *from;
  uint64_t size_bytes;
  sim_segment *to_segment, *from_segment;  // NULL: the host's
} copy_job;

static void run_copy(sim_job *job) {
  const copy_job *copy = (const copy_job *)job;
  memmove(copy->to, copy->from, copy->size_bytes);
}

static void free_copy(sim_job *job) {
  copy_job *copy = (copy_job *)job;
  sim_memory_unuse(copy->to_segment);
  sim_memory_unuse(copy->from_segment);
  free(copy);
}

static tn_status outside(const char *name, uint64_t size_bytes) {
  return sim_host->error(NULL, TN_INTERNAL, "%s: %llu bytes are not in one segment of sim's memory",
                         name, (unsigned long long)size_bytes);
}

// Enqueues |copy|, of which device addresses are those that were handed out.
static tn_status enqueue(int32_t index, void *stream_handle, copy_job copy, bool to_device,
                         bool from_device) {
  sim_stream *stream = sim_stream_of(index, stream_handle);
  if (stream == NULL) return TN_UNAVAILABLE;
  copy_job *job = malloc(sizeof *job);
  if (job == NULL) return sim_host->error(NULL, TN_OUT_OF_MEMORY, "no memory for a job");
  if (to_device) copy.to = sim_memory_use(copy.to, copy.size_bytes, &copy.to_segment);
  if (from_device) copy.from = sim_memory_use(copy.from, copy.size_bytes, &copy.from_segment);
  copy.job.run = run_copy;
  copy.job.free = free_copy;
  *job = copy;
  if (copy.to != NULL && copy.from != NULL) return sim_stream_enqueue(stream, &job->job);
  free_copy(&job->job);
  return outside(copy.job.op, copy.size_bytes);
}

tn_status sim_copy_from_host(void *self, int32_t index, void *stream, void *to, const void *from,
                             uint64_t size_bytes) {
  (void)self;
  const copy_job copy = {{.op = "a copy from the host"}, to, from, size_bytes, NULL, NULL};
  return enqueue(index, stream, copy, true, false);
}

// Reports what sticks to the stream already; a fault of what is still on its way comes up when the
// stream is synchronised, as it must be before the bytes may be read.
tn_status sim_copy_to_host(void *self, int32_t index, void *stream_handle, void *to,
                           const void *from, uint64_t size_bytes) {
  (void)self;
  sim_stream *stream = sim_stream_of(index, stream_handle);
  if (stream == NULL) return TN_UNAVAILABLE;
  const tn_status status = sim_stream_take_fault(stream);
  if (status != TN_OK) return status;
  const copy_job copy = {{.op = "a copy to the host"}, to, from, size_bytes, NULL, NULL};
  return enqueue(index, stream, copy, false, true);
}

tn_status sim_copy_within(void *self, int32_t index, void *stream, void *to, const void *from,
                          uint64_t size_bytes) {
  (void)self;
  const copy_job copy = {{.op = "a copy"}, to, from, size_bytes, NULL, NULL};
  return enqueue(index, stream, copy, true, true);
}

tn_status sim_copy_between(void *self, int32_t to_index, void *to, int32_t from_index,
                           const void *from, void *stream, uint64_t size_bytes) {
  (void)self, (void)from_index;
  const copy_job copy = {{.op = "a copy between devices"}, to, from, size_bytes, NULL, NULL};
  return enqueue(to_index, stream, copy, true, true);
}

// Every byte of the host's is within the streams' reach.
tn_status sim_host_allocate(void *self, uint64_t size_bytes, void **data) {
  (void)self;
  *data = size_bytes > PTRDIFF_MAX ? NULL : aligned_alloc(64, (size_bytes + 64) / 64 * 64);
  if (*data != NULL) return TN_OK;
  return sim_host->error(NULL, TN_OUT_OF_MEMORY, "%llu bytes of pinned memory",
                         (unsigned long long)size_bytes);
}

void sim_host_release(void *self, void *data) {
  (void)self;
  free(data);
}
