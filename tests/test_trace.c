// SPDX-License-Identifier: Apache-2.0
//
// The trace behind TENON_TRACE: a file that is strict JSON after every flush, with one event for
// each call of an operator, backward pass and copy between devices. Each test is a process of its
// own, so it sets the environment before the first call.

#define _GNU_SOURCE  // pthread_setname_np
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "json_test.h"
#include "tensor_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

static char trace_path[] = "/tmp/tenon_trace_XXXXXX";

static void start_trace(void) {
  int file = mkstemp(trace_path);
  cr_assert(file >= 0);
  close(file);
  setenv("TENON_TRACE", trace_path, 1);
}

static char *read_text(const char *path) {
  FILE *file = fopen(path, "rb");
  cr_assert_not_null(file, "%s: %s", path, strerror(errno));
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  char *text = malloc((size_t)size + 1);
  cr_assert_eq(fread(text, 1, (size_t)size, file), (size_t)size);
  text[size] = '\0';
  fclose(file);
  return text;
}

// The file's text, which must be JSON; the file goes.
static char *take_trace(void) {
  char *text = read_text(trace_path);
  cr_assert(json_is_valid(text), "this is not JSON: %.2000s", text);
  unlink(trace_path);
  return text;
}

static char *end_trace(void) {
  tn_shutdown();
  return take_trace();
}

// Not with strstr: the address sanitizer measures the whole rest of the text in each call.
static int count_of(const char *text, const char *words) {
  const size_t size = strlen(text), length = strlen(words);
  int count = 0;
  for (size_t at = 0; at + length <= size; at++) {
    if (text[at] != words[0] || memcmp(text + at, words, length) != 0) continue;
    count++;
    at += length - 1;
  }
  return count;
}

// The line of the |nth| event (0: the first) of |name|, copied into |line|.
static void event_line(const char *text, const char *name, int nth, char *line, size_t size) {
  char words[96];
  snprintf(words, sizeof words, "\"name\":\"%s\"", name);
  const char *at = strstr(text, words);
  for (; at != NULL && nth > 0; nth--) at = strstr(at + 1, words);
  cr_assert_not_null(at, "there is no event of '%s' in: %.2000s", name, text);
  const char *begin = at;
  while (begin > text && begin[-1] != '\n') begin--;
  snprintf(line, size, "%.*s", (int)strcspn(begin, "\n"), begin);
}

static double number_in(const char *line, const char *name) {
  char words[96];
  snprintf(words, sizeof words, "\"%s\":", name);
  const char *at = strstr(line, words);
  cr_assert_not_null(at, "%s is not in: %s", name, line);
  return strtod(at + strlen(words), NULL);
}

static void expect_in(const char *text, const char *words) {
  cr_assert_not_null(strstr(text, words), "%s is not in: %.2000s", words, text);
}

static void add_once(void) {
  tn_tensor *x = tn_ones(TN_SHAPE(2, 3)), *sum = tn_add(x, x);
  cr_assert_not_null(sum);
  tn_release(sum);
  tn_release(x);
}

// ---- what stands in it -------------------------------------------------------------------------

TN_TEST(json, checker_accepts_json_and_nothing_else) {
  cr_assert(json_is_valid(" {\"a\":[1,-2.5e+3,\"\\u00e4\\n\",null,true],\"b\":{}} \n"));
  static const char *const wrong[] = {"",          "{",           "[1,]",     "{\"a\":1,}", "[1] 2",
                                      "[01]",      "[1.]",        "[\"\n\"]", "['a']",      "{a:1}",
                                      "[\"\\x\"]", "[\"\\u12\"]", "[tru]",    "[1 2]",      "[-]"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    cr_assert_not(json_is_valid(wrong[i]), "%s", wrong[i]);
  }
}

