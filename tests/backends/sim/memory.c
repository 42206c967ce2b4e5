// SPDX-License-Identifier: Apache-2.0
//
// memory: each device's memory is one sparse file in memory, mapped twice. Addresses in the first
// mapping are what the host gets; they have no permissions, so whoever follows one dies there and
// then. The second mapping, at a fixed distance, is for stream threads. Segments are whole pages,
// kept sorted. Fresh segments hold 0xff, which is NaN to every floating dtype, and released ones
// are punched out of the file. Invariant: segments do not overlap; a segment in use is not
// released.

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim.h"

enum { PAGE = 4096, FRESH = 0xff, MOST_FRESH_BYTES = 4 << 20 };

struct sim_segment {
  int32_t device;
  uint64_t offset, size_bytes;  // whole pages
  // Jobs on their way that use it. Stream threads count themselves off without the mutex: a lock
  // that they all take would order them in the eyes of the thread sanitizer, which is to see what
  // nothing else orders.
  _Atomic int64_t users;
};

typedef struct device_memory {
  int file;
  char *handed;  // without permissions
  char *real;    // for stream threads
  sim_segment **segments;
  uint64_t count, capacity, held_bytes;
} device_memory;

static device_memory memories[SIM_DEVICES];
static pthread_mutex_t memory_mutex = PTHREAD_MUTEX_INITIALIZER;  // of all that is above

static uint64_t limit(void) { return sim_settings.memory_bytes / PAGE * PAGE; }

static char *map(int file, int protection) {
  void *at = mmap(NULL, limit(), protection, MAP_SHARED | MAP_NORESERVE, file, 0);
  return at == MAP_FAILED ? NULL : at;
}

static tn_status open_one(device_memory *memory) {
  if (memory->real != NULL) return TN_OK;  // by an earlier init
  memory->file = memfd_create("tenon sim", MFD_CLOEXEC);
  if (memory->file < 0 || ftruncate(memory->file, (off_t)limit()) != 0) {
    return sim_host->error(NULL, TN_UNAVAILABLE, "no file in memory: %s", strerror(errno));
  }
  memory->handed = map(memory->file, PROT_NONE);
  memory->real = map(memory->file, PROT_READ | PROT_WRITE);
  if (memory->handed == NULL || memory->real == NULL) {
    return sim_host->error(NULL, TN_OUT_OF_MEMORY, "%llu bytes cannot be mapped: %s",
                           (unsigned long long)limit(), strerror(errno));
  }
  return TN_OK;
}

tn_status sim_memory_open(void) {
  if (limit() == 0) {
    return sim_host->error(NULL, TN_INVALID_ARGUMENT, "TENON_SIM_MEMORY is less than %d", PAGE);
  }
  tn_status status = TN_OK;
  for (int32_t i = 0; i < SIM_DEVICES && status == TN_OK; i++) status = open_one(&memories[i]);
  return status;
}

// ---- segments ----------------------------------------------------------------------------------

