// SPDX-License-Identifier: Apache-2.0
//
// The simulated accelerator through the public interface: what is computed there is what the cpu
// computes, bit for bit, and what only a device with a memory and a time of its own can get wrong
// is right. Each test is a process of its own, so it sets the environment before the first call.

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nn_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

// The first listed that owns a device has the default one. |lag| as TENON_SIM_LAG_US.
static void use_sim(const char *lag) {
  setenv("TENON_BACKENDS", "sim=" PLUGIN("sim") ",cpu", 1);
  setenv("TENON_SIM_LAG_US", lag, 1);
}

#define EVERY_JOB_LATE "4000"  // by 2 to 4 ms
#define SOME_JOBS_LATE "400/8"

static tn_device sim(int32_t index) { return tn_device_parse(index == 0 ? "sim:0" : "sim:1"); }

static tn_tensor *numbers(int64_t count, tn_device device) {
  return tn_linspace(1, count, count, .dtype = TN_F64, .device = device);
}

// ---- results -----------------------------------------------------------------------------------

TN_TEST(sim, computes_what_the_cpu_computes) {
  use_sim(EVERY_JOB_LATE);
  tn_scope *scope = tn_scope_open();
  tn_device device = tn_device_default();
  char name[16];
  cr_assert_str_eq(tn_device_name(device, name, sizeof name), "sim:0");
  cr_assert_eq(tn_device_count("sim"), 2);
  tn_tensor *x = tn_reshape(numbers(4, device), TN_SHAPE(2, 2));
  tn_tensor *y = tn_mul(tn_add(x, x), tn_transpose(x, 0, 1));
  expect_exactly(y, 2, 12, 12, 32);
  expect_exactly(tn_sum(y), 58);
  tn_scope_close(scope);
}

TN_TEST(sim, has_memory_that_the_host_is_not_given) {
  use_sim("0");
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = numbers(4, sim(0));
  cr_assert_null(tn_tensor_data(x));
  expect_error(TN_INVALID_ARGUMENT, "sim:0");
  cr_assert_null(tn_tensor_const_data(x));
  expect_error(TN_INVALID_ARGUMENT, "sim:0");
  tn_scope_close(scope);
}

TN_TEST(sim, is_waited_for_by_whoever_reads) {
  use_sim(EVERY_JOB_LATE);
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = numbers(4, sim(0));
  char *text = tn_to_string(tn_neg(x), NULL);
  cr_assert_str_eq(text, "tensor([-1., -2., -3., -4.], device='sim:0', dtype=torch.float64)");
  free(text);
  cr_assert_eq(tn_item(tn_mul(tn_select(x, 0, 3), tn_select(x, 0, 2))), 12.0);
  expect_exactly(tn_slice(tn_exp(tn_mul_scalar(x, 0)), .step = {2, 1}), 1, 1);
  expect_exactly(tn_to(tn_square(x), TN_DEVICE_CPU, TN_F32), 1, 4, 9, 16);
  char path[] = "/tmp/tenon_sim_XXXXXX";
  close(mkstemp(path));
  cr_assert_eq(tn_npy_save(tn_sqrt(x), path), TN_OK);
  expect_values(tn_npy_load(path), (double[]){1, 1.4142135623730951, 1.7320508075688772, 2}, 4, 0);
  unlink(path);
  tn_scope_close(scope);
}

TN_TEST(sim, needs_nothing_of_a_call_once_it_has_returned) {
  use_sim(EVERY_JOB_LATE);
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = numbers(6, sim(0));
  char *mode = strdup("floor");
  tn_tensor *halves = tn_div_mode(x, tn_full(TN_NO_DIMS, 4, .dtype = TN_F64), mode);
  memset(mode, 'x', strlen(mode));
  free(mode);
  int64_t *dims = malloc(2 * sizeof *dims);
  dims[0] = 1;
  dims[1] = 0;
  tn_ints rows = tn_ints_of(dims + 1, 1), both = tn_ints_of(dims, 2);
  tn_tensor *table = tn_reshape(x, TN_SHAPE(2, 3));
  tn_tensor *sums = tn_sum_dim(table, rows), *flipped = tn_flip(table, both);
  memset(dims, 0xff, 2 * sizeof *dims);
  free(dims);
  expect_exactly(halves, 0, 0, 0, 1, 1, 1);
  expect_exactly(sums, 5, 7, 9);
  expect_exactly(flipped, 6, 5, 4, 3, 2, 1);
  tn_scope_close(scope);
}

