// SPDX-License-Identifier: Apache-2.0
//
// engine_streams: see engine_streams.h. A walk puts the thread's list of current streams aside and
// works on a copy, so that putting it back cannot fail. Devices without streams, the cpu first of
// all, take no part.

#include "engine_streams.h"

#include <stdlib.h>
#include <string.h>
#include <tenon/error.h>

#include "memory.h"

static bool has_streams(tn_device device) {
  return tn__has_streams(&tn__device_type_at(device.type)->table);
}

static tn_stream *home_stream(const tn__walk_streams *walk, tn_device device) {
  tn_stream *stream = tn__stream_in(walk->home, device);
  return stream == NULL ? tn__stream_default(device) : stream;
}

// Where result |output| of |node| was made and its gradient is used.
static tn_stream *node_stream(const tn__walk_streams *walk, const tn__node *node, int32_t output) {
  tn_device device = node->outputs[output].device;
  if (!tn_device_equal(device, node->outputs[0].device)) return home_stream(walk, device);
  tn_stream *stream = tn__node_stream(node);
  return stream == NULL ? tn__stream_default(device) : stream;
}

static tn_status copy_streams(const tn__thread_streams *from, tn__thread_streams **copy) {
  *copy = NULL;
  if (from == NULL) return TN_OK;
  size_t bytes = sizeof *from + sizeof(tn_stream *) * (size_t)from->capacity;
  *copy = tn__malloc(bytes);
  if (*copy == NULL) return tn__out_of_memory("the streams of a backward walk", bytes);
  memcpy(*copy, from, sizeof *from + sizeof(tn_stream *) * (size_t)from->count);
  for (int32_t i = 0; i < from->count; i++) tn_stream_retain(from->streams[i]);
  return TN_OK;
}

tn_status tn__walk_streams_begin(tn__walk_streams *walk) {
  walk->active = tn__streams_exist();
  walk->home = NULL;
  walk->used = NULL;
  walk->used_count = walk->used_capacity = 0;
  if (!walk->active) return TN_OK;
  tn__thread_streams *copy;
  tn_status status = copy_streams(tn__tls.streams, &copy);
  walk->active = status == TN_OK;
  if (status != TN_OK) return status;
  walk->home = tn__tls.streams;
  tn__tls.streams = copy;
  return TN_OK;
}

static tn_status note_used(tn__walk_streams *walk, tn_stream *stream) {
  for (int32_t i = 0; i < walk->used_count; i++) {
    if (walk->used[i] == stream) return TN_OK;
  }
  if (walk->used_count == walk->used_capacity) {
    int32_t capacity = walk->used_capacity == 0 ? 8 : 2 * walk->used_capacity;
    tn_stream **grown = tn__realloc(walk->used, sizeof *grown * (size_t)capacity);
    if (grown == NULL) {
      return tn__out_of_memory("the streams of a backward walk", sizeof *grown * (size_t)capacity);
    }
    walk->used = grown;
    walk->used_capacity = capacity;
  }
  walk->used[walk->used_count++] = tn_stream_retain(stream);
  return TN_OK;
}

// Makes the caller's streams current. From the end, since what leaves the list is replaced by its
// last entry.
static tn_status go_home(const tn__walk_streams *walk) {
  tn__thread *thread = &tn__tls;
  tn_status status = TN_OK;
  for (int32_t i = thread->streams == NULL ? -1 : thread->streams->count - 1; i >= 0; i--) {
    tn_stream *home = home_stream(walk, thread->streams->streams[i]->device);
    if (status == TN_OK) status = tn__stream_make_current(thread, home);
  }
  for (int32_t i = 0; walk->home != NULL && i < walk->home->count; i++) {
    if (status == TN_OK) status = tn__stream_make_current(thread, walk->home->streams[i]);
  }
  return status;
}

tn_status tn__walk_enter(tn__walk_streams *walk, const tn__node *node) {
  tn_status status = go_home(walk);
  if (status != TN_OK || node == NULL || !has_streams(node->outputs[0].device)) return status;
  tn_stream *stream = node_stream(walk, node, 0);
  status = note_used(walk, stream);
  return status == TN_OK ? tn__stream_make_current(&tn__tls, stream) : status;
}

tn_status tn__walk_hand_over(tn__walk_streams *walk, const tn__edge *edge, tn_tensor *grad,
                             tn_stream **giver) {
  *giver = NULL;
  if (!has_streams(grad->device)) return TN_OK;
  tn_stream *made = tn__stream_here(grad->device);
  tn_stream *used = edge->node != NULL ? node_stream(walk, edge->node, edge->output)
                                       : home_stream(walk, grad->device);
  if (made == used) return TN_OK;
  tn_status status = note_used(walk, made);
  if (status == TN_OK) status = tn__stream_order(used, made);
  if (status == TN_OK) status = tn__memory_record_use(grad->storage, tn__stream_or_null(used));
  if (status == TN_OK) status = tn__stream_make_current(&tn__tls, used);
  if (status == TN_OK) *giver = made;
  return status;
}

tn_status tn__walk_streams_end(tn__walk_streams *walk) {
  if (!walk->active) return TN_OK;
  tn__thread_streams_end(&tn__tls, false);
  tn__tls.streams = walk->home;
  tn_status status = TN_OK;
  for (int32_t i = 0; i < walk->used_count; i++) {
    tn_stream *stream = walk->used[i];
    tn_status ordered = tn__stream_order(tn__stream_here(stream->device), stream);
    if (status == TN_OK) status = ordered;
    tn_stream_release(stream);
  }
  free(walk->used);
  return status;
}