// The place of the first segment that ends after |offset|.
static uint64_t place_of(const device_memory *memory, uint64_t offset) {
  uint64_t low = 0, high = memory->count;
  while (low < high) {
    const uint64_t middle = (low + high) / 2;
    const sim_segment *segment = memory->segments[middle];
    if (segment->offset + segment->size_bytes <= offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// The first gap of |size_bytes|: before which segment it lies, and where. False where there is
// none.
static bool find_gap(const device_memory *memory, uint64_t size_bytes, uint64_t *place,
                     uint64_t *offset) {
  uint64_t end = 0;
  for (uint64_t i = 0; i <= memory->count; i++) {
    const uint64_t next = i < memory->count ? memory->segments[i]->offset : limit();
    if (next - end >= size_bytes) {
      *place = i;
      *offset = end;
      return true;
    }
    if (i < memory->count) end = next + memory->segments[i]->size_bytes;
  }
  return false;
}

static sim_segment *add_segment(device_memory *memory, uint64_t size_bytes) {
  uint64_t place, offset;
  if (!find_gap(memory, size_bytes, &place, &offset)) return NULL;
  if (memory->count == memory->capacity) {
    const uint64_t capacity = memory->capacity == 0 ? 64 : 2 * memory->capacity;
    sim_segment **grown = realloc(memory->segments, capacity * sizeof *grown);
    if (grown == NULL) return NULL;
    memory->segments = grown;
    memory->capacity = capacity;
  }
  sim_segment *segment = malloc(sizeof *segment);
  if (segment == NULL) return NULL;
  *segment = (sim_segment){
      .device = (int32_t)(memory - memories), .offset = offset, .size_bytes = size_bytes};
  sim_segment **at = memory->segments + place;
  memmove(at + 1, at, (memory->count - place) * sizeof *at);
  *at = segment;
  memory->count++;
  memory->held_bytes += size_bytes;
  return segment;
}

tn_status sim_allocate(void *self, int32_t index, uint64_t size_bytes, void **data) {
  (void)self;
  device_memory *memory = &memories[index];
  *data = NULL;
  if (size_bytes > limit()) size_bytes = limit() + 1;
  const uint64_t rounded = (size_bytes + PAGE - 1) / PAGE * PAGE;
  pthread_mutex_lock(&memory_mutex);
  const sim_segment *segment = add_segment(memory, rounded == 0 ? PAGE : rounded);
  const uint64_t held = memory->held_bytes, offset = segment == NULL ? 0 : segment->offset;
  pthread_mutex_unlock(&memory_mutex);
  if (segment == NULL) {
    return sim_host->error(NULL, TN_OUT_OF_MEMORY, "sim:%d holds %llu of %llu bytes already", index,
                           (unsigned long long)held, (unsigned long long)limit());
  }
  memset(memory->real + offset, FRESH, rounded < MOST_FRESH_BYTES ? rounded : MOST_FRESH_BYTES);
  *data = memory->handed + offset;
  return TN_OK;
}

// Gives a segment's pages back to the system before its place may be had again.
static void remove_segment(device_memory *memory, uint64_t place) {
  sim_segment *segment = memory->segments[place], **at = memory->segments + place;
  fallocate(memory->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)segment->offset,
            (off_t)segment->size_bytes);
  memmove(at, at + 1, (memory->count - place - 1) * sizeof(sim_segment *));
  memory->count--;
  memory->held_bytes -= segment->size_bytes;
  free(segment);
}

// What the caller did wrong sticks to the default stream, since a release has no status.
static void refuse_release(int32_t index, int64_t users) {
  sim_stream *stream = sim_stream_of(index, NULL);
  if (stream == NULL) return;
  if (users > 0) {
    sim_stream_fault(stream, "release", TN_INTERNAL,
                     "memory was given back that %lld operations on their way still use",
                     (long long)users);
  } else {
    sim_stream_fault(stream, "release", TN_INTERNAL,
                     "memory was given back that was not handed out");
  }
}

void sim_release(void *self, int32_t index, void *data, uint64_t size_bytes) {
  (void)self, (void)size_bytes;
  if (!sim_is_home()) return;
  device_memory *memory = &memories[index];
  const uint64_t offset = (uint64_t)((char *)data - memory->handed);
  pthread_mutex_lock(&memory_mutex);
  const uint64_t place = place_of(memory, offset);
  const sim_segment *segment = place < memory->count ? memory->segments[place] : NULL;
  const bool found = segment != NULL && segment->offset == offset;
  const int64_t users = found ? atomic_load_explicit(&segment->users, memory_order_acquire) : 0;
  if (found && users == 0) remove_segment(memory, place);
  pthread_mutex_unlock(&memory_mutex);
  if (!found || users > 0) refuse_release(index, users);
}

tn_status sim_memory_info(void *self, int32_t index, uint64_t *free_bytes, uint64_t *total_bytes) {
  (void)self;
  pthread_mutex_lock(&memory_mutex);
  *total_bytes = limit();
  *free_bytes = limit() - memories[index].held_bytes;
  pthread_mutex_unlock(&memory_mutex);
  return TN_OK;
}

// ---- use ---------------------------------------------------------------------------------------

void *sim_memory_use(const void *data, uint64_t size_bytes, sim_segment **segment) {
  void *real = NULL;
  *segment = NULL;
  pthread_mutex_lock(&memory_mutex);
  for (int32_t i = 0; i < SIM_DEVICES && real == NULL; i++) {
    device_memory *memory = &memories[i];
    const uint64_t offset = (uint64_t)((const char *)data - memory->handed);
    if ((const char *)data < memory->handed || offset >= limit()) continue;
    const uint64_t place = place_of(memory, offset);
    if (place == memory->count) break;
    sim_segment *found = memory->segments[place];
    const uint64_t end = found->offset + found->size_bytes;
    if (offset < found->offset || size_bytes > end - offset) break;
    atomic_fetch_add_explicit(&found->users, 1, memory_order_relaxed);
    *segment = found;
    real = memory->real + offset;
  }
  pthread_mutex_unlock(&memory_mutex);
  return real;
}

void sim_memory_unuse(sim_segment *segment) {
  if (segment != NULL) atomic_fetch_sub_explicit(&segment->users, 1, memory_order_release);
}
