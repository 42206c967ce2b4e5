// SPDX-License-Identifier: Apache-2.0
//
// memory: what <tenon/memory.h> offers, on whichever device. The host's part is in memory_host.c,
// that of the others in memory_pool.c and memory_segment.c. Invariant: asking about a device of
// which nothing was ever allocated makes no pool.

#include <stddef.h>
#include <string.h>
#include <tenon/error.h>

#include "memory_pool.h"
#include "pinned.h"
#include "tensor_impl.h"

// Resolves |device|; |pool| is NULL for the cpu and, unless |create|, where nothing was allocated.
static tn_status find_pool(tn_device *device, bool create, tn__pool **pool) {
  *pool = NULL;
  tn_status status = tn__device_resolve(device);
  if (status != TN_OK || device->type == TN__DEVICE_TYPE_CPU) return status;
  *pool = tn__pool_of(*device, create);
  return *pool == NULL && create ? TN_OUT_OF_MEMORY : TN_OK;
}

tn_status tn_memory_stats_of(tn_device device, tn_memory_stats *stats) {
  const uint32_t smallest = offsetof(tn_memory_stats, reserved);
  if (stats == NULL || stats->struct_size < smallest) {
    return tn__error(
        TN_INVALID_ARGUMENT,
        &(tn__error_details){NULL, "stats", NULL, "set struct_size to sizeof(tn_memory_stats)"},
        "tn_memory_stats_of: stats is NULL, or its struct_size is not set");
  }
  tn__pool *pool;
  tn_status status = find_pool(&device, false, &pool);
  if (status != TN_OK) return status;
  tn_memory_stats all = {0};
  if (device.type == TN__DEVICE_TYPE_CPU) {
    tn__host_memory_stats(&all);
  } else if (pool != NULL) {
    pthread_mutex_lock(&pool->mutex);
    tn__pool_poll(pool);
    all = pool->stats;
    pthread_mutex_unlock(&pool->mutex);
  }
  uint32_t size = stats->struct_size;
  memset(stats, 0, size);
  memcpy(stats, &all, size < sizeof all ? size : sizeof all);
  stats->struct_size = size;
  return TN_OK;
}

tn_status tn_memory_reset_peaks(tn_device device) {
  tn__pool *pool;
  tn_status status = find_pool(&device, false, &pool);
  if (status != TN_OK) return status;
  if (device.type == TN__DEVICE_TYPE_CPU) {
    tn__host_memory_reset_peaks();
  } else if (pool != NULL) {
    pthread_mutex_lock(&pool->mutex);
    pool->stats.allocated_peak_bytes = pool->stats.allocated_bytes;
    pool->stats.segment_peak_bytes = pool->stats.segment_bytes;
    pthread_mutex_unlock(&pool->mutex);
  }
  return TN_OK;
}

tn_status tn_memory_limit(tn_device device, uint64_t limit_bytes) {
  tn__pool *pool;
  tn_status status = find_pool(&device, true, &pool);
  if (status != TN_OK) return status;
  if (device.type == TN__DEVICE_TYPE_CPU) {
    tn__host_memory_limit(limit_bytes);
  } else {
    pthread_mutex_lock(&pool->mutex);
    pool->stats.limit_bytes = limit_bytes;
    pthread_mutex_unlock(&pool->mutex);
  }
  return TN_OK;
}

tn_status tn_memory_empty_cache(tn_device device) {
  tn__pool *pool;
  tn_status status = find_pool(&device, false, &pool);
  if (status != TN_OK) return status;
  if (device.type == TN__DEVICE_TYPE_CPU) {
    tn__host_memory_empty_cache();
  } else if (pool != NULL) {
    tn__pool_give_back(pool, false);
  }
  return TN_OK;
}

tn_status tn_record_stream(tn_tensor *tensor, tn_stream *stream) {
  if (tensor == NULL || tn__is_none(tensor) || stream == NULL || tensor->storage == NULL) {
    return tn__error(TN_INVALID_ARGUMENT,
                     &(tn__error_details){NULL, stream == NULL ? "stream" : "tensor", NULL, NULL},
                     "tn_record_stream: the %s is missing", stream == NULL ? "stream" : "tensor");
  }
  if (tn__pinned_for(tensor->storage, stream->device.type)) {
    return tn__pinned_record_use(tensor->storage, stream);
  }
  if (!tn_device_equal(tensor->device, stream->device)) {
    char a[48], b[48];
    return tn__error(TN_DEVICE_MISMATCH, NULL,
                     "tn_record_stream: the tensor is on device '%s', the stream on '%s'",
                     tn_device_name(tensor->device, a, sizeof a),
                     tn_device_name(stream->device, b, sizeof b));
  }
  return tn__memory_record_use(tensor->storage, tn__stream_or_null(stream));
}