TN_TEST(trace, has_a_call_with_shapes_dtypes_provider_and_bytes) {
  start_trace();
  tn_tensor *x = tn_ones(TN_SHAPE(2, 3)), *row = tn_ones(TN_SHAPE(3), .dtype = TN_F64);
  tn_tensor *sum = tn_add(x, row);
  tn_release(sum);
  tn_release(row);
  tn_release(x);
  char *text = end_trace(), line[1024];
  expect_in(text, "\"traceEvents\":[");
  expect_in(text, "\"process_name\"");
  event_line(text, "add.Tensor", 0, line, sizeof line);
  expect_in(line, "\"ph\":\"X\"");
  expect_in(line, "\"cat\":\"forward\"");
  expect_in(line, "\"out\":[\"float64[2,3]\"],\"in\":[\"float32[2,3]\",\"float64[3]\"]");
  expect_in(line, "\"provider\":\"cpu\",\"reason\":\"");
  expect_in(line, "\"device\":\"cpu\",\"stream\":0,\"depth\":0");
  cr_assert_eq(number_in(line, "bytes read"), 48);
  cr_assert_eq(number_in(line, "bytes written"), 48);
  cr_assert_eq(number_in(line, "pid"), getpid());
  cr_assert(number_in(line, "dur") > 0 && number_in(line, "dur") < 1e7);
  free(text);
}

TN_TEST(trace, has_the_first_call_of_all) {
  start_trace();
  tn_release(tn_zeros(TN_SHAPE(1)));
  char *text = end_trace();
  cr_assert_eq(count_of(text, "\"name\":\"zeros\""), 1);
  cr_assert_eq(count_of(text, "\"device\":null"), 0, "what is composed has its result's device");
  free(text);
}

TN_TEST(trace, nests_the_parts_of_a_composite_in_its_time) {
  start_trace();
  tn_tensor *x = tn_ones(TN_SHAPE(2, 2)), *product = tn_matmul(x, x);
  tn_release(product);
  tn_release(x);
  char *text = end_trace(), whole[1024], part[1024];
  event_line(text, "matmul", 0, whole, sizeof whole);
  event_line(text, "mm", 0, part, sizeof part);
  expect_in(whole, "\"provider\":null");
  cr_assert_eq(number_in(part, "depth"), number_in(whole, "depth") + 1);
  double begin = number_in(whole, "ts"), end = begin + number_in(whole, "dur");
  double part_begin = number_in(part, "ts"), part_end = part_begin + number_in(part, "dur");
  cr_assert(begin <= part_begin && part_end <= end + 1e-3, "%s\n%s", whole, part);
  free(text);
}

TN_TEST(trace, marks_the_calls_of_a_backward_pass) {
  start_trace();
  tn_tensor *x = tn_ones(TN_SHAPE(3));
  tn_requires_grad_(x, true);
  tn_tensor *y = tn_exp(x), *loss = tn_sum(y);
  cr_assert_eq(tn_backward(loss), TN_OK);
  tn_release(loss);
  tn_release(y);
  tn_release(x);
  char *text = end_trace(), line[1024];
  event_line(text, "exp", 0, line, sizeof line);
  expect_in(line, "\"cat\":\"forward\"");
  event_line(text, "mul.Tensor", 0, line, sizeof line);
  expect_in(line, "\"cat\":\"backward\"");
  expect_in(line, "\"gradient of\":\"exp\"");
  event_line(text, "backward", 0, line, sizeof line);
  expect_in(line, "\"cat\":\"backward\"");
  free(text);
}

TN_TEST(trace, has_views_in_place_calls_lists_and_absent_operands) {
  start_trace();
  tn_tensor *x = tn_ones(TN_SHAPE(4, 2)), *turned = tn_t(x),
            *none = tn_clamp(x, .min = tn_scalar_int(0));
  cr_assert_eq(tn_mul_scalar_(x, 3), TN_OK);
  tn_list *parts = tn_split(x, 2, 0);
  tn_list_release(parts);
  tn_release(none);
  tn_release(turned);
  tn_release(x);
  char *text = end_trace(), line[1024];
  event_line(text, "t", 0, line, sizeof line);
  expect_in(line, "\"out\":[\"float32[2,4]\"]");
  event_line(text, "mul_.Scalar", 0, line, sizeof line);
  expect_in(line, "\"in\":[\"float32[4,2]\",\"int64[]\"]");
  event_line(text, "split.Tensor", 0, line, sizeof line);
  expect_in(line, "\"out\":[\"float32[2,2]\",\"float32[2,2]\"]");
  event_line(text, "clamp", 0, line, sizeof line);
  expect_in(line, "\"none\"");
  free(text);
}

