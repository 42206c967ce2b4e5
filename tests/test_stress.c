// SPDX-License-Identifier: Apache-2.0
//
// Everything at once: eight plain threads that load backends, compute on three devices, train,
// print, call by name, share weights between graphs and hand tensors to each other, all in the
// same moments. What each finds must be what one thread alone finds. The pool of threads is kept
// to one, so that no thread runtime's own hand-over hides a race or invents one; test_threads.c
// has the pool.

#include <pthread.h>
#include <stdlib.h>

#include "tensor_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

enum { THREADS = 8, ROUNDS = 20, ACTIVITIES = 10 };

static pthread_barrier_t start;
static char failures[THREADS][512];  // "" where all went well
static double losses[THREADS];

// Where each thread leaves a tensor that the next comer releases, whoever that is.
static pthread_mutex_t shelf_mutex = PTHREAD_MUTEX_INITIALIZER;
static tn_tensor *shelf[4];

// Read by every thread's graphs; nobody writes them.
static tn_tensor *shared_weight, *shared_bias;
static double shared_gradient;  // what one thread alone finds

static void note_failure(int index, const char *what) {
  if (failures[index][0] != '\0') return;
  snprintf(failures[index], sizeof failures[index], "%s: %s", what,
           tn_ok() ? "" : tn_error_peek()->message);
}