TN_TEST(sim, may_lose_an_operand_as_soon_as_the_call_returns) {
  use_sim(SOME_JOBS_LATE);
  tn_tensor *total = tn_zeros(TN_SHAPE(1000), .dtype = TN_F64);
  for (int i = 1; i <= 50; i++) {
    tn_tensor *x = tn_full(TN_SHAPE(1000), i, .dtype = TN_F64), *y = tn_mul_scalar(x, 2);
    tn_release(x);
    cr_assert_eq(tn_add_(total, y), TN_OK);
    tn_release(y);
  }
  tn_tensor *sum = tn_sum(total);
  cr_assert_eq(tn_item(sum), 1000.0 * 2 * 50 * 51 / 2);
  tn_release(sum);
  tn_release(total);
}

TN_TEST(sim, draws_the_numbers_that_the_cpu_draws) {
  use_sim(SOME_JOBS_LATE);
  tn_scope *scope = tn_scope_open();
  tn_tensor *drawn[2];
  for (int i = 0; i < 2; i++) {
    tn_manual_seed(5);
    drawn[i] = tn_to(tn_randn(TN_SHAPE(100), .device = i == 0 ? TN_DEVICE_CPU : sim(0)),
                     TN_DEVICE_CPU, TN_DTYPE_NONE);
  }
  cr_assert(tn_item(tn_all(tn_eq(drawn[0], drawn[1]))) == 1.0);
  tn_scope_close(scope);
}

// ---- faults ------------------------------------------------------------------------------------

TN_TEST(sim, reports_what_failed_later_with_the_operators_name) {
  use_sim(EVERY_JOB_LATE);
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = numbers(3, sim(0));
  tn_tensor *beyond = tn_full(TN_SHAPE(2), 7, .dtype = TN_I64);
  tn_tensor *rows = tn_index_select(x, 0, beyond);
  cr_assert_not_null(rows, "that the index is wrong is known only later");
  tn_tensor *later = tn_add(rows, rows);
  cr_assert_eq(tn_device_synchronize(sim(0)), TN_OUT_OF_RANGE);
  cr_assert_str_eq(tn_error_peek()->op, "index_select");
  expect_error(TN_OUT_OF_RANGE, "index 7 is out of range");
  cr_assert_eq(tn_device_synchronize(sim(0)), TN_OK, "a fault is reported once");
  expect_exactly(tn_add(x, x), 2, 4, 6);
  expect_shape(later, TN_SHAPE(2));
  tn_scope_close(scope);
}

TN_TEST(sim, reports_a_fault_where_a_result_is_read) {
  use_sim(EVERY_JOB_LATE);
  setenv("TENON_SIM_FAULT", "mul.Tensor:2", 1);
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = numbers(3, sim(0));
  expect_exactly(tn_mul(x, x), 1, 4, 9);
  tn_tensor *y = tn_sum(tn_exp(tn_mul(x, x)));
  cr_assert_not_null(y);
  tn_item(y);
  cr_assert_str_eq(tn_error_peek()->op, "mul.Tensor");
  expect_error(TN_INTERNAL, "a fault was injected");
  expect_exactly(tn_mul(x, x), 1, 4, 9);
  tn_scope_close(scope);
}

TN_TEST(sim, out_of_memory_is_an_error_that_goes_away) {
  use_sim("0");
  setenv("TENON_SIM_MEMORY", "8388608", 1);
  tn_tensor *held[64] = {NULL};
  int count = 0;
  while (count < 64) {
    held[count] = tn_zeros(TN_SHAPE(1 << 18), .dtype = TN_F32);
    if (held[count] == NULL) break;
    count++;
  }
  cr_assert(count >= 4 && count <= 8, "%d tensors of 1 MiB in 8 MiB", count);
  expect_error(TN_OUT_OF_MEMORY, "sim:0");
  tn_tensor *elsewhere = tn_zeros(TN_SHAPE(1 << 18), .device = sim(1));
  cr_assert_not_null(elsewhere, "the other device has memory of its own");
  tn_release(elsewhere);
  for (int i = 0; i < count; i++) tn_release(held[i]);
  tn_tensor *again = tn_zeros(TN_SHAPE(1 << 19), .dtype = TN_F32), *sum = tn_sum(again);
  cr_assert_eq(tn_item(sum), 0.0);
  expect_ok();
  tn_release(sum);
  tn_release(again);
}