TN_TEST(trace, has_a_call_that_failed) {
  start_trace();
  tn_tensor *x = tn_ones(TN_SHAPE(2)), *y = tn_ones(TN_SHAPE(3));
  cr_assert_null(tn_add(x, y));
  expect_error(TN_INVALID_ARGUMENT, "broadcast");
  tn_release(y);
  tn_release(x);
  char *text = end_trace(), line[1024];
  event_line(text, "add.Tensor", 0, line, sizeof line);
  expect_in(line, "\"out\":[]");
  expect_in(line, "\"error\":\"invalid argument\"");
  free(text);
}

TN_TEST(trace, counts_the_operands_that_it_does_not_describe) {
  start_trace();
  enum { COUNT = 100 };
  tn_tensor *x = tn_ones(TN_SHAPE(1)), *many[COUNT];
  for (int i = 0; i < COUNT; i++) many[i] = x;
  tn_release(tn_cat(((tn_tensors){many, COUNT})));
  tn_release(x);
  char *text = end_trace(), line[2048];
  event_line(text, "cat", 0, line, sizeof line);
  cr_assert_eq(number_in(line, "more operands"), COUNT + 1 - 24);
  free(text);
}

TN_TEST(trace, has_the_copies_between_devices) {
  start_trace();
  setenv("TENON_BACKENDS", "sim=" PLUGIN("sim") ",*", 1);
  tn_device sim = tn_device_parse("sim:1");
  tn_tensor *x = tn_ones(TN_SHAPE(4), .device = TN_DEVICE_CPU), *there = tn_to(x, sim, TN_F32);
  cr_assert_not_null(there, "%s", tn_ok() ? "" : tn_error_peek()->message);
  expect_exactly(there, 1, 1, 1, 1);
  tn_release(there);
  tn_release(x);
  char *text = end_trace(), line[1024];
  event_line(text, "copy", 0, line, sizeof line);
  expect_in(line, "\"cat\":\"copy\"");
  expect_in(line, "\"bytes\":16,\"from\":\"cpu\",\"to\":\"sim:1\",\"stream\":0");
  event_line(text, "copy", 1, line, sizeof line);
  expect_in(line, "\"from\":\"sim:1\",\"to\":\"cpu\"");
  free(text);
}

TN_TEST(trace, counts_the_memory_that_tensors_hold) {
  start_trace();
  setenv("TENON_BACKENDS", "sim=" PLUGIN("sim") ",*", 1);
  tn_device sim = tn_device_parse("sim");
  tn_tensor *x = tn_ones(TN_SHAPE(1 << 18), .device = TN_DEVICE_CPU),
            *there = tn_to(x, sim, TN_F32);
  tn_release(there);
  tn_release(x);
  char *text = end_trace(), line[512];
  static const char *const names[] = {"memory of cpu", "memory of sim:0"};
  for (int i = 0; i < 2; i++) {
    event_line(text, names[i], 0, line, sizeof line);
    expect_in(line, "\"ph\":\"C\"");
    double most = number_in(line, "allocated bytes");
    cr_assert(most >= 1 << 20, "%s", line);
    event_line(text, names[i], 1, line, sizeof line);
    cr_assert(number_in(line, "allocated bytes") <= most - (1 << 20), "%s", line);
  }
  free(text);
}

// ---- when it is written ------------------------------------------------------------------------

TN_TEST(trace_file, is_complete_after_each_flush) {
  start_trace();
  enum { CALLS = 20000 };
  tn_tensor *x = tn_ones(TN_SHAPE(1));
  for (int i = 0; i < CALLS; i++) tn_release(tn_neg(x));
  char *before = read_text(trace_path);
  cr_assert(json_is_valid(before), "a trace that goes on is no JSON");
  int early = count_of(before, "\"name\":\"neg\"");
  cr_assert(early > 0 && early <= CALLS, "%d events", early);
  free(before);
  tn_release(x);
  char *text = end_trace();
  cr_assert_eq(count_of(text, "\"name\":\"neg\""), CALLS);
  free(text);
}

