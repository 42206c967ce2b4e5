// SPDX-License-Identifier: Apache-2.0
//
// manual: what a test may see and turn of the device "manual". Nothing on it happens by itself: a
// stream counts what is enqueued, and how much of that is done is for the test to say. Waiting for
// a stream or an event makes done what is waited for, and is counted. Kernels count as enqueued and
// compute nothing, but for fill, which writes the first and the last 64 bytes at once and enqueues
// nothing. A test reaches the controls through dlsym(library, "manual_controls_of").

#ifndef TENON_TESTS_MANUAL_H_
#define TENON_TESTS_MANUAL_H_

#include <stdatomic.h>
#include <stdint.h>
#include <tenon/types.h>

enum { MANUAL_DEVICES = 2, MANUAL_SEGMENTS = 1024 };

// What a stream's native handle points to. Its place is used again when it has ended, and the
// counts go on, so that an event may outlive its stream.
typedef struct manual_stream {
  _Atomic uint64_t enqueued, done;
  _Atomic bool lives;
} manual_stream;

// One device. Counts grow from the beginning.
typedef struct manual_controls {
  // To turn.
  _Atomic uint64_t memory_bytes;    // the device has; 0: as much as the host
  _Atomic int32_t allocate_status;  // what allocate() returns; TN_OK: works
  _Atomic int32_t gives_null;       // allocate() succeeds and gives nothing
  _Atomic int32_t gives_odd;        // allocate() gives what is not aligned
  _Atomic int32_t no_events;        // event_create() fails
  _Atomic int32_t no_marks;         // event_record() fails

  // To see.
  _Atomic uint64_t allocations, releases;  // calls that did something
  _Atomic uint64_t segment_bytes;          // given and not taken back
  _Atomic uint64_t mistakes;               // released what was not given, or with another size
  _Atomic uint64_t busy_releases;          // released while a stream had work left
  _Atomic uint64_t event_waits, stream_waits;
  _Atomic uint64_t events;   // that exist
  _Atomic uint64_t streams;  // that exist, less the default one
  manual_stream stream;      // the default one
  // Where the last fill of the calling thread wrote.
  void *(*last_filled)(void);
} manual_controls;

typedef manual_controls *(*manual_controls_of_fn)(int32_t index);

#endif  // TENON_TESTS_MANUAL_H_
