// SPDX-License-Identifier: Apache-2.0
//
// Memory that runs out at any one place. Each case is run again and again with its first, second,
// third ... allocation failing, until none of its allocations is left to fail. Every run must end
// in success or in OUT_OF_MEMORY, and the same call must work right afterwards; under the address
// sanitizer, where every block is an allocation of its own, nothing may have leaked.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <tenon/testing.h>
#include <unistd.h>

#include "tensor_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"
#define FIRST_OF(list) tn_list_at(list, 0)

enum { MOST_ALLOCATIONS = 20000 };

typedef struct failing_case {
  const char *name;
  bool (*run)(void);  // whether all went well; nothing that it makes outlives it
} failing_case;

#define CASE(name) \
  { #name, name }

// Operands that every case may read, and those that it may change or differentiate.
static tn_tensor *x, *row, *integers, *half, *strided, *leaf, *weight, *bias, *target, *image,
    *filter;

static void make_operands(void) {
  x = tn_from_data(TN_F32S(1, 2, 3, 4, 5, 6), TN_SHAPE(2, 3), TN_F32);
  row = tn_from_data(TN_F32S(10, 20, 30), TN_SHAPE(3), TN_F32);
  integers = tn_from_data(((const int64_t[]){1, 0}), TN_SHAPE(2), TN_I64);
  target = tn_from_data(((const int64_t[]){2, 0}), TN_SHAPE(2), TN_I64);
  half = tn_to(x, TN_DEVICE_DEFAULT, TN_F16);
  strided = tn_transpose(x, 0, 1);
  leaf = tn_clone(x);
  weight = tn_mul_scalar(tn_reshape(tn_arange(tn_scalar_int(12), .dtype = TN_F32), TN_SHAPE(4, 3)),
                         0.125);
  bias = tn_from_data(TN_F32S(1, 2, 3, 4), TN_SHAPE(4), TN_F32);
  image = tn_reshape(tn_arange(tn_scalar_int(32), .dtype = TN_F32), TN_SHAPE(1, 2, 4, 4));
  filter = tn_ones(TN_SHAPE(3, 2, 3, 3));
  tn_tensor *learnt[] = {leaf, weight, bias, filter};
  for (int i = 0; i < 4; i++) tn_requires_grad_(learnt[i], true);
  expect_ok();
}

static void drop_gradients(void) {
  tn_tensor *learnt[] = {leaf, weight, bias, filter};
  for (int i = 0; i < 4; i++) tn_set_grad(learnt[i], NULL);
}

// Runs |c| with its |nth| allocation failing; whether that allocation was made.
static bool run_failing(const failing_case *c, int64_t nth) {
  tn_scope *scope = tn_scope_open();
  cr_assert_not_null(scope);
  tn_testing_fail_allocation(nth);
  bool well = c->run();
  const bool failed = tn_testing_allocation_failed();
  tn_testing_fail_allocation(0);
  const tn_error *error = tn_error_peek();
  cr_assert(well == (error == NULL), "%s, allocation %d: %s, but %s", c->name, (int)nth,
            well ? "all went well" : "it failed", error == NULL ? "no error" : error->message);
  cr_assert(error == NULL || error->status == TN_OUT_OF_MEMORY, "%s, allocation %d: %s", c->name,
            (int)nth, error == NULL ? "" : error->message);
  cr_assert(failed || well, "%s: %s, without a failure of memory", c->name,
            error == NULL ? "" : error->message);
  tn_error_clear();
  tn_scope_close(scope);
  return failed;
}

// The same without a failure.
static void run_whole(const failing_case *c, int64_t nth) {
  tn_scope *scope = tn_scope_open();
  const bool well = c->run();
  cr_assert(well && tn_ok(), "%s after a failure of allocation %d: %s", c->name, (int)nth,
            tn_ok() ? "no error" : tn_error_peek()->message);
  tn_scope_close(scope);
}

static void survive(const failing_case *cases, size_t count) {
  tn_scope *scope = tn_scope_open();
  make_operands();
  for (size_t i = 0; i < count; i++) {
    run_whole(&cases[i], 0);  // whatever is made once in a process
    int64_t nth = 1;
    while (run_failing(&cases[i], nth)) {
      run_whole(&cases[i], nth);
      cr_assert(nth++ < MOST_ALLOCATIONS, "%s allocates without end", cases[i].name);
    }
  }
  drop_gradients();
  tn_scope_close(scope);
}

#define SURVIVE(cases) survive(cases, sizeof(cases) / sizeof((cases)[0]))

// ---- dispatch ----------------------------------------------------------------------------------

static bool same_shapes(void) { return tn_add(x, x) != NULL; }
static bool broadcast(void) { return tn_mul(x, row) != NULL; }
static bool mixed(void) { return tn_add(half, row) != NULL; }
static bool scalar(void) { return tn_add_scalar(x, 2.5) != NULL; }
static bool strided_operand(void) { return tn_mm(strided, x) != NULL; }
static bool made_contiguous(void) { return tn_contiguous(strided) != NULL; }
static bool cast(void) { return tn_to(x, TN_DEVICE_DEFAULT, TN_F64) != NULL; }
static bool reduction(void) { return tn_sum_dim(x, TN_SHAPE(0)) != NULL; }
static bool whole_reduction(void) { return tn_mean(x) != NULL; }
static bool composite(void) { return tn_linear(x, weight, bias) != NULL; }
static bool loss(void) { return tn_cross_entropy_loss(x, target, TN_NONE) != NULL; }
static bool view(void) { return tn_view_shape(x, TN_SHAPE(3, 2)) != NULL; }
static bool product(void) { return tn_matmul(x, row) != NULL; }
static bool random_numbers(void) { return tn_randn(TN_SHAPE(3, 5)) != NULL; }
static bool convolution(void) { return tn_conv2d(image, filter, TN_NONE) != NULL; }

static bool two_results(void) {
  tn_tensor *indices = NULL;
  return tn_max_dim(x, 1, &indices) != NULL && indices != NULL;
}

static bool list_result(void) {
  tn_list *parts = tn_split(x, 1);
  return parts != NULL && tn_add(tn_list_at(parts, 0), tn_list_at(parts, 1)) != NULL;
}

static bool list_operand(void) {
  return tn_cat(TN_TENSORS(x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x)) != NULL;
}

static bool in_place(void) {
  tn_tensor *own = tn_clone(x);
  if (own == NULL) return false;
  return tn_add_(own, row) == TN_OK && tn_mul_(own, own) == TN_OK;
}

static bool in_place_overlapping(void) {
  tn_tensor *own = tn_clone(tn_mm(strided, x));
  return own != NULL && tn_add_(own, tn_transpose(own, 0, 1)) == TN_OK;
}

static bool into_another(void) {
  tn_tensor *own = tn_empty(TN_SHAPE(2, 3), .dtype = TN_F64);
  return own != NULL && tn_add_out(own, x, row) == TN_OK;
}

static bool by_name(void) {
  const tn_value args[] = {tn_value_tensor(x), tn_value_tensor(row)};
  tn_value result = tn_value_none();
  return tn_op_call(tn_op_find("add.Tensor"), args, 2, &result) == TN_OK &&
         result.as.tensor != NULL;
}

static bool by_name_a_list(void) {
  const tn_value args[] = {tn_value_tensor(x), tn_value_int(1)};
  tn_value result = tn_value_none();
  return tn_op_call(tn_op_find("split.Tensor"), args, 2, &result) == TN_OK;
}

static bool scopes(void) {
  tn_scope *inner = tn_scope_open();
  if (inner == NULL) return false;
  bool well = true;
  for (int i = 0; i < 100 && well; i++) well = tn_add(x, row) != NULL;
  tn_tensor *kept = well ? tn_escape(tn_add(x, x)) : NULL;
  tn_scope_close(inner);
  return kept != NULL;
}

static bool outside_of_scopes(void) {
  tn_tensor *a = tn_retain(x);
  tn_release(a);
  return true;
}

TN_TEST(allocation_failure, in_a_call_is_out_of_memory) {
  static const failing_case cases[] = {
      CASE(same_shapes),
      CASE(broadcast),
      CASE(mixed),
      CASE(scalar),
      CASE(strided_operand),
      CASE(made_contiguous),
      CASE(cast),
      CASE(reduction),
      CASE(whole_reduction),
      CASE(composite),
      CASE(loss),
      CASE(view),
      CASE(product),
      CASE(random_numbers),
      CASE(convolution),
      CASE(two_results),
      CASE(list_result),
      CASE(list_operand),
      CASE(in_place),
      CASE(in_place_overlapping),
      CASE(into_another),
      CASE(by_name),
      CASE(by_name_a_list),
      CASE(scopes),
      CASE(outside_of_scopes),
  };
  SURVIVE(cases);
}

// An operand that a call changes in place is as it was when the call fails.
TN_TEST(allocation_failure, in_place_leaves_the_operand_as_it_was) {
  tn_scope *scope = tn_scope_open();
  make_operands();
  tn_tensor *own = tn_clone(x);
  for (int64_t nth = 1; nth < MOST_ALLOCATIONS; nth++) {
    tn_testing_fail_allocation(nth);
    tn_status status = tn_add_(own, tn_transpose(strided, 0, 1));
    bool failed = tn_testing_allocation_failed();
    tn_testing_fail_allocation(0);
    tn_error_clear();
    const float *values = tn_tensor_const_data(own);
    for (int i = 0; i < 6; i++) {
      cr_assert_eq(values[i], status == TN_OK ? 2.0f * (float)(i + 1) : (float)(i + 1));
    }
    if (!failed) break;
    if (status == TN_OK) own = tn_clone(x);
  }
  tn_scope_close(scope);
}

// ---- gradients ---------------------------------------------------------------------------------

static bool recorded(void) { return tn_mul(leaf, x) != NULL; }

static bool backward(void) {
  drop_gradients();
  tn_tensor *y = tn_linear(tn_relu(leaf), weight, bias);
  return tn_backward(tn_cross_entropy_loss(y, target, TN_NONE)) == TN_OK;
}

static bool backward_twice(void) {
  drop_gradients();
  tn_tensor *y = tn_sum(tn_mul(leaf, leaf));
  return tn_backward(y, .retain_graph = true) == TN_OK && tn_backward(y) == TN_OK;
}

static bool backward_of_convolution(void) {
  drop_gradients();
  tn_tensor *y = tn_max_pool2d(tn_conv2d(image, filter, TN_NONE), TN_SHAPE(2, 2));
  return tn_backward(tn_sum(y)) == TN_OK;
}

static bool gradient_of_gradient(void) {
  tn_tensor *y = tn_sum(tn_mul(tn_mul(leaf, leaf), leaf));
  tn_list *first = tn_grad(TN_TENSORS(y), TN_TENSORS(leaf), .create_graph = true);
  if (first == NULL) return false;
  tn_list *second = tn_grad(TN_TENSORS(tn_sum(FIRST_OF(first))), TN_TENSORS(leaf));
  return second != NULL && FIRST_OF(second) != NULL;
}

static bool gradients_of_several(void) {
  tn_tensor *y = tn_linear(leaf, weight, bias);
  tn_list *grads = tn_grad(TN_TENSORS(tn_sum(y)), TN_TENSORS(leaf, weight, bias));
  return grads != NULL && tn_list_count(grads) == 3;
}

static bool in_place_on_a_view(void) {
  tn_tensor *y = tn_mul(leaf, row);
  tn_tensor *part = tn_select(y, 0, 1), *sibling = tn_select(y, 1, 0);
  if (part == NULL || sibling == NULL) return false;
  if (tn_mul_(part, row) != TN_OK) return false;
  drop_gradients();
  return tn_backward(tn_add(tn_sum(y), tn_sum(sibling))) == TN_OK;
}

static bool kept_gradient(void) {
  drop_gradients();
  tn_tensor *y = tn_mul(leaf, row);
  if (y == NULL || tn_retain_grad(y) != TN_OK) return false;
  return tn_backward(tn_sum(y)) == TN_OK && tn_tensor_grad(y) != NULL;
}

static tn_tensor *doubled(void *context, tn_tensor *grad) {
  (void)context;
  return tn_add(grad, grad);
}
static int hooks_deleted;
static void count_deleted(void *context) {
  (void)context;
  hooks_deleted++;
}

static bool hook(void) {
  drop_gradients();
  tn_tensor *y = tn_mul(leaf, row);
  if (y == NULL || tn_register_hook(y, doubled, NULL, count_deleted) == 0) return false;
  return tn_backward(tn_sum(y)) == TN_OK;
}

static tn_status square_forward(void *context, tn_custom_call *call, tn_tensor *const *inputs,
                                tn_tensor **outputs) {
  (void)context;
  if (tn_custom_save(call, inputs[0]) != TN_OK) return TN_OUT_OF_MEMORY;
  outputs[0] = tn_mul(inputs[0], inputs[0]);
  return outputs[0] == NULL ? TN_OUT_OF_MEMORY : TN_OK;
}

static tn_status square_backward(void *context, tn_custom_call *call,
                                 tn_tensor *const *grad_outputs, tn_tensor **grad_inputs) {
  (void)context;
  grad_inputs[0] = tn_mul_scalar(tn_mul(grad_outputs[0], tn_custom_saved(call, 0)), 2);
  return grad_inputs[0] == NULL ? TN_OUT_OF_MEMORY : TN_OK;
}

static bool custom_function(void) {
  static const tn_custom_function square = {"square", square_forward, square_backward, NULL};
  drop_gradients();
  tn_list *results = tn_custom_apply(&square, NULL, TN_TENSORS(leaf), 1);
  return results != NULL && tn_backward(tn_sum(FIRST_OF(results))) == TN_OK;
}

static tn_tensor *squares(void *context, tn_tensors inputs) {
  (void)context;
  return tn_sum(tn_mul(inputs.data[0], inputs.data[0]));
}

static bool gradcheck(void) {
  tn_tensor *point = tn_from_data(((const double[]){0.5, 1.5}), TN_SHAPE(2), TN_F64);
  if (point == NULL || tn_requires_grad_(point, true) != TN_OK) return false;
  return tn_gradcheck(squares, NULL, TN_TENSORS(point), NULL) == TN_OK;
}

TN_TEST(allocation_failure, in_a_gradient_is_out_of_memory) {
  static const failing_case cases[] = {
      CASE(recorded),
      CASE(backward),
      CASE(backward_twice),
      CASE(backward_of_convolution),
      CASE(gradient_of_gradient),
      CASE(gradients_of_several),
      CASE(in_place_on_a_view),
      CASE(kept_gradient),
      CASE(hook),
      CASE(custom_function),
      CASE(gradcheck),
  };
  SURVIVE(cases);
}

// A backward pass that fails leaves no half of a gradient: each leaf's is whole or absent.
TN_TEST(allocation_failure, in_backward_leaves_whole_gradients) {
  tn_scope *scope = tn_scope_open();
  make_operands();
  bool failed = true;
  for (int64_t nth = 1; failed; nth++) {
    drop_gradients();
    tn_scope *step = tn_scope_open();
    tn_tensor *y = tn_sum(tn_add(tn_mul(leaf, row), tn_mul(leaf, row)));
    tn_testing_fail_allocation(nth);
    tn_backward(y);
    failed = tn_testing_allocation_failed();
    tn_testing_fail_allocation(0);
    tn_error_clear();
    tn_scope_close(step);
    tn_tensor *grad = tn_tensor_grad(leaf);
    if (grad == NULL) continue;
    const float *values = tn_tensor_const_data(grad);
    for (int i = 0; i < 6; i++) cr_assert_eq(values[i], 20.0f * (float)(i % 3 + 1));
  }
  cr_assert_not_null(tn_tensor_grad(leaf));
  drop_gradients();
  tn_scope_close(scope);
}

// ---- in and out --------------------------------------------------------------------------------

static char npy_path[64];

static bool printed(void) {
  char *text = tn_to_string(x, NULL);
  free(text);
  return text != NULL;
}

static bool saved_and_loaded(void) {
  if (tn_npy_save(strided, npy_path) != TN_OK) return false;
  return tn_npy_load(npy_path) != NULL && tn_npy_map(npy_path, false) != NULL;
}

static struct DLManagedTensorVersioned *imported;

static bool through_dlpack(void) {
  struct DLManagedTensorVersioned *managed = tn_to_dlpack(x);
  if (managed == NULL) return false;
  tn_tensor *back = tn_from_dlpack(managed);
  if (back != NULL) return true;
  imported = managed;  // a failed import leaves it here
  return false;
}

static float blob[6];
static bool from_memory(void) {
  return tn_from_blob(blob, TN_SHAPE(2, 3), TN_SHAPE(3, 1), TN_F32, NULL, NULL) != NULL &&
         tn_from_data(blob, TN_SHAPE(6), TN_F32) != NULL;
}

static bool read_out(void) {
  double values[6];
  return tn_copy_to_host(strided, values, sizeof values, TN_F64) == TN_OK && values[1] == 4 &&
         tn_item(tn_select(row, 0, 2)) == 30;
}

static bool resolved(void) {
  char *chain = tn_op_resolve("add.Tensor", TN_F32, TN_DEVICE_CPU);
  free(chain);
  return chain != NULL;
}

static bool reported(void) {
  char *report = tn_load_report();
  free(report);
  return report != NULL;
}

TN_TEST(allocation_failure, on_the_way_in_or_out_is_out_of_memory) {
  snprintf(npy_path, sizeof npy_path, "/tmp/tenon_failing_%d.npy", (int)getpid());
  static const failing_case cases[] = {
      CASE(printed),  CASE(saved_and_loaded), CASE(from_memory),
      CASE(read_out), CASE(resolved),         CASE(reported),
  };
  SURVIVE(cases);
  unlink(npy_path);
}

TN_TEST(allocation_failure, in_a_dlpack_import_leaves_the_tensor_with_the_caller) {
  tn_scope *scope = tn_scope_open();
  make_operands();
  bool failed = true;
  for (int64_t nth = 1; failed; nth++) {
    imported = NULL;
    tn_testing_fail_allocation(nth);
    const bool well = through_dlpack();
    failed = tn_testing_allocation_failed();
    tn_testing_fail_allocation(0);
    cr_assert(well ? tn_ok() : failed && tn_error_clear() == TN_OUT_OF_MEMORY);
    if (imported != NULL) cr_assert_not_null(tn_from_dlpack(imported));
  }
  tn_scope_close(scope);
}

// A mistake that cannot be described for want of memory is still an error.
TN_TEST(allocation_failure, while_an_error_is_recorded_is_still_an_error) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = tn_ones(TN_SHAPE(2)), *b = tn_ones(TN_SHAPE(3));
  bool failed = true;
  for (int64_t nth = 1; failed; nth++) {
    tn_testing_fail_allocation(nth);
    cr_assert_null(tn_add(a, b));
    failed = tn_testing_allocation_failed();
    tn_testing_fail_allocation(0);
    const tn_status status = tn_error_clear();
    cr_assert(status == TN_INVALID_ARGUMENT || (failed && status == TN_OUT_OF_MEMORY));
  }
  tn_scope_close(scope);
}