#define EXPECT(index, condition)                       \
  do {                                                 \
    if (!(condition)) note_failure(index, #condition); \
  } while (0)

static void on_threads(void *(*body)(void *)) {
  pthread_t threads[THREADS];
  static int indices[THREADS];
  pthread_barrier_init(&start, NULL, THREADS);
  for (int i = 0; i < THREADS; i++) {
    indices[i] = i;
    cr_assert_eq(pthread_create(&threads[i], NULL, body, &indices[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  pthread_barrier_destroy(&start);
  for (int i = 0; i < THREADS; i++) cr_assert_str_eq(failures[i], "", "thread %d", i);
}

static void list_three_backends(void) {
  setenv("TENON_NUM_THREADS", "1", 1);
  setenv("TENON_BACKENDS", "cpu,mine=" PLUGIN("abi_today") ",sim=" PLUGIN("sim"), 1);
}

// ---- what a thread does ------------------------------------------------------------------------

static void descend(tn_tensor *const *parameters, int count) {
  bool before = tn_grad_mode_set(false);
  for (int i = 0; i < count; i++) {
    tn_add_(parameters[i], tn_tensor_grad(parameters[i]), .alpha = tn_scalar_float(-0.1));
    tn_set_grad(parameters[i], NULL);
  }
  tn_grad_mode_set(before);
}

// Twenty steps of a two-layer classifier from fixed numbers; the last loss.
static double train(void) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_reshape(tn_sin(tn_arange(48, .dtype = TN_F32)), TN_SHAPE(16, 3));
  tn_tensor *y = tn_remainder_scalar(tn_arange(16), 2);
  tn_tensor *w1 = tn_reshape(tn_cos(tn_arange(24, .dtype = TN_F32)), TN_SHAPE(8, 3));
  tn_tensor *w2 = tn_reshape(tn_sin(tn_arange(16, .dtype = TN_F32)), TN_SHAPE(2, 8));
  tn_tensor *b1 = tn_zeros(TN_SHAPE(8)), *b2 = tn_zeros(TN_SHAPE(2));
  tn_tensor *parameters[] = {w1, w2, b1, b2};
  for (int i = 0; i < 4; i++) tn_requires_grad_(parameters[i], true);
  double loss = 0;
  for (int step = 0; step < 20; step++) {
    tn_scope *inner = tn_scope_open();
    tn_tensor *hidden = tn_relu(tn_linear(x, w1, b1));
    tn_tensor *cost = tn_cross_entropy_loss(tn_linear(hidden, w2, b2), y, TN_NONE);
    tn_backward(cost);
    loss = tn_item(cost);
    descend(parameters, 4);
    tn_scope_close(inner);
  }
  tn_scope_close(scope);
  return loss;
}

// A gradient through weights that the other threads' graphs use too.
static double differentiate_shared(void) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_ones(TN_SHAPE(4, 3), .dtype = TN_F64);
  tn_tensor *y = tn_sum(tn_tanh(tn_linear(x, shared_weight, shared_bias)));
  tn_list *grads = tn_grad(TN_TENSORS(y), TN_TENSORS(shared_weight, shared_bias));
  double value = grads == NULL ? NAN : tn_item(tn_sum(tn_list_at(grads, 0)));
  tn_scope_close(scope);
  return value;
}

static void drop_a_graph(int index) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *y = shared_weight;
  for (int i = 0; i < 200; i++) y = tn_mul_scalar(y, 1.0001);
  EXPECT(index, y != NULL);
  tn_scope_close(scope);
}

static void call_by_name(int index) {
  tn_scope *scope = tn_scope_open();
  const tn_op *op = tn_op_find("add.Tensor");
  tn_tensor *x = tn_full(TN_SHAPE(5), index, .dtype = TN_F32);
  const tn_value args[] = {tn_value_tensor(x), tn_value_tensor(x)};
  tn_value result = tn_value_none();
  EXPECT(index, tn_op_call(op, args, 2, &result) == TN_OK);
  EXPECT(index, tn_item(tn_select(result.as.tensor, 0, 4)) == 2 * index);
  tn_scope_close(scope);
}

static void print(int index) {
  char *text = tn_to_string(shared_weight, NULL);
  EXPECT(index, text != NULL && strstr(text, "tensor(") == text);
  free(text);
}

// On a device that computes before a call returns, and on one that lags behind.
static void compute_on(int index, const char *device) {
  tn_scope *scope = tn_scope_open();
  tn_device place = tn_device_parse(device);
  tn_tensor *x = tn_full(TN_SHAPE(7), 1.5, .dtype = TN_F32, .device = place);
  tn_tensor *y = tn_add(tn_mul(x, x), x);
  for (int i = 0; i < 10; i++) y = tn_add(y, x);
  EXPECT(index, tn_item(tn_to(tn_select(y, 0, 6), TN_DEVICE_CPU, TN_F64)) == 18.75);
  tn_scope_close(scope);
}

static void change_in_place(int index) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *own = tn_zeros(TN_SHAPE(3, 3), .dtype = TN_F64);
  for (int i = 0; i < 20; i++) {
    tn_add_scalar_(own, 1);
    tn_mul_(tn_select(own, 0, 1), tn_full(TN_SHAPE(3), 1, .dtype = TN_F64));
  }
  EXPECT(index, tn_item(tn_sum(own)) == 180);
  tn_scope_close(scope);
}

static void fail(int index) {
  EXPECT(index, tn_add(NULL, shared_weight) == NULL);
  EXPECT(index, tn_error_clear() == TN_INVALID_ARGUMENT);
  EXPECT(index, tn_device_parse("unicorn").type == 0);
  EXPECT(index, tn_error_clear() == TN_NOT_FOUND);
}

static void swap_on_shelf(int index, int round) {
  tn_tensor *given = tn_full(TN_SHAPE(1 + 40 * index), round, .dtype = TN_F32);
  EXPECT(index, given != NULL);
  pthread_mutex_lock(&shelf_mutex);
  tn_tensor *taken = shelf[(index + round) % 4];
  shelf[(index + round) % 4] = given;
  pthread_mutex_unlock(&shelf_mutex);
  tn_release(taken);
}

static void ask(int index) {
  char *report = tn_load_report(), *chain = tn_op_resolve("add.Tensor", TN_F32, TN_DEVICE_CPU);
  EXPECT(index, report != NULL && chain != NULL);
  free(report);
  free(chain);
  tn_memory_stats stats = {.struct_size = sizeof stats};
  tn_device sim = tn_device_parse("sim");
  EXPECT(index, tn_memory_stats_of(TN_DEVICE_CPU, &stats) == TN_OK);
  EXPECT(index, tn_memory_stats_of(sim, &stats) == TN_OK);
  EXPECT(index, tn_memory_empty_cache(sim) == TN_OK);
  EXPECT(index, tn_memory_empty_cache(TN_DEVICE_CPU) == TN_OK);
  char *holders = tn_memory_report(sim);
  EXPECT(index, holders != NULL);
  free(holders);
  EXPECT(index, tn_device_count("sim") > 0);
  EXPECT(index, tn_backend_count() >= 3);
}

// ---- the tests ---------------------------------------------------------------------------------

static void do_activity(int activity, int index, int round) {
  switch (activity) {
    case 0:
      losses[index] = train();
      break;
    case 1:
      EXPECT(index, differentiate_shared() == shared_gradient);
      break;
    case 2:
      drop_a_graph(index);
      break;
    case 3:
      call_by_name(index);
      break;
    case 4:
      print(index);
      break;
    case 5:
      compute_on(index, "mine");
      break;
    case 6:
      compute_on(index, "sim");
      break;
    case 7:
      change_in_place(index);
      break;
    case 8:
      fail(index);
      break;
    default:
      swap_on_shelf(index, round);
      ask(index);
  }
  EXPECT(index, tn_ok());
}

// Each thread begins elsewhere, so that every pair of activities meets.
static void *everything(void *context) {
  const int index = *(int *)context;
  pthread_barrier_wait(&start);
  for (int round = 0; round < ROUNDS; round++) {
    for (int turn = 0; turn < ACTIVITIES; turn++) {
      do_activity((turn + index + round) % ACTIVITIES, index, round);
    }
  }
  return NULL;
}

static void expect_losses_of_one_thread(void) {
  const double alone = train();
  expect_ok();
  for (int i = 0; i < THREADS; i++) cr_assert_eq(losses[i], alone, "thread %d", i);
}

TN_TEST(stress, eight_threads_do_everything_at_once) {
  list_three_backends();
  tn_scope *scope = tn_scope_open();
  shared_weight = tn_reshape(tn_arange(6, .dtype = TN_F64), TN_SHAPE(2, 3));
  shared_bias = tn_ones(TN_SHAPE(2), .dtype = TN_F64);
  tn_requires_grad_(shared_weight, true);
  tn_requires_grad_(shared_bias, true);
  shared_gradient = differentiate_shared();
  expect_ok();
  on_threads(everything);
  for (int i = 0; i < 4; i++) tn_release(shelf[i]);
  expect_losses_of_one_thread();
  tn_scope_close(scope);
}

// The first need of each backend is in the midst of the others' computing.
static void *from_nothing(void *context) {
  static const int firsts[THREADS] = {5, 6, 9, 3, 7, 0, 6, 5};
  const int index = *(int *)context;
  pthread_barrier_wait(&start);
  do_activity(firsts[index], index, 0);
  do_activity(0, index, 1);
  return NULL;
}

TN_TEST(stress, eight_threads_load_and_compute_from_nothing) {
  list_three_backends();
  on_threads(from_nothing);
  for (int i = 0; i < 4; i++) tn_release(shelf[i]);
  expect_losses_of_one_thread();
}

// Threads that come and go leave their caches, scopes and errors in order.
static void *short_life(void *context) {
  const int index = *(int *)context;
  pthread_barrier_wait(&start);
  tn_scope_open();
  EXPECT(index, tn_add(tn_ones(TN_SHAPE(3)), tn_ones(TN_SHAPE(3))) != NULL);
  compute_on(index, "sim");
  EXPECT(index, tn_add(tn_ones(TN_SHAPE(3)), tn_ones(TN_SHAPE(4))) == NULL);
  return NULL;  // the scope and the error are the thread's end's
}

TN_TEST(stress, threads_come_and_go) {
  list_three_backends();
  for (int i = 0; i < 10; i++) on_threads(short_life);
}