// ---- two devices -------------------------------------------------------------------------------

TN_TEST(sim, keeps_its_devices_apart) {
  use_sim(EVERY_JOB_LATE);
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = numbers(3, sim(0)), *b = numbers(3, sim(1));
  cr_assert_null(tn_add(a, b));
  expect_error(TN_DEVICE_MISMATCH, "sim:1");
  tn_scope_close(scope);
}

TN_TEST(sim, copies_between_its_devices_in_order) {
  use_sim(EVERY_JOB_LATE);
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = numbers(1000, sim(0));
  for (int i = 0; i < 6; i++) {
    tn_tensor *there = tn_to(tn_add_scalar(x, 1), sim((i + 1) % 2), TN_DTYPE_NONE);
    cr_assert_eq(tn_mul_scalar_(x, 0), TN_OK);  // what was copied must not change
    x = there;
  }
  cr_assert_eq(tn_item(tn_sum(x)), 1000.0 * 1001 / 2 + 6 * 1000);
  tn_scope_close(scope);
}

typedef struct side {
  int32_t index;
  double sum;
  bool ok;
} side;

static void *count_up(void *closure) {
  side *own = closure;
  tn_tensor *x = tn_zeros(TN_SHAPE(300), .dtype = TN_F64, .device = sim(own->index % 2));
  for (int i = 0; i < 40; i++) {
    tn_tensor *step =
        tn_full(TN_SHAPE(300), own->index + i, .dtype = TN_F64, .device = sim(own->index % 2));
    tn_add_(x, step);
    tn_release(step);
  }
  tn_tensor *sum = tn_sum(x);
  own->sum = tn_item(sum);
  own->ok = tn_ok();
  tn_release(sum);
  tn_release(x);
  return NULL;
}