// ---- streams and memory ------------------------------------------------------------------------

static tn_device lagging;

static bool stream_of_its_own(void) {
  tn_stream *stream = tn_stream_new(lagging, 0);
  if (stream == NULL) return false;
  bool well = tn_stream_set_current(stream) == TN_OK;
  tn_tensor *one = tn_ones(TN_SHAPE(3), .device = lagging);
  well = well && tn_add(one, one) != NULL && tn_stream_synchronize(stream) == TN_OK;
  well = tn_stream_set_current(tn_stream_default(lagging)) == TN_OK && well;
  tn_stream_release(stream);
  return well;
}

static bool event(void) {
  tn_stream *stream = tn_stream_default(lagging);
  tn_event *first = tn_event_new(lagging, true), *second = tn_event_new(lagging, true);
  double elapsed_ms = -1;
  bool well = first != NULL && second != NULL && tn_event_record(first, stream) == TN_OK &&
              tn_event_record(second, stream) == TN_OK && tn_event_synchronize(second) == TN_OK &&
              tn_event_elapsed_ms(first, second, &elapsed_ms) == TN_OK && elapsed_ms >= 0;
  tn_event_release(first);
  tn_event_release(second);
  return well;
}

static bool there_and_back(void) {
  tn_tensor *there = tn_to(x, lagging, TN_F64);
  tn_tensor *back = tn_to(tn_mm(tn_transpose(there, 0, 1), there), TN_DEVICE_CPU, TN_F32);
  return back != NULL;
}

