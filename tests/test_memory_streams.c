// SPDX-License-Identifier: Apache-2.0
//
// The allocator's promise about streams: memory is handed out again only where the work on it comes
// before whatever the new owner enqueues. On the device "manual" no work is done before the test
// says so, so that each order of events happens when it should, and every time.

#include <sys/wait.h>
#include <tenon/testing.h>
#include <unistd.h>

#include "memory_test.h"

enum { KIB = 1024, MIB = 1024 * 1024, WIDEST = 64 };

static manual_stream *native(tn_stream *stream) { return tn_stream_native_handle(stream); }

// All that is enqueued on |stream| is done now.
static void complete(tn_stream *stream) { native(stream)->done = native(stream)->enqueued; }

static tn_stream *new_stream(const device *d) {
  tn_stream *stream = tn_stream_new(d->id, 0);
  expect_ok();
  return stream;
}

static void use_stream(tn_stream *stream) { cr_assert_eq(tn_stream_set_current(stream), TN_OK); }

static void use_default(const device *d) { use_stream(tn_stream_default(d->id)); }

// Runs an operator on |x| on |stream|, whose result is given up at once.
static void run_on(const device *d, tn_stream *stream, tn_tensor *x) {
  use_stream(stream);
  tn_release(tn_neg(x));
  expect_ok();
  use_default(d);
}

// Where the next block of |size_bytes| would stand.
static void *next_address(const device *d, int64_t size_bytes) {
  tn_tensor *tensor = bytes_on(d, size_bytes);
  void *address = address_of(d, tensor);
  tn_release(tensor);
  return address;
}

// ---- whose a block is --------------------------------------------------------------------------

TN_TEST(memory_streams, a_block_is_at_once_free_for_its_own_stream) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  use_stream(stream);
  tn_tensor *x = bytes_on(&d, 4 * KIB);
  void *address = address_of(&d, x);
  tn_release(tn_neg(x));
  tn_release(x);
  cr_assert(native(stream)->done < native(stream)->enqueued, "the work is not done");
  cr_assert_eq(next_address(&d, 4 * KIB), address);
  cr_assert_eq(d.controls->events, 0, "that takes no event");
  use_default(&d);
  tn_stream_release(stream);
}

TN_TEST(memory_streams, another_stream_does_not_get_it) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  void *address = next_address(&d, 4 * KIB);
  use_stream(stream);
  cr_assert_neq(next_address(&d, 4 * KIB), address);
  cr_assert_eq(d.controls->allocations, 2);
  use_default(&d);
  cr_assert_eq(next_address(&d, 4 * KIB), address);
  tn_stream_release(stream);
}

// ---- uses on other streams ---------------------------------------------------------------------

TN_TEST(memory_streams, a_block_waits_for_the_operator_that_used_it_elsewhere) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  tn_tensor *x = bytes_on(&d, 4 * KIB);
  void *address = address_of(&d, x);
  run_on(&d, stream, x);
  tn_release(x);
  cr_assert_eq(stats_of(&d).waiting_bytes, 4 * KIB);
  cr_assert_eq(stats_of(&d).allocated_bytes, 0);
  cr_assert_neq(next_address(&d, 4 * KIB), address);
  complete(stream);
  cr_assert_eq(next_address(&d, 4 * KIB), address);
  cr_assert_eq(stats_of(&d).waiting_bytes, 0);
  tn_stream_release(stream);
}

TN_TEST(memory_streams, a_copy_counts_as_a_use) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  tn_tensor *x = bytes_on(&d, 4 * KIB), *y = bytes_on(&d, 4 * KIB);
  use_stream(stream);
  cr_assert_eq(tn_copy_(y, x), TN_OK);
  use_default(&d);
  release_all((tn_tensor *[]){x, y}, 2);
  cr_assert_eq(stats_of(&d).waiting_bytes, 8 * KIB);
  complete(stream);
  cr_assert_eq(stats_of(&d).waiting_bytes, 0);
  tn_stream_release(stream);
}

