// SPDX-License-Identifier: Apache-2.0
//
// The caching allocator, on a device whose memory and streams are the test's to turn (the backend
// "manual"): which requests share memory, which wait, what is given back, and what is counted.
// Streams and uses on several of them are in test_memory_streams.c, random sequences and threads in
// test_memory_model.c. Each test runs in a process of its own.

#include "memory_test.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

// ---- sharing and reuse -------------------------------------------------------------------------

TN_TEST(memory, a_freed_block_serves_the_next_request) {
  device d = open_device();
  tn_tensor *a = bytes_on(&d, 1000);
  void *address = address_of(&d, a);
  tn_release(a);
  tn_tensor *b = bytes_on(&d, 700);
  cr_assert_eq(address_of(&d, b), address);
  tn_release(b);
  cr_assert_eq(d.controls->allocations, 1);
  tn_memory_stats stats = stats_of(&d);
  cr_assert_eq(stats.allocation_count, 2);
  cr_assert_eq(stats.reuse_count, 1);
}

TN_TEST(memory, small_requests_share_one_segment_of_2_mib) {
  device d = open_device();
  tn_tensor *tensors[100];
  for (int i = 0; i < 100; i++) tensors[i] = bytes_on(&d, 1000 + i);
  cr_assert_eq(d.controls->allocations, 1);
  cr_assert_eq(d.controls->segment_bytes, 2 * MIB);
  release_all(tensors, 100);
}

TN_TEST(memory, requests_of_some_mib_share_one_segment_of_20_mib) {
  device d = open_device();
  tn_tensor *tensors[] = {bytes_on(&d, 3 * MIB), bytes_on(&d, 9 * MIB), bytes_on(&d, 8 * MIB)};
  cr_assert_eq(d.controls->allocations, 1);
  cr_assert_eq(d.controls->segment_bytes, 20 * MIB);
  release_all(tensors, 3);
}

TN_TEST(memory, a_large_request_has_a_segment_of_its_own_in_steps_of_2_mib) {
  device d = open_device();
  tn_tensor *tensor = bytes_on(&d, 31 * MIB + 1);
  cr_assert_eq(d.controls->segment_bytes, 32 * MIB);
  tn_release(tensor);
}

TN_TEST(memory, an_empty_tensor_has_a_block_too) {
  device d = open_device();
  tn_tensor *tensor = bytes_on(&d, 0);
  cr_assert_eq(stats_of(&d).allocated_bytes, 512);
  tn_release(tensor);
  cr_assert_eq(stats_of(&d).allocated_bytes, 0);
}

TN_TEST(memory, freed_neighbours_become_one_block_in_whatever_order) {
  static const int orders[][8] = {{0, 1, 2, 3, 4, 5, 6, 7},
                                  {7, 6, 5, 4, 3, 2, 1, 0},
                                  {0, 2, 4, 6, 1, 3, 5, 7},
                                  {3, 4, 2, 5, 1, 6, 0, 7}};
  device d = open_device();
  for (int order = 0; order < 4; order++) {
    tn_tensor *tensors[8];
    for (int i = 0; i < 8; i++) tensors[i] = bytes_on(&d, 256 * KIB);
    for (int i = 0; i < 8; i++) tn_release(tensors[orders[order][i]]);
    tn_tensor *halves[] = {bytes_on(&d, MIB), bytes_on(&d, MIB)};
    cr_assert_eq(d.controls->allocations, 1, "order %d needed another segment", order);
    release_all(halves, 2);
  }
}

TN_TEST(memory, the_smallest_hole_that_fits_is_taken_and_the_lowest_of_equals) {
  device d = open_device();
  static const int sizes[] = {64 * KIB, 16 * KIB, 32 * KIB, 32 * KIB};
  tn_tensor *holes[4], *walls[4];
  void *addresses[4];
  for (int i = 0; i < 4; i++) {
    holes[i] = bytes_on(&d, sizes[i]);
    addresses[i] = address_of(&d, holes[i]);
    walls[i] = bytes_on(&d, 512);
  }
  release_all(holes, 4);
  tn_tensor *first = bytes_on(&d, 20 * KIB), *second = bytes_on(&d, 30 * KIB),
            *third = bytes_on(&d, 14 * KIB);
  cr_assert_eq(address_of(&d, first), addresses[2]);
  cr_assert_eq(address_of(&d, second), addresses[3]);
  cr_assert_eq(address_of(&d, third), addresses[1]);
  release_all((tn_tensor *[]){first, second, third}, 3);
  release_all(walls, 4);
}