TN_TEST(sim, serves_threads_on_both_devices) {
  use_sim(SOME_JOBS_LATE);
  enum { THREADS = 4 };
  pthread_t threads[THREADS];
  side sides[THREADS];
  for (int32_t i = 0; i < THREADS; i++) {
    sides[i] = (side){.index = i};
    cr_assert_eq(pthread_create(&threads[i], NULL, count_up, &sides[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    cr_assert(sides[i].ok, "thread %d", i);
    cr_assert_eq(sides[i].sum, 300.0 * (40 * i + 39 * 40 / 2));
  }
}

// ---- streams -----------------------------------------------------------------------------------

TN_TEST(sim, orders_streams_by_events) {
  use_sim(EVERY_JOB_LATE);
  tn_scope *scope = tn_scope_open();
  tn_device device = sim(0);
  tn_stream *side_stream = tn_stream_new(device, 0);
  tn_event *ready = tn_event_new(device, false);
  cr_assert_not_null(side_stream);
  tn_tensor *x = numbers(3, device);
  for (int i = 0; i < 5; i++) cr_assert_eq(tn_add_scalar_(x, 1), TN_OK);
  cr_assert_eq(tn_event_record(ready, NULL), TN_OK);
  cr_assert_eq(tn_stream_wait_event(side_stream, ready), TN_OK);
  tn_stream *before = tn_stream_retain(tn_stream_current(device));
  cr_assert_eq(tn_stream_set_current(side_stream), TN_OK);
  expect_exactly(tn_mul_scalar(x, 10), 60, 70, 80);
  cr_assert_eq(tn_stream_set_current(before), TN_OK);
  tn_scope_close(scope);
  tn_stream_release(before);
  tn_stream_release(side_stream);
  tn_event_release(ready);
}

// ---- the end -----------------------------------------------------------------------------------

TN_TEST(sim, finishes_its_work_at_shutdown) {
  use_sim(EVERY_JOB_LATE);
  tn_tensor *x = numbers(3, sim(0)), *y = tn_add(x, x);
  tn_shutdown();
  cr_assert_null(tn_add(x, x));
  expect_error(TN_WRONG_STATE, "tn_shutdown");
  tn_release(x);
  tn_release(y);
}

TN_TEST(sim, loses_nothing_to_a_forked_child) {
  use_sim(EVERY_JOB_LATE);
  tn_tensor *x = numbers(1 << 18, sim(0)), *y = tn_add(x, x);
  pid_t child = fork();
  if (child == 0) {
    tn_release(y);
    tn_release(x);
    _exit(tn_zeros(TN_SHAPE(1)) == NULL ? 0 : 1);
  }
  int status = -1;
  cr_assert_eq(waitpid(child, &status, 0), child);
  cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  tn_tensor *sum = tn_sum(y);
  cr_assert_eq(tn_item(sum), (double)(1 << 18) * ((1 << 18) + 1));
  tn_release(sum);
  tn_release(y);
  tn_release(x);
}

// ---- training ----------------------------------------------------------------------------------

enum { STEPS = 12, ROWS = 48, INPUTS = 20, CLASSES = 5 };

typedef struct training {
  double losses[STEPS];
  float weights[CLASSES * 32];
} training;

static tn_module *classifier(tn_device device) {
  return tn_nn_sequential(TN_MODULES(tn_nn_linear(INPUTS, 32, .device = device), tn_nn_gelu(),
                                     tn_nn_dropout(0.2),
                                     tn_nn_linear(32, CLASSES, .device = device)));
}

// The loss of every step, and the last layer's weights at the end.
static training train(tn_device device) {
  training result = {0};
  tn_scope *scope = tn_scope_open();
  tn_manual_seed(11);
  tn_tensor *x =
      tn_to(tn_randn(TN_SHAPE(ROWS, INPUTS), .device = TN_DEVICE_CPU), device, TN_DTYPE_NONE);
  tn_tensor *y =
      tn_to(tn_randint(0, CLASSES, TN_SHAPE(ROWS), .device = TN_DEVICE_CPU), device, TN_DTYPE_NONE);
  tn_manual_seed(12);  // each device has a generator
  tn_module *model = classifier(device);
  tn_optim *optim = tn_optim_adamw(tn_module_parameters(model), .lr = 0.01);
  for (int i = 0; i < STEPS; i++) {
    tn_scope *step = tn_scope_open();
    tn_tensor *loss = tn_cross_entropy(tn_module_forward(model, x), y);
    tn_optim_zero_grad(optim);
    cr_assert_eq(tn_backward(loss), TN_OK, "%s", tn_ok() ? "" : tn_error_peek()->message);
    cr_assert_eq(tn_clip_grad_norm(tn_module_parameters(model), 1, NULL), TN_OK);
    cr_assert_eq(tn_optim_step(optim), TN_OK);
    result.losses[i] = tn_item(loss);
    tn_scope_close(step);
  }
  cr_assert_eq(tn_copy_to_host(tn_module_tensor_at(model, "3.weight"), result.weights,
                               sizeof result.weights, TN_F32),
               TN_OK);
  tn_optim_release(optim);
  tn_module_release(model);
  tn_scope_close(scope);
  expect_ok();
  return result;
}

TN_TEST(sim, trains_to_the_bits_of_the_cpu) {
  use_sim(SOME_JOBS_LATE);
  training here = train(TN_DEVICE_CPU), there = train(sim(1));
  cr_assert_lt(here.losses[STEPS - 1], here.losses[0] * 0.9);
  for (int i = 0; i < STEPS; i++) {
    cr_assert(here.losses[i] == there.losses[i], "step %d: %.17g and %.17g", i, here.losses[i],
              there.losses[i]);
  }
  const size_t weight_count = sizeof here.weights / sizeof here.weights[0];
  for (size_t i = 0; i < weight_count; i++) cr_assert_eq(here.weights[i], there.weights[i]);
}

// ---- the device that does nothing --------------------------------------------------------------

TN_TEST(null, copies_and_computes_nothing) {
  setenv("TENON_BACKENDS", "null=" PLUGIN("null") ",cpu", 1);
  tn_scope *scope = tn_scope_open();
  tn_device device = tn_device_parse("null");
  tn_tensor *x = tn_to(doubles(TN_SHAPE(2), (double[]){1, 2}), device, TN_DTYPE_NONE);
  expect_exactly(x, 1, 2);
  cr_assert_eq(tn_add_(x, x), TN_OK);
  expect_exactly(x, 1, 2);
  tn_tensor *image = tn_empty(TN_SHAPE(1, 1, 4, 4), .device = device);
  tn_tensor *weight = tn_empty(TN_SHAPE(1, 1, 2, 2), .device = device);
  expect_shape(tn_conv2d(image, weight, TN_NONE), TN_SHAPE(1, 1, 3, 3));
  tn_scope_close(scope);
}