TN_TEST(memory_streams, a_use_that_the_program_records_counts_as_well) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  tn_tensor *x = bytes_on(&d, 4 * KIB);
  native(stream)->enqueued++;
  cr_assert_eq(tn_record_stream(x, stream), TN_OK);
  cr_assert_eq(tn_record_stream(x, stream), TN_OK);
  cr_assert_eq(d.controls->events, 1, "one use, however often it is said");
  tn_release(x);
  cr_assert_eq(stats_of(&d).waiting_bytes, 4 * KIB);
  complete(stream);
  cr_assert_eq(stats_of(&d).waiting_bytes, 0);
  tn_stream_release(stream);
}

TN_TEST(memory_streams, the_default_stream_can_be_the_other_one) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  use_stream(stream);
  tn_tensor *x = bytes_on(&d, 4 * KIB);
  use_default(&d);
  run_on(&d, tn_stream_default(d.id), x);
  tn_release(x);
  cr_assert_eq(stats_of(&d).waiting_bytes, 4 * KIB);
  d.controls->stream.done = d.controls->stream.enqueued;
  cr_assert_eq(stats_of(&d).waiting_bytes, 0);
  tn_stream_release(stream);
}

TN_TEST(memory_streams, a_block_waits_for_all_streams_that_used_it) {
  device d = open_device();
  tn_stream *streams[3];
  tn_tensor *x = bytes_on(&d, 4 * KIB);
  for (int i = 0; i < 3; i++) run_on(&d, streams[i] = new_stream(&d), x);
  tn_release(x);
  static const int order[] = {2, 0, 1};
  for (int i = 0; i < 3; i++) {
    cr_assert_eq(stats_of(&d).waiting_bytes, 4 * KIB, "after %d of 3 streams", i);
    complete(streams[order[i]]);
  }
  cr_assert_eq(stats_of(&d).waiting_bytes, 0);
  for (int i = 0; i < 3; i++) tn_stream_release(streams[i]);
}

TN_TEST(memory_streams, each_block_waits_for_what_was_enqueued_before_it_was_freed) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  tn_tensor *x = bytes_on(&d, 4 * KIB), *y = bytes_on(&d, 8 * KIB);
  run_on(&d, stream, x);
  run_on(&d, stream, y);
  tn_release(x);
  uint64_t first = native(stream)->enqueued;
  run_on(&d, stream, y);
  tn_release(y);
  native(stream)->done = first;
  cr_assert_eq(stats_of(&d).waiting_bytes, 8 * KIB);
  complete(stream);
  cr_assert_eq(stats_of(&d).waiting_bytes, 0);
  tn_stream_release(stream);
}

TN_TEST(memory_streams, events_are_used_again) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  for (int i = 0; i < 100; i++) {
    tn_tensor *x = bytes_on(&d, 4 * KIB);
    run_on(&d, stream, x);
    tn_release(x);
    complete(stream);
  }
  cr_assert_leq(d.controls->events, 2);
  cr_assert_eq(d.controls->allocations, 2, "one segment a stream");
  tn_stream_release(stream);
}

TN_TEST(record_stream, refuses_what_is_missing_or_elsewhere) {
  device d = open_device(), other = device_at(&d, 1);
  tn_stream *stream = new_stream(&other);
  tn_tensor *x = bytes_on(&d, 100);
  cr_assert_eq(tn_record_stream(NULL, stream), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_record_stream(x, NULL), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_record_stream(x, stream), TN_DEVICE_MISMATCH);
  expect_error(TN_DEVICE_MISMATCH, "manual:1");
  tn_release(x);
  tn_stream_release(stream);
}

// ---- giving back -------------------------------------------------------------------------------

TN_TEST(memory_streams, memory_is_given_back_only_when_its_stream_has_passed) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  use_stream(stream);
  tn_tensor *x = bytes_on(&d, 4 * KIB);
  tn_release(tn_neg(x));
  tn_release(x);
  use_default(&d);
  cr_assert_eq(tn_memory_empty_cache(d.id), TN_OK);
  cr_assert_eq(d.controls->releases, 1);
  cr_assert_eq(d.controls->busy_releases, 0);
  cr_assert_eq(d.controls->stream_waits, 0, "which would have taken a fault off the stream");
  tn_stream_release(stream);
}