TN_TEST(memory, two_devices_of_a_type_share_nothing) {
  device d = open_device(), other = device_at(&d, 1);
  tn_release(bytes_on(&d, 1000));
  tn_release(bytes_on(&other, 1000));
  cr_assert_eq(d.controls->allocations, 1);
  cr_assert_eq(other.controls->allocations, 1);
  cr_assert_eq(stats_of(&other).allocation_count, 1);
}

// ---- giving back -------------------------------------------------------------------------------

TN_TEST(memory, empty_cache_gives_back_every_segment_of_which_nothing_is_held) {
  device d = open_device();
  tn_tensor *kept = bytes_on(&d, 5 * MIB);
  tn_tensor *tensors[] = {bytes_on(&d, 1000), bytes_on(&d, 30 * MIB), bytes_on(&d, 4 * MIB)};
  release_all(tensors, 3);
  cr_assert_eq(d.controls->segment_bytes, 52 * MIB);
  cr_assert_eq(tn_memory_empty_cache(d.id), TN_OK);
  cr_assert_eq(d.controls->segment_bytes, 20 * MIB);
  tn_release(kept);
  cr_assert_eq(tn_memory_empty_cache(d.id), TN_OK);
  cr_assert_eq(d.controls->segment_bytes, 0);
  tn_memory_stats stats = stats_of(&d);
  cr_assert_eq(stats.segment_bytes, 0);
  cr_assert_eq(stats.segment_count, 0);
  cr_assert_eq(d.controls->mistakes, 0);
}

TN_TEST(memory, shutdown_gives_everything_back) {
  device d = open_device();
  tn_release(bytes_on(&d, 1000));
  tn_release(bytes_on(&d, 50 * MIB));
  tn_shutdown();
  cr_assert_eq(d.controls->segment_bytes, 0);
  cr_assert_eq(d.controls->events, 0);
  cr_assert_eq(d.controls->mistakes, 0);
}

TN_TEST(memory, what_is_kept_is_given_back_before_a_request_fails) {
  device d = open_device();
  d.controls->memory_bytes = 40 * MIB;
  tn_release(bytes_on(&d, 30 * MIB));
  tn_tensor *tensor = bytes_on(&d, 36 * MIB);
  cr_assert_eq(d.controls->releases, 1);
  tn_release(tensor);
  cr_assert_eq(stats_of(&d).out_of_memory_count, 0);
}

TN_TEST(memory, a_device_too_small_for_a_shared_segment_still_serves) {
  device d = open_device();
  d.controls->memory_bytes = 64 * KIB;
  tn_tensor *tensors[] = {bytes_on(&d, 30 * KIB), bytes_on(&d, 30 * KIB)};
  cr_assert_eq(d.controls->segment_bytes, 60 * KIB);
  release_all(tensors, 2);
}

TN_TEST(memory, a_small_request_takes_from_a_large_segment_before_it_fails) {
  device d = open_device();
  d.controls->memory_bytes = 20 * MIB;
  tn_tensor *large = bytes_on(&d, 4 * MIB), *small = bytes_on(&d, 1000);
  cr_assert_eq(d.controls->allocations, 1);
  release_all((tn_tensor *[]){large, small}, 2);
  tn_tensor *whole = bytes_on(&d, 20 * MIB);
  cr_assert_eq(d.controls->allocations, 1, "the pieces did not become one block again");
  tn_release(whole);
}

// ---- the limit ---------------------------------------------------------------------------------

TN_TEST(memory_limit, refuses_segments_above_it_and_says_so) {
  device d = open_device();
  cr_assert_eq(tn_memory_limit(d.id, 50 * MIB), TN_OK);
  tn_tensor *held = bytes_on(&d, 30 * MIB);
  cr_assert_null(tn_empty(TN_SHAPE(21 * MIB), .dtype = TN_U8, .device = d.id));
  cr_assert_not_null(strstr(tn_error_peek()->hint, "tn_memory_limit"));
  expect_error(TN_OUT_OF_MEMORY, "limit 50.0 MiB");
  tn_tensor *fits = bytes_on(&d, 20 * MIB);
  release_all((tn_tensor *[]){held, fits}, 2);
  cr_assert_eq(stats_of(&d).limit_bytes, 50 * MIB);
  cr_assert_leq(stats_of(&d).segment_peak_bytes, 50 * MIB);
}