static bool pinned(void) {
  tn_tensor *pinned_x = tn_pin_memory(x, lagging);
  return pinned_x != NULL && tn_to(pinned_x, lagging, TN_DTYPE_NONE) != NULL;
}

static bool memory_report(void) {
  char *report = tn_memory_report(lagging);
  free(report);
  return report != NULL;
}

TN_TEST(allocation_failure, on_a_device_that_lags_is_out_of_memory) {
  setenv("TENON_BACKENDS", "cpu,sim=" PLUGIN("sim"), 1);
  lagging = tn_device_parse("sim");
  expect_ok();
  static const failing_case cases[] = {
      CASE(there_and_back), CASE(stream_of_its_own), CASE(event), CASE(pinned), CASE(memory_report),
  };
  SURVIVE(cases);
}

// Where no scope is open, nobody gives back what a failing call has left behind.
TN_TEST(allocation_failure, without_a_scope_leaks_nothing) {
  tn_tensor *a = tn_from_data(TN_F32S(1, 2, 3, 4), TN_SHAPE(2, 2), TN_F32);
  tn_tensor *b = tn_transpose(a, 0, 1);
  bool failed = true;
  for (int64_t nth = 1; failed; nth++) {
    double values[4];
    tn_testing_fail_allocation(nth);
    tn_tensor *sum = tn_linear(a, b, TN_NONE), *view = tn_select(a, 0, 1);
    tn_requires_grad_(a, true);
    tn_tensor *root = tn_mean(a);
    tn_backward(root);
    tn_copy_to_host(b, values, sizeof values, TN_F64);
    tn_list *parts = tn_split(a, 1);
    failed = tn_testing_allocation_failed();
    tn_testing_fail_allocation(0);
    cr_assert(failed || tn_ok());
    cr_assert(tn_ok() || tn_error_clear() == TN_OUT_OF_MEMORY);
    tn_set_grad(a, NULL);
    tn_requires_grad_(a, false);
    tn_release(sum);
    tn_release(view);
    tn_release(root);
    tn_list_release(parts);
  }
  tn_release(b);
  tn_release(a);
}

