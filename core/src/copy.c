// SPDX-License-Identifier: Apache-2.0
//
// copy: contiguous bytes on their way between any two devices, on the calling thread's current
// stream of the device that is not the cpu. What comes to the host is there when the call returns,
// and what leaves it has left, unless the caller asked for less and the host's memory is pinned.
// Between devices of different types a copy goes through the host. Invariant: memory that a stream
// still reads or writes is not handed out again.

#include "copy.h"

#include <string.h>
#include <tenon/error.h>

#include "memory.h"
#include "pinned.h"
#include "stream_impl.h"
#include "trace.h"

// ---- one way -----------------------------------------------------------------------------------

static tn_status copy_failed(tn_stream *stream, tn_status status, bool was_ok, uint64_t bytes) {
  char doing[64];
  snprintf(doing, sizeof doing, "copying %llu bytes", (unsigned long long)bytes);
  return tn__stream_fault(stream, status, was_ok, doing);
}

static tn_status to_device(tn_stream *stream, void *to, const void *from, uint64_t bytes) {
  const tn_device_table *table = tn__stream_table(stream);
  tn__stream_note(stream, "copy_");
  bool was_ok = tn_ok();
  tn_status status =
      table->copy_from_host(table->self, stream->device.index, stream->native, to, from, bytes);
  return status == TN_OK ? TN_OK : copy_failed(stream, status, was_ok, bytes);
}

static tn_status to_host(tn_stream *stream, void *to, const void *from, uint64_t bytes) {
  const tn_device_table *table = tn__stream_table(stream);
  bool was_ok = tn_ok();
  tn_status status =
      table->copy_to_host(table->self, stream->device.index, stream->native, to, from, bytes);
  return status == TN_OK ? TN_OK : copy_failed(stream, status, was_ok, bytes);
}

static tn_status within(tn_stream *stream, void *to, const void *from, uint64_t bytes) {
  const tn_device_table *table = tn__stream_table(stream);
  tn__stream_note(stream, "copy_");
  bool was_ok = tn_ok();
  tn_status status =
      table->copy_within(table->self, stream->device.index, stream->native, to, from, bytes);
  return status == TN_OK ? TN_OK : copy_failed(stream, status, was_ok, bytes);
}

// On the destination's stream, after all that the source's holds; and what the source's is given
// later comes after the copy, so that the source may be written or reused there.
static tn_status between(tn_stream *to_stream, void *to, tn_stream *from_stream, const void *from,
                         uint64_t bytes) {
  const tn_device_table *table = tn__stream_table(to_stream);
  tn_status status = tn__stream_order(to_stream, from_stream);
  if (status != TN_OK) return status;
  tn__stream_note(to_stream, "copy_");
  bool was_ok = tn_ok();
  status = table->copy_between(table->self, to_stream->device.index, to, from_stream->device.index,
                               from, to_stream->native, bytes);
  if (status != TN_OK) return copy_failed(to_stream, status, was_ok, bytes);
  return tn__stream_order(from_stream, to_stream);
}

static tn_status through_host(tn_stream *to_stream, void *to, tn_stream *from_stream,
                              const void *from, uint64_t bytes) {
  void *bounce = tn__allocate(bytes);
  if (bounce == NULL) return tn__out_of_memory("a copy between devices", bytes);
  tn_status status = to_host(from_stream, bounce, from, bytes);
  if (status == TN_OK) status = tn__stream_wait(from_stream);
  if (status == TN_OK) status = to_device(to_stream, to, bounce, bytes);
  // Also after a failure: |bounce| may be in use.
  tn_status waited = tn__stream_wait(to_stream);
  tn__deallocate(bounce);
  return status == TN_OK ? waited : status;
}

// ---- between a device and the host -------------------------------------------------------------

// A copy from memory that stays as it is until the stream has read it.
static tn_status from_pinned(tn_stream *stream, void *to, tn__storage *pinned, const void *from,
                             uint64_t bytes) {
  tn_status status = to_device(stream, to, from, bytes);
  if (status == TN_OK) return tn__pinned_record_use(pinned, stream);
  tn__stream_wait(stream);
  return status;
}

// A copy from memory that the caller may change at once: of the bytes as they are now. false, with
// nothing done, where they are too many, or there is no pinned memory for them.
static bool from_staged(tn_stream *stream, void *to, const void *from, uint64_t bytes,
                        tn_status *status) {
  const uint64_t most = UINT64_C(1) << 20;
  if (bytes > most || !tn__pinned_is_offered(stream->device.type)) return false;
  tn__held_error held = tn__error_hold();
  tn__storage *stage = tn__pinned_storage(stream->device.type, bytes);
  tn_error_clear();
  tn__error_restore(held);
  if (stage == NULL) return false;
  memcpy(stage->data, from, bytes);
  *status = from_pinned(stream, to, stage, stage->data, bytes);
  tn__storage_release(stage);
  return true;
}

