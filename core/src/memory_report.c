// SPDX-License-Identifier: Apache-2.0
//
// memory_report: who holds a device's memory, for people. Blocks of one size that one operator made
// are one line, largest first. The lines are found one after the other, each by a walk over all
// blocks for the next in order, so that the report of a device without memory needs hardly any.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/device.h>
#include <tenon/error.h>

#include "memory_pool.h"
#include "text.h"

const char *tn__bytes_text_of(uint64_t bytes, tn__bytes_text *text) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = (double)bytes;
  int unit = 0;
  // What would round to 1024 of a unit is 1 of the next.
  for (; value >= 1023.95 && unit < 6; unit++) value /= 1024;
  snprintf(text->text, sizeof text->text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text->text;
}

// ---- blocks ------------------------------------------------------------------------------------

// Blocks of one size that one operator made. The order: larger ones first, then by name.
typedef struct block_group {
  uint64_t size_bytes;
  const char *maker;
  uint64_t count;
} block_group;

static const char *maker_of(const tn__block *block) {
  const char *maker = atomic_load_explicit(&block->maker, memory_order_relaxed);
  return maker == NULL ? "no operator" : maker;
}

// < 0: the block belongs to a group that comes before |group|; 0: to it.
static int compare(const tn__block *block, const block_group *group) {
  if (block->size_bytes != group->size_bytes) {
    return block->size_bytes > group->size_bytes ? -1 : 1;
  }
  return strcmp(maker_of(block), group->maker);
}

// Makes |next| the first group after |last| (of count 0: the first of all); false at the end.
static bool next_group(const tn__pool *pool, const block_group *last, block_group *next) {
  next->count = 0;
  for (const tn__segment *segment = pool->segments; segment != NULL; segment = segment->next) {
    for (const tn__block *block = segment->first; block != NULL; block = block->after) {
      if (block->state != TN__BLOCK_HELD) continue;
      if (last->count != 0 && compare(block, last) <= 0) continue;
      int order = next->count == 0 ? -1 : compare(block, next);
      if (order < 0) *next = (block_group){block->size_bytes, maker_of(block), 0};
      if (order <= 0) next->count++;
    }
  }
  return next->count != 0;
}

static void append_blocks(tn__text *text, tn__pool *pool, int32_t groups) {
  block_group last = {0, "", 0}, next;
  uint64_t shown = 0;
  for (int32_t i = 0; i < groups; i++) {
    bool found = next_group(pool, &last, &next);
    if (!found) return;
    tn__bytes_text bytes;
    tn__text_append(text, "%s%12s x %llu, made by %s\n", i == 0 ? "largest blocks:\n" : "",
                    tn__bytes_text_of(next.size_bytes, &bytes), (unsigned long long)next.count,
                    next.maker);
    shown += next.count;
    last = next;
  }
  uint64_t held = pool->stats.block_count;
  if (shown < held) {
    tn__text_append(text, "%12s   and %llu smaller ones\n", "", (unsigned long long)(held - shown));
  }
}

static uint64_t largest_free(const tn__pool *pool) {
  uint64_t largest = 0;
  for (const tn__segment *segment = pool->segments; segment != NULL; segment = segment->next) {
    for (const tn__block *block = segment->first; block != NULL; block = block->after) {
      if (block->state == TN__BLOCK_FREE && block->size_bytes > largest) {
        largest = block->size_bytes;
      }
    }
  }
  return largest;
}

// ---- totals ------------------------------------------------------------------------------------

static void append_totals(tn__text *text, const tn_memory_stats *stats) {
  tn__bytes_text a, b;
  tn__text_append(text, "%12s held by tensors in %llu blocks (at most %s at a time)\n",
                  tn__bytes_text_of(stats->allocated_bytes, &a),
                  (unsigned long long)stats->block_count,
                  tn__bytes_text_of(stats->allocated_peak_bytes, &b));
  if (stats->waiting_bytes != 0) {
    tn__text_append(text, "%12s freed, and still used on another stream\n",
                    tn__bytes_text_of(stats->waiting_bytes, &a));
  }
  tn__text_append(
      text, "%12s kept for reuse",
      tn__bytes_text_of(stats->segment_bytes - stats->allocated_bytes - stats->waiting_bytes, &a));
}