// ---- loading -----------------------------------------------------------------------------------

// Runs |body| in a process of its own, in which nothing has been loaded; its exit status.
static int in_a_fresh_process(int (*body)(int64_t nth), int64_t nth) {
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) _exit(body(nth));
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

enum { WELL = 0, ALLOCATED_LESS = 1, WRONG_STATUS = 2, NOT_REPAIRED = 3, LEAKED = 4 };

// The first call of a process, which finds and loads backends, with a failure on its way; then
// the same again.
static int first_call(int64_t nth) {
  tn_scope *scope = tn_scope_open();
  tn_testing_fail_allocation(nth);
  tn_tensor *sum = tn_add(tn_ones(TN_SHAPE(2)), tn_ones(TN_SHAPE(2)));
  const bool failed = tn_testing_allocation_failed();
  tn_testing_fail_allocation(0);
  const tn_status status = tn_ok() ? TN_OK : tn_error_peek()->status;
  if (status != TN_OK && status != TN_OUT_OF_MEMORY) tn_error_print(stderr);
  tn_error_clear();
  if ((sum == NULL) != (status != TN_OK)) return WRONG_STATUS;
  if (status != TN_OK && status != TN_OUT_OF_MEMORY) return WRONG_STATUS;
  if (!failed) return status == TN_OK ? ALLOCATED_LESS : WRONG_STATUS;
  tn_tensor *again = tn_add(tn_ones(TN_SHAPE(2)), tn_ones(TN_SHAPE(2)));
  if (again == NULL) {
    tn_error_print(stderr);
    return NOT_REPAIRED;
  }
  float values[2] = {0};
  if (tn_copy_to_host(again, values, sizeof values, TN_F32) != TN_OK) return NOT_REPAIRED;
  if (values[0] != 2.0f || values[1] != 2.0f) return NOT_REPAIRED;
  tn_scope_close(scope);
  return tn_test_leaks() ? LEAKED : WELL;
}

static void survive_loading(const char *backends) {
  setenv("TENON_BACKENDS", backends, 1);
  int result = WELL;
  int64_t nth = 1;
  for (; result == WELL; nth++) {
    result = in_a_fresh_process(first_call, nth);
    cr_assert(result == WELL || result == ALLOCATED_LESS, "%s, allocation %d: result %d", backends,
              (int)nth, result);
  }
  cr_assert_gt(nth, 20, "loading allocates more often than that");
}

TN_TEST(allocation_failure, while_backends_load_is_made_good_by_the_next_call) {
  survive_loading("cpu");
}

TN_TEST(allocation_failure, while_a_device_registers_is_made_good_by_the_next_call) {
  survive_loading("mine=" PLUGIN("abi_today") ",cpu");
}

#if !defined(__SANITIZE_THREAD__)  // under which a forked child starts no threads, as sim's do
TN_TEST(allocation_failure, while_a_device_with_streams_registers_is_made_good_by_the_next_call) {
  survive_loading("sim=" PLUGIN("sim") ",cpu");
}
#endif

TN_TEST(allocation_failure, while_wrappers_register_is_made_good_by_the_next_call) {
  survive_loading("wrapping=" PLUGIN("wrapping") ",cpu");
}