static void *compute(void *context) {
  if (context != NULL) pthread_setname_np(pthread_self(), context);
  add_once();
  return NULL;
}

TN_TEST(trace_file, has_what_threads_did_that_have_ended) {
  start_trace();
  char name[] = "\"odd\\\n\xe4";
  pthread_t first, second;
  pthread_create(&first, NULL, compute, name);
  pthread_create(&second, NULL, compute, NULL);
  pthread_join(first, NULL);
  pthread_join(second, NULL);
  char *text = take_trace(), a[1024], b[1024];
  expect_in(text, "\"name\":\"\\\"odd\\\\\\u000a?\"");
  event_line(text, "add.Tensor", 0, a, sizeof a);
  event_line(text, "add.Tensor", 1, b, sizeof b);
  cr_assert_neq(number_in(a, "tid"), number_in(b, "tid"));
  free(text);
}

TN_TEST(trace_file, has_what_threads_did_that_are_still_there) {
  start_trace();
  enum { THREADS = 4 };
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, compute, NULL);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  add_once();
  char *text = end_trace();
  cr_assert_eq(count_of(text, "\"name\":\"add.Tensor\""), THREADS + 1);
  cr_assert_eq(count_of(text, "\"thread_name\""), THREADS + 1);
  free(text);
}

static int in_child(void (*body)(void)) {
  fflush(NULL);
  pid_t child = fork();
  cr_assert_neq(child, -1);
  if (child == 0) {
    body();
    exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TN_TEST(trace_file, is_written_where_a_program_just_ends) {
  start_trace();
  cr_assert_eq(in_child(add_once), 0);
  char *text = take_trace();
  cr_assert_eq(count_of(text, "\"name\":\"add.Tensor\""), 1);
  free(text);
}

static void nothing(void) {}

TN_TEST(trace_file, is_left_alone_by_the_child_of_a_fork) {
  start_trace();
  add_once();
  cr_assert_eq(in_child(nothing), 0);
  add_once();
  char *text = end_trace();
  cr_assert_eq(count_of(text, "\"name\":\"add.Tensor\""), 2);
  free(text);
}

TN_TEST(trace_file, may_be_named_by_the_process) {
  start_trace();
  char pattern[64], path[64];
  snprintf(pattern, sizeof pattern, "%s.%%p", trace_path);
  snprintf(path, sizeof path, "%s.%d", trace_path, (int)getpid());
  setenv("TENON_TRACE", pattern, 1);
  add_once();
  tn_shutdown();
  unlink(trace_path);
  char *text = read_text(path);
  cr_assert(json_is_valid(text));
  unlink(path);
  free(text);
}

// ---- where it cannot be ------------------------------------------------------------------------

TN_TEST(trace_file, that_cannot_be_written_is_an_error_once) {
  setenv("TENON_TRACE", "/nonexistent/folder/out.json", 1);
  tn_tensor *x = tn_from_data(TN_F32S(1), TN_SHAPE(1), TN_F32);
  cr_assert_null(tn_add(x, x));
  expect_error(TN_INVALID_ARGUMENT,
               "TENON_TRACE: '/nonexistent/folder/out.json' cannot be written");
  tn_tensor *sum = tn_add(x, x);
  expect_exactly(sum, 2);
  expect_ok();
  tn_release(sum);
  tn_release(x);
}

TN_TEST(trace_file, on_a_full_disk_costs_the_trace_and_nothing_else) {
  struct stat facts;
  if (stat("/dev/full", &facts) != 0) cr_skip_test("needs /dev/full");
  setenv("TENON_TRACE", "/dev/full", 1);
  for (int i = 0; i < 5000; i++) add_once();
  expect_ok();
  tn_shutdown();
}