TN_TEST(memory_limit, what_is_kept_makes_room_for_another_size) {
  device d = open_device();
  cr_assert_eq(tn_memory_limit(d.id, 50 * MIB), TN_OK);
  tn_release(bytes_on(&d, 30 * MIB));
  tn_release(bytes_on(&d, 40 * MIB));
  cr_assert_eq(d.controls->segment_bytes, 40 * MIB);
}

TN_TEST(memory_limit, below_what_is_held_refuses_only_new_segments) {
  device d = open_device();
  tn_tensor *held = bytes_on(&d, 3 * MIB);
  cr_assert_eq(tn_memory_limit(d.id, MIB), TN_OK);
  tn_release(bytes_on(&d, 3 * MIB));
  cr_assert_null(tn_empty(TN_SHAPE(18 * MIB), .dtype = TN_U8, .device = d.id));
  expect_error(TN_OUT_OF_MEMORY, "18.0 MiB");
  cr_assert_eq(tn_memory_limit(d.id, 0), TN_OK);
  tn_release(bytes_on(&d, 18 * MIB));
  tn_release(held);
}

// ---- running out -------------------------------------------------------------------------------

TN_TEST(out_of_memory, says_what_was_asked_for_and_who_holds_what) {
  device d = open_device();
  d.controls->memory_bytes = 60 * MIB;
  tn_tensor *x = bytes_on(&d, 20 * MIB), *minus = tn_neg(x), *small[3];
  for (int i = 0; i < 3; i++) small[i] = tn_empty(TN_SHAPE(100), .dtype = TN_U8, .device = d.id);
  cr_assert_null(tn_add(x, minus));
  const tn_error *error = tn_error_peek();
  cr_assert_eq(error->status, TN_OUT_OF_MEMORY);
  cr_assert_str_eq(error->op, "add.Tensor");
  static const char *const parts[] = {
      "20.0 MiB (20971520 bytes) asked for on device 'manual:0'",
      "40.0 MiB held by tensors in 5 blocks",
      "20.0 MiB x 1, made by neg",
      "20.0 MiB x 1, made by no operator",
      "512 B x 3, made by no operator",
      "limit none",
  };
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    cr_assert_not_null(strstr(error->message, parts[i]), "no '%s' in: %s", parts[i],
                       error->message);
  }
  cr_assert_not_null(strstr(error->hint, "release tensors"));
  tn_error_clear();
  cr_assert_eq(stats_of(&d).out_of_memory_count, 1);
  release_all((tn_tensor *[]){x, minus}, 2);
  release_all(small, 3);
}

TN_TEST(out_of_memory, an_earlier_error_of_the_thread_stays) {
  device d = open_device();
  d.controls->memory_bytes = MIB;
  tn_error_set(TN_INVALID_ARGUMENT, "the first");
  cr_assert_null(tn_empty(TN_SHAPE(8 * MIB), .dtype = TN_U8, .device = d.id));
  expect_error(TN_INVALID_ARGUMENT, "the first");
}

TN_TEST(out_of_memory, a_size_that_no_machine_has_is_an_error) {
  device d = open_device();
  cr_assert_null(tn_empty(TN_SHAPE(INT64_MAX / 32), .dtype = TN_U8, .device = d.id));
  expect_error(TN_OUT_OF_MEMORY, "PiB");
  tn_release(bytes_on(&d, 100));
}

TN_TEST(out_of_memory, other_failures_of_the_backend_pass_with_their_story) {
  device d = open_device();
  d.controls->allocate_status = TN_UNAVAILABLE;
  cr_assert_null(tn_empty(TN_SHAPE(100), .dtype = TN_U8, .device = d.id));
  expect_error(TN_UNAVAILABLE, "the device is on strike");
  d.controls->allocate_status = TN_OUT_OF_MEMORY;
  cr_assert_null(tn_empty(TN_SHAPE(100), .dtype = TN_U8, .device = d.id));
  expect_error(TN_OUT_OF_MEMORY, "the device is on strike");
  d.controls->allocate_status = TN_OK;
  tn_release(bytes_on(&d, 100));
  cr_assert_eq(stats_of(&d).segment_bytes, 2 * MIB);
}