static tn_status copy_in(tn_tensor *to, const tn_tensor *from, uint64_t bytes, bool non_blocking) {
  tn_stream *stream = tn__stream_here(to->device);
  tn_status status;
  if (non_blocking && tn__has_streams(tn__stream_table(stream))) {
    if (tn__pinned_for(from->storage, to->device.type)) {
      return from_pinned(stream, to->data, from->storage, from->data, bytes);
    }
    if (from_staged(stream, to->data, from->data, bytes, &status)) return status;
  }
  status = to_device(stream, to->data, from->data, bytes);
  tn_status waited = tn__stream_wait(stream);
  return status == TN_OK ? waited : status;
}

static tn_status read_from_device(const tn_tensor *from, void *to, uint64_t bytes) {
  tn_stream *stream = tn__stream_here(from->device);
  tn_status status = to_host(stream, to, from->data, bytes);
  tn_status waited = tn__stream_wait(stream);
  return status == TN_OK ? waited : status;
}

static tn_status copy_out(tn_tensor *to, const tn_tensor *from, uint64_t bytes, bool non_blocking) {
  if (!non_blocking || !tn__pinned_for(to->storage, from->device.type)) {
    return read_from_device(from, to->data, bytes);
  }
  tn_stream *stream = tn__stream_here(from->device);
  tn_status status = to_host(stream, to->data, from->data, bytes);
  if (status == TN_OK) return tn__pinned_record_use(to->storage, stream);
  tn__stream_wait(stream);
  return status;
}

// ---- tensors -----------------------------------------------------------------------------------

// The copy uses |tensor|'s memory on the current stream of its device.
static tn_status note_use(const tn_tensor *tensor) {
  if (tensor->storage == NULL) return TN_OK;  // a number of the host's
  return tn__memory_record_use(tensor->storage, tn__stream_current(&tn__tls, tensor->device));
}

// One of the two is on another device than the cpu.
static tn_status copy_across(tn_tensor *to, const tn_tensor *from, uint64_t bytes,
                             bool non_blocking) {
  tn_status noted = note_use(to);
  if (noted == TN_OK) noted = note_use(from);
  if (noted != TN_OK) return noted;
  if (to->device.type == TN__DEVICE_TYPE_CPU) return copy_out(to, from, bytes, non_blocking);
  if (from->device.type == TN__DEVICE_TYPE_CPU) return copy_in(to, from, bytes, non_blocking);
  tn_stream *to_stream = tn__stream_here(to->device), *from_stream = tn__stream_here(from->device);
  if (to_stream == from_stream) return within(to_stream, to->data, from->data, bytes);
  bool direct =
      to->device.type == from->device.type && tn__stream_table(to_stream)->copy_between != NULL;
  return direct ? between(to_stream, to->data, from_stream, from->data, bytes)
                : through_host(to_stream, to->data, from_stream, from->data, bytes);
}

tn_status tn__tensor_copy(tn_tensor *to, const tn_tensor *from, bool non_blocking) {
  uint64_t bytes = (uint64_t)from->numel * from->item_bytes;
  if (bytes == 0) return TN_OK;
  if (to->device.type == TN__DEVICE_TYPE_CPU && from->device.type == TN__DEVICE_TYPE_CPU) {
    memcpy(to->data, from->data, bytes);
    return TN_OK;
  }
  const uint64_t start = tn__trace_begin();
  tn_status status = copy_across(to, from, bytes, non_blocking);
  if (start != 0) tn__trace_copy(start, to->device, from->device, bytes);
  return status;
}

tn_status tn__tensor_read(const tn_tensor *from, void *to, uint64_t bytes) {
  if (bytes == 0) return TN_OK;
  if (from->device.type == TN__DEVICE_TYPE_CPU) {
    tn_status status = tn__tensor_wait(from);
    if (status == TN_OK) memcpy(to, from->data, bytes);
    return status;
  }
  const uint64_t start = tn__trace_begin();
  tn_status status = read_from_device(from, to, bytes);
  if (start != 0) tn__trace_copy(start, TN_DEVICE_CPU, from->device, bytes);
  return status;
}

tn_status tn__tensor_wait(const tn_tensor *tensor) {
  if (tensor->device.type == TN__DEVICE_TYPE_CPU) {
    const tn__storage *storage = tensor->storage;
    bool pinned = storage != NULL && (storage->flags & TN__STORAGE_PINNED) != 0;
    return pinned ? tn__pinned_wait(storage) : TN_OK;
  }
  return tn__stream_wait(tn__stream_here(tensor->device));
}