TN_TEST(memory_streams, what_waits_is_not_given_back) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  tn_tensor *x = bytes_on(&d, 30 * MIB);
  cr_assert_eq(tn_record_stream(x, stream), TN_OK);
  native(stream)->enqueued++;
  tn_release(x);
  cr_assert_eq(tn_memory_empty_cache(d.id), TN_OK);
  cr_assert_eq(d.controls->segment_bytes, 30 * MIB);
  complete(stream);
  cr_assert_eq(tn_memory_empty_cache(d.id), TN_OK);
  cr_assert_eq(d.controls->segment_bytes, 0);
  tn_stream_release(stream);
}

TN_TEST(memory_streams, a_request_waits_for_uses_before_it_fails) {
  device d = open_device();
  d.controls->memory_bytes = 40 * MIB;
  tn_stream *stream = new_stream(&d);
  tn_tensor *x = bytes_on(&d, 30 * MIB);
  cr_assert_eq(tn_record_stream(x, stream), TN_OK);
  native(stream)->enqueued++;
  tn_release(x);
  tn_tensor *y = bytes_on(&d, 36 * MIB);
  cr_assert_eq(d.controls->busy_releases, 0);
  cr_assert(native(stream)->done == native(stream)->enqueued);
  tn_release(y);
  tn_stream_release(stream);
}

TN_TEST(memory_streams, shutdown_gives_back_what_waits) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  tn_tensor *x = bytes_on(&d, 30 * MIB);
  run_on(&d, stream, x);
  tn_release(x);
  tn_shutdown();
  cr_assert_eq(d.controls->segment_bytes, 0);
  cr_assert_eq(d.controls->events, 0);
  tn_stream_release(stream);
}

TN_TEST(memory_streams, a_block_may_be_released_after_shutdown) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  tn_tensor *x = bytes_on(&d, 4 * KIB);
  run_on(&d, stream, x);
  tn_shutdown();
  uint64_t enqueued = native(stream)->enqueued;
  tn_release(x);
  cr_assert_eq(native(stream)->enqueued, enqueued, "the backend is not called any more");
  cr_assert_eq(stats_of(&d).block_count, 0);
  tn_stream_release(stream);
}

TN_TEST(memory_streams, the_child_of_a_fork_may_release) {
  enum { CHILD_OK = 42 };
  device d = open_device();
  tn_tensor *x = bytes_on(&d, 4 * KIB), *y = tn_neg(x);
  pid_t child = fork();
  if (child == 0) {
    tn_release(x);
    tn_release(y);
    _exit(tn_ok() ? CHILD_OK : 1);
  }
  int status = 0;
  cr_assert_eq(waitpid(child, &status, 0), child);
  cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == CHILD_OK);
  release_all((tn_tensor *[]){x, y}, 2);
}

// ---- a stream's end ----------------------------------------------------------------------------

TN_TEST(memory_streams, the_next_stream_takes_over_what_an_ended_one_kept) {
  device d = open_device();
  void *address = NULL;
  for (int i = 0; i < 10; i++) {
    tn_stream *stream = new_stream(&d);
    use_stream(stream);
    tn_tensor *x = bytes_on(&d, 4 * KIB);
    if (i == 0) address = address_of(&d, x);
    cr_assert_eq(address_of(&d, x), address);
    tn_release(tn_neg(x));
    tn_release(x);
    use_default(&d);
    tn_stream_release(stream);
  }
  cr_assert_eq(d.controls->allocations, 1);
  cr_assert_eq(d.controls->streams, 0, "the allocator keeps no stream alive");
}

TN_TEST(memory_streams, a_block_outlives_its_stream) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  use_stream(stream);
  tn_tensor *x = bytes_on(&d, 4 * KIB);
  void *address = address_of(&d, x);
  use_default(&d);
  tn_stream_release(stream);
  run_on(&d, tn_stream_default(d.id), x);
  tn_release(x);
  cr_assert_eq(stats_of(&d).waiting_bytes, 4 * KIB, "the default stream uses it");
  tn_stream *next = new_stream(&d);
  use_stream(next);
  cr_assert_neq(next_address(&d, 4 * KIB), address);
  d.controls->stream.done = d.controls->stream.enqueued;
  cr_assert_eq(next_address(&d, 4 * KIB), address);
  use_default(&d);
  tn_stream_release(next);
}