TN_TEST(out_of_memory, a_backend_that_succeeds_with_nothing_is_found_out) {
  device d = open_device();
  d.controls->gives_null = 1;
  cr_assert_null(tn_empty(TN_SHAPE(100), .dtype = TN_U8, .device = d.id));
  expect_error(TN_INTERNAL, "gave no memory");
}

TN_TEST(out_of_memory, a_backend_that_gives_unaligned_memory_is_found_out_and_gets_it_back) {
  device d = open_device();
  d.controls->gives_odd = 1;
  cr_assert_null(tn_empty(TN_SHAPE(100), .dtype = TN_U8, .device = d.id));
  expect_error(TN_INTERNAL, "not aligned");
  cr_assert_eq(d.controls->segment_bytes, 0);
  cr_assert_eq(d.controls->mistakes, 0);
}

// ---- what is counted ---------------------------------------------------------------------------

TN_TEST(memory_stats, count_every_byte_and_block) {
  device d = open_device();
  tn_tensor *a = bytes_on(&d, 1), *b = bytes_on(&d, 513), *c = bytes_on(&d, 30 * MIB);
  tn_memory_stats stats = stats_of(&d);
  cr_assert_eq(stats.allocated_bytes, 512 + 1024 + 30 * MIB);
  cr_assert_eq(stats.allocated_peak_bytes, stats.allocated_bytes);
  cr_assert_eq(stats.segment_bytes, 32 * MIB);
  cr_assert_eq(stats.segment_peak_bytes, 32 * MIB);
  cr_assert_eq(stats.block_count, 3);
  cr_assert_eq(stats.segment_count, 2);
  cr_assert_eq(stats.allocation_count, 3);
  cr_assert_eq(stats.reuse_count, 1, "b comes from a's segment");
  release_all((tn_tensor *[]){a, c}, 2);
  stats = stats_of(&d);
  cr_assert_eq(stats.allocated_bytes, 1024);
  cr_assert_eq(stats.allocated_peak_bytes, 512 + 1024 + 30 * MIB);
  cr_assert_eq(stats.block_count, 1);
  cr_assert_eq(tn_memory_empty_cache(d.id), TN_OK);
  cr_assert_eq(tn_memory_reset_peaks(d.id), TN_OK);
  stats = stats_of(&d);
  cr_assert_eq(stats.allocated_peak_bytes, 1024);
  cr_assert_eq(stats.segment_peak_bytes, 2 * MIB);
  tn_release(b);
}

TN_TEST(memory_stats, a_view_holds_its_block) {
  device d = open_device();
  tn_tensor *a = bytes_on(&d, 1000), *view = tn_slice(a, .start = TN_INT(10));
  tn_release(a);
  cr_assert_eq(stats_of(&d).block_count, 1);
  tn_release(view);
  cr_assert_eq(stats_of(&d).block_count, 0);
}

TN_TEST(memory_stats, take_a_struct_of_any_size) {
  device d = open_device();
  tn_tensor *a = bytes_on(&d, 1000);
  struct {
    tn_memory_stats stats;
    uint64_t future, guard;
  } larger = {.future = 7, .guard = 7};
  larger.stats.struct_size = sizeof larger.stats + sizeof larger.future;
  cr_assert_eq(tn_memory_stats_of(d.id, &larger.stats), TN_OK);
  cr_assert_eq(larger.stats.allocated_bytes, 1024);
  cr_assert_eq(larger.stats.struct_size, sizeof larger.stats + sizeof larger.future);
  cr_assert_eq(larger.future, 0);
  cr_assert_eq(larger.guard, 7);
  tn_memory_stats smaller = {.struct_size = offsetof(tn_memory_stats, segment_bytes)};
  smaller.segment_bytes = 7;
  cr_assert_eq(tn_memory_stats_of(d.id, &smaller), TN_OK);
  cr_assert_eq(smaller.allocated_bytes, 1024);
  cr_assert_eq(smaller.segment_bytes, 7);
  tn_release(a);
}