static void append_segments(tn__text *text, const tn_memory_stats *stats) {
  tn__bytes_text a, b, limit;
  tn__text_append(text, "%12s taken in %llu segments (at most %s at a time; limit %s)\n",
                  tn__bytes_text_of(stats->segment_bytes, &a),
                  (unsigned long long)stats->segment_count,
                  tn__bytes_text_of(stats->segment_peak_bytes, &b),
                  stats->limit_bytes == 0 ? "none" : tn__bytes_text_of(stats->limit_bytes, &limit));
}

static void append_host(tn__text *text) {
  tn_memory_stats stats;
  tn__host_memory_stats(&stats);
  append_totals(text, &stats);
  tn__text_append(text, "\n");
  append_segments(text, &stats);
  tn__text_append(text, "blocks of the cpu are not listed one by one\n");
}

static void append_pool(tn__text *text, tn__pool *pool, int32_t groups) {
  tn__bytes_text largest;
  pthread_mutex_lock(&pool->mutex);
  append_totals(text, &pool->stats);
  tn__text_append(text, ", the largest piece %s\n",
                  tn__bytes_text_of(largest_free(pool), &largest));
  append_segments(text, &pool->stats);
  append_blocks(text, pool, groups);
  pthread_mutex_unlock(&pool->mutex);
}

void tn__memory_report_append(tn__text *text, tn_device device, tn__pool *pool, int32_t groups) {
  char name[48];
  tn__text_append(text, "memory of device '%s':\n", tn_device_name(device, name, sizeof name));
  if (device.type == TN__DEVICE_TYPE_CPU) {
    append_host(text);
  } else if (pool == NULL) {
    tn__text_append(text, "nothing was ever allocated\n");
  } else {
    append_pool(text, pool, groups);
  }
}

char *tn_memory_report(tn_device device) {
  enum { GROUPS = 40 };
  if (tn__device_resolve(&device) != TN_OK) return NULL;
  bool on_cpu = device.type == TN__DEVICE_TYPE_CPU;
  tn__text text = {NULL, 0, 0};
  tn__memory_report_append(&text, device, on_cpu ? NULL : tn__pool_of(device, false), GROUPS);
  if (text.data == NULL) tn__out_of_memory("a memory report", 1024);
  return text.data;
}

// ---- running out -------------------------------------------------------------------------------

tn_status tn__memory_exhausted(tn_device device, tn__pool *pool, uint64_t size_bytes, bool limited,
                               const char *reason) {
  enum { GROUPS = 8 };
  static const char *const hints[] = {
      "release tensors earlier, as a scope around each step does, or compute in smaller pieces",
      "raise the limit with tn_memory_limit, or release tensors earlier, as a scope around each "
      "step does"};
  tn__error_details details = {.hint = hints[limited]};
  tn__text report = {NULL, 0, 0};
  char name[48];
  tn__bytes_text size;
  if (pool != NULL) {
    pthread_mutex_lock(&pool->mutex);
    pool->stats.out_of_memory_count++;
    pthread_mutex_unlock(&pool->mutex);
  }
  tn__memory_report_append(&report, device, pool, GROUPS);
  tn__error(TN_OUT_OF_MEMORY, &details,
            "out of memory: %s (%llu bytes) asked for on device '%s'%s%s%s\n%s",
            tn__bytes_text_of(size_bytes, &size), (unsigned long long)size_bytes,
            tn_device_name(device, name, sizeof name),
            limited ? ", which tn_memory_limit does not allow" : "", reason[0] == '\0' ? "" : ": ",
            reason, report.data == NULL ? "" : report.data);
  free(report.data);
  return TN_OUT_OF_MEMORY;
}