TN_TEST(memory_streams, uses_end_with_their_stream) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  tn_tensor *queued = bytes_on(&d, 4 * KIB), *held = bytes_on(&d, 8 * KIB);
  run_on(&d, stream, queued);
  run_on(&d, stream, held);
  tn_release(queued);
  cr_assert_eq(stats_of(&d).waiting_bytes, 4 * KIB);
  tn_stream_release(stream);
  cr_assert_eq(stats_of(&d).waiting_bytes, 0);
  tn_release(held);
  cr_assert_eq(stats_of(&d).waiting_bytes, 0);
  cr_assert_eq(stats_of(&d).block_count, 0);
}

// ---- a backend that fails ----------------------------------------------------------------------

TN_TEST(memory_streams, a_use_without_an_event_is_refused_before_the_work_is_enqueued) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  tn_tensor *x = bytes_on(&d, 4 * KIB);
  d.controls->no_events = 1;
  use_stream(stream);
  cr_assert_null(tn_neg(x));
  cr_assert_str_eq(tn_error_peek()->op, "neg");
  expect_error(TN_OUT_OF_MEMORY, "no event left");
  use_default(&d);
  cr_assert_eq(native(stream)->enqueued, 0);
  cr_assert_eq(tn_record_stream(x, stream), TN_OUT_OF_MEMORY);
  tn_error_clear();
  tn_release(x);
  cr_assert_eq(stats_of(&d).block_count, 0);
  cr_assert_eq(tn_memory_empty_cache(d.id), TN_OK);
  cr_assert_eq(d.controls->segment_bytes, 0, "streams are waited for instead");
  tn_stream_release(stream);
}

TN_TEST(memory_streams, where_no_mark_can_be_made_the_stream_is_waited_for) {
  device d = open_device();
  tn_stream *stream = new_stream(&d);
  tn_tensor *x = bytes_on(&d, 4 * KIB);
  run_on(&d, stream, x);
  d.controls->no_marks = 1;
  tn_release(x);
  cr_assert_eq(d.controls->stream_waits, 1);
  cr_assert_eq(stats_of(&d).waiting_bytes, 0);
  expect_ok();
  tn_stream_release(stream);
}

// Allocates |count| blocks, computes with them on |stream|, and gives everything up; whatever of it
// fails. Every call needs records that no earlier one has left.
static void use_memory(const device *d, tn_stream *stream, int count) {
  tn_tensor *tensors[WIDEST], *large = tn_empty(TN_SHAPE(3 * MIB), .dtype = TN_U8, .device = d->id);
  for (int i = 0; i < count; i++) {
    tensors[i] = tn_empty(TN_SHAPE(4 * KIB), .dtype = TN_U8, .device = d->id);
  }
  if (tn_stream_set_current(stream) == TN_OK) {
    for (int i = 0; i < count; i++) tn_release(tn_neg(tensors[i]));
  }
  tn_stream_set_current(tn_stream_default(d->id));
  if (large != NULL) tn_record_stream(large, stream);
  release_all(tensors, count);
  tn_release(large);
}

TN_TEST(memory_streams, whatever_allocation_of_ours_fails_loses_no_block) {
  device d = open_device();
  tn_stream *streams[WIDEST];
  int failures = 0, n = 0;
  for (bool failed = true; failed; n++) {
    cr_assert_lt(n + 1, WIDEST, "there is no end to allocations");
    streams[n] = new_stream(&d);
    tn_testing_fail_allocation(n + 1);
    use_memory(&d, streams[n], n / 16 + 1);
    failed = tn_testing_allocation_failed();
    tn_testing_fail_allocation(0);
    failures += !tn_ok();
    cr_assert(tn_ok() || (failed && tn_error_peek()->status == TN_OUT_OF_MEMORY));
    tn_error_clear();
    complete(streams[n]);
    cr_assert_eq(tn_memory_empty_cache(d.id), TN_OK);
    cr_assert_eq(stats_of(&d).block_count, 0, "allocation %d", n + 1);
    cr_assert_eq(d.controls->segment_bytes, 0, "allocation %d", n + 1);
  }
  cr_assert_geq(failures, 3);
  cr_assert_eq(d.controls->mistakes, 0);
  while (n > 0) tn_stream_release(streams[--n]);
}