TN_TEST(memory_stats, refuse_what_is_no_struct_and_no_device) {
  device d = open_device();
  tn_memory_stats stats = {.struct_size = 0};
  cr_assert_eq(tn_memory_stats_of(d.id, &stats), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "struct_size");
  cr_assert_eq(tn_memory_stats_of(d.id, NULL), TN_INVALID_ARGUMENT);
  tn_error_clear();
  tn_device missing = {d.id.type, MANUAL_DEVICES};
  stats.struct_size = sizeof stats;
  cr_assert_eq(tn_memory_stats_of(missing, &stats), TN_UNAVAILABLE);
  tn_error_clear();
  cr_assert_eq(tn_memory_limit(missing, 1), TN_UNAVAILABLE);
  tn_error_clear();
  cr_assert_eq(tn_memory_reset_peaks(missing), TN_UNAVAILABLE);
  tn_error_clear();
  cr_assert_eq(tn_memory_empty_cache(missing), TN_UNAVAILABLE);
  tn_error_clear();
  cr_assert_null(tn_memory_report(missing));
  expect_error(TN_UNAVAILABLE, "no device");
}

TN_TEST(memory_report, of_an_unused_device_says_so) {
  device d = open_device();
  char *report = tn_memory_report(d.id);
  cr_assert_not_null(report);
  cr_assert_not_null(strstr(report, "nothing was ever allocated"));
  free(report);
}

TN_TEST(memory_report, sums_up_blocks_that_are_alike_and_counts_the_rest) {
  device d = open_device();
  tn_tensor *tensors[60];
  for (int i = 0; i < 60; i++) tensors[i] = bytes_on(&d, i < 10 ? 4096 : 512 * (i + 1));
  char *report = tn_memory_report(d.id);
  cr_assert_not_null(strstr(report, "30.0 KiB x 1"), "%s", report);
  cr_assert_not_null(strstr(report, "and 20 smaller ones"), "%s", report);
  free(report);
  release_all(tensors, 60);
}

// ---- the cpu -----------------------------------------------------------------------------------

TN_TEST(memory_of_the_cpu, counts_blocks_that_are_not_small) {
  device cpu = {.id = TN_DEVICE_CPU};
  tn_memory_stats before = stats_of(&cpu);
  tn_tensor *tensor = bytes_on(&cpu, 3 * MIB), *small = bytes_on(&cpu, 100);
  tn_memory_stats after = stats_of(&cpu);
  cr_assert_eq(after.allocated_bytes - before.allocated_bytes, 3 * MIB);
  cr_assert_eq(after.block_count - before.block_count, 1);
  tn_release(tensor);
  after = stats_of(&cpu);
  cr_assert_eq(after.allocated_bytes, before.allocated_bytes);
  cr_assert_geq(after.allocated_peak_bytes, before.allocated_bytes + 3 * MIB);
  cr_assert_eq(tn_memory_empty_cache(cpu.id), TN_OK);
  cr_assert_eq(stats_of(&cpu).segment_bytes, stats_of(&cpu).allocated_bytes);
  tn_release(small);
}

TN_TEST(memory_of_the_cpu, has_a_limit_and_a_report) {
  device cpu = {.id = TN_DEVICE_CPU};
  cr_assert_eq(tn_memory_limit(cpu.id, 64 * MIB), TN_OK);
  tn_tensor *held = bytes_on(&cpu, 40 * MIB);
  tn_release(bytes_on(&cpu, 20 * MIB));
  cr_assert_null(tn_empty(TN_SHAPE(30 * MIB), .dtype = TN_U8));
  cr_assert_not_null(strstr(tn_error_peek()->hint, "tn_memory_limit"));
  expect_error(TN_OUT_OF_MEMORY, "40.0 MiB held by tensors in 1 blocks");
  tn_release(bytes_on(&cpu, 22 * MIB));  // what was kept made room
  char *report = tn_memory_report(cpu.id);
  cr_assert_not_null(strstr(report, "memory of device 'cpu'"));
  free(report);
  tn_release(held);
}

TN_TEST(memory_of_the_cpu, shutdown_empties_the_cache) {
  device cpu = {.id = TN_DEVICE_CPU};
  tn_release(bytes_on(&cpu, 10 * MIB));
  tn_shutdown();
  cr_assert_eq(stats_of(&cpu).segment_bytes, 0);
}
