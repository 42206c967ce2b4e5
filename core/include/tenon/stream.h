// SPDX-License-Identifier: Apache-2.0
//
// stream: queues of work on a device, and events that order them. Work on one stream runs in the
// order in which it was enqueued; two streams run side by side until an event makes one wait for
// the other. Each thread has a current stream for each device, at first the device's default one,
// on which the thread's calls are enqueued. The cpu is one synchronous stream, and so is a device
// whose backend brings no streams: there all of this is legal, and waits for nothing.
//
// A call's status says that it was enqueued. A fault that comes later sticks to the stream and is
// reported, with the operator's name, by the next call that waits for it.

#ifndef TENON_STREAM_H_
#define TENON_STREAM_H_

#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tn_stream tn_stream;
typedef struct tn_event tn_event;

// A new stream on |device|. priority: 0 normal, negative more urgent.
// owns: +1 result | errors: UNAVAILABLE, OUT_OF_MEMORY, the backend's | threads: any
TN_API tn_stream *tn_stream_new(tn_device device, int32_t priority);

// Adds and gives up a reference; NULL is legal. A stream that is given up finishes its work first;
// a fault of it that nobody has waited for is reported by the next tn_device_synchronize.
// owns: retain +1 result | errors: none | threads: any
TN_API tn_stream *tn_stream_retain(tn_stream *stream);
TN_API void tn_stream_release(tn_stream *stream);

// The device's default stream, and the calling thread's current one.
// owns: borrowed (the current one while it is current) | errors: UNAVAILABLE | threads: any
TN_API tn_stream *tn_stream_default(tn_device device);
TN_API tn_stream *tn_stream_current(tn_device device);

// Makes |stream| this thread's current one for its device, and keeps it alive while it is.
// errors: INVALID_ARGUMENT, OUT_OF_MEMORY | threads: any
TN_API tn_status tn_stream_set_current(tn_stream *stream);

// errors: none ({0, 0} for NULL) | threads: any
TN_API tn_device tn_stream_device(const tn_stream *stream);

// Waits for everything enqueued on |stream|; whether it is all done.
// errors: INVALID_ARGUMENT, the fault that sticks to the stream | threads: any
TN_API tn_status tn_stream_synchronize(tn_stream *stream);
TN_API tn_status tn_stream_query(tn_stream *stream, bool *done);

// Makes what is enqueued on |stream| from now on wait for |event|'s last record, or for all that
// |other| holds now. Returns at once, but on the cpu and on devices without streams, where the wait
// is over when the call returns. The other one may be of another device of the same type.
// errors: INVALID_ARGUMENT, DEVICE_MISMATCH (another type), OUT_OF_MEMORY, the backend's, a fault
// where the call waits | threads: any
TN_API tn_status tn_stream_wait_event(tn_stream *stream, tn_event *event);
TN_API tn_status tn_stream_wait_stream(tn_stream *stream, tn_stream *other);

// The vendor's own object (a cudaStream_t), for calls of the vendor's libraries beside Tenon's.
// NULL for the cpu and where the backend has none to give.
// owns: borrowed | errors: none | threads: any
TN_API void *tn_stream_native_handle(tn_stream *stream);

// An event on |device|. timing: whether tn_event_elapsed_ms may ask it.
// owns: +1 result; released with tn_event_release | errors: UNAVAILABLE, OUT_OF_MEMORY, the
// backend's | threads: any
TN_API tn_event *tn_event_new(tn_device device, bool timing);
TN_API void tn_event_release(tn_event *event);

// Marks the end of what is enqueued on |stream| now (NULL: the current stream of the event's
// device); a later record replaces an earlier one.
// errors: DEVICE_MISMATCH, the backend's | threads: any, one at a time for one event
TN_API tn_status tn_event_record(tn_event *event, tn_stream *stream);

// Waits for the mark; whether it has been passed. An event that was never recorded is done.
// errors: INVALID_ARGUMENT, the backend's | threads: any
TN_API tn_status tn_event_synchronize(tn_event *event);
TN_API tn_status tn_event_query(tn_event *event, bool *done);

// Milliseconds between two recorded events with timing, both done, on one device.
// errors: INVALID_ARGUMENT, WRONG_STATE, DEVICE_MISMATCH | threads: any
TN_API tn_status tn_event_elapsed_ms(tn_event *start, tn_event *end, double *elapsed_ms);

// Says that work on |stream| uses |tensor|'s memory, so that it is not handed out again before that
// work is done. Operators say so themselves; this is for work that Tenon does not see.
// errors: INVALID_ARGUMENT, DEVICE_MISMATCH, OUT_OF_MEMORY | threads: any
TN_API tn_status tn_record_stream(tn_tensor *tensor, tn_stream *stream);

// A contiguous copy of a cpu tensor in memory that |device|, like all of its type, copies to and
// from without staging, so that tn_to_async, and tn_copy_ with .non_blocking, only enqueue; the
// tensor itself where it is such already. On devices whose backend has no such memory, an ordinary
// copy. What is copied from it stays as it is until the stream has been waited for. What is copied
// into it is waited for by tn_item, tn_copy_to_host, printing and saving, but not by calls on the
// cpu. owns: +1 result | errors: INVALID_ARGUMENT, WRONG_STATE (it requires a gradient),
// OUT_OF_MEMORY | threads: any
TN_API tn_tensor *tn_pin_memory(tn_tensor *self, tn_device device);
// A question. errors: none
TN_API bool tn_is_pinned(const tn_tensor *self);

#ifdef __cplusplus
}
#endif

#endif  // TENON_STREAM_H_
