// SPDX-License-Identifier: Apache-2.0
//
// What a tree of modules promises: names, ownership, failures that surface, modes, moving.

#include <stdlib.h>

#include "nn_test.h"

// A model of one's own, as module.h shows it.
typedef struct net {
  tn_module *hidden, *out;
  tn_tensor *shift;
} net;

static tn_tensor *net_forward(tn_module *self, tn_tensor *x) {
  net *n = tn_module_state(self);
  x = tn_relu(tn_module_forward(n->hidden, x));
  return tn_add(tn_module_forward(n->out, x), n->shift);
}

static const tn_module_type net_type = {
    .name = "net", .forward = net_forward, .state_size = sizeof(net)};

static tn_module *net_create(void) {
  tn_module *self = tn_module_create(&net_type);
  net *n = tn_module_state(self);
  if (n == NULL) return NULL;
  tn_tensor *shift = tn_zeros(TN_SHAPE(2));
  tn_module_add_buffer(self, "shift", &n->shift, shift);
  n->hidden = tn_module_add(self, "hidden", tn_nn_linear(3, 4));
  n->out = tn_module_add(self, "out", tn_nn_linear(4, 2, .bias = TN_NO));
  return tn_module_finish(self);
}

TN_TEST(nn_module, forward_runs_the_users_own_function) {
  tn_scope *scope = tn_scope_open();
  tn_module *model = net_create();
  expect_shape(tn_module_forward(model, tn_ones(TN_SHAPE(5, 3))), TN_SHAPE(5, 2));
  tn_module_release(model);
  tn_scope_close(scope);
  expect_ok();
}

TN_TEST(nn_module, forward_gives_its_result_to_the_caller_without_a_scope) {
  tn_module *model = tn_nn_linear(3, 2);
  tn_tensor *x = tn_ones(TN_SHAPE(1, 3));
  tn_tensor *y = tn_module_forward(model, x);
  cr_assert_eq(tn_tensor_refcount(y), 1);
  tn_release(y);
  tn_release(x);
  tn_module_release(model);
  expect_ok();
}

TN_TEST(nn_module, forward_may_return_its_input) {
  tn_tensor *x = tn_ones(TN_SHAPE(2));
  tn_module *nothing = tn_nn_sequential((tn_modules){NULL, 0});
  tn_tensor *y = tn_module_forward(nothing, x);
  cr_assert_eq(x, y);
  cr_assert_eq(tn_tensor_refcount(x), 2);
  tn_release(y);
  tn_release(x);
  tn_module_release(nothing);
  expect_ok();
}

TN_TEST(nn_module, null_is_an_error_that_keeps_the_first_cause) {
  cr_assert_null(tn_module_forward(NULL, TN_NONE));
  expect_error(TN_INVALID_ARGUMENT, "the module is NULL");
  tn_module *model = tn_nn_relu();
  tn_error_set(TN_WRONG_STATE, "the first");
  cr_assert_null(tn_module_forward(model, NULL));
  expect_error(TN_WRONG_STATE, "the first");
  tn_module_release(model);
  tn_module_release(NULL);
  tn_module_train(NULL);
  tn_module_zero_grad(NULL);
  cr_assert_eq(tn_module_parameters(NULL).count, 0);
  expect_error(TN_INVALID_ARGUMENT, "NULL");
}

TN_TEST(nn_module, paths_name_every_tensor) {
  tn_scope *scope = tn_scope_open();
  tn_module *model = net_create();
  net *n = tn_module_state(model);
  expect_shape(tn_module_tensor_at(model, "hidden.weight"), TN_SHAPE(4, 3));
  expect_shape(tn_module_tensor_at(model, "hidden.bias"), TN_SHAPE(4));
  expect_shape(tn_module_tensor_at(model, "out.weight"), TN_SHAPE(2, 4));
  cr_assert_eq(tn_module_tensor_at(model, "shift"), n->shift);
  cr_assert_eq(tn_module_child_at(model, "out"), n->out);
  const char *const strangers[] = {"out.bias", "hidden", "hid.weight", "hidden.weight.x", "", "."};
  for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
    cr_assert_null(tn_module_tensor_at(model, strangers[i]), "%s", strangers[i]);
  }
  cr_assert_null(tn_module_child_at(model, "shift"));
  tn_module_release(model);
  tn_scope_close(scope);
  expect_ok();
}

typedef struct seen {
  char text[256];
} seen;

static tn_status note(void *context, const tn_module_entry *entry) {
  seen *s = context;
  size_t length = strlen(s->text);
  (void)snprintf(s->text + length, sizeof s->text - length, "%s%s ", entry->path,
                 entry->is_parameter ? "" : "(buffer)");
  return TN_OK;
}

TN_TEST(nn_module, visit_meets_entries_in_the_order_they_were_added) {
  tn_scope *scope = tn_scope_open();
  tn_module *model = net_create();
  seen s = {""};
  cr_assert_eq(tn_module_visit(model, note, &s), TN_OK);
  cr_assert_str_eq(s.text, "shift(buffer) hidden.weight hidden.bias out.weight ");
  cr_assert_eq(tn_module_parameters(model).count, 3);
  cr_assert_eq(tn_module_parameter_numel(model), 12 + 4 + 8);
  tn_module_release(model);
  tn_scope_close(scope);
}

TN_TEST(nn_module, a_shared_layer_is_one_set_of_parameters) {
  tn_module *layer = tn_nn_linear(4, 4);
  tn_module_retain(layer);
  tn_module *model = tn_nn_sequential(TN_MODULES(layer, tn_nn_relu(), layer));
  cr_assert_eq(tn_module_parameters(model).count, 2);
  seen s = {""};
  tn_module_visit(model, note, &s);
  cr_assert_str_eq(s.text, "0.weight 0.bias 2.weight 2.bias ");
  tn_module_release(model);
  expect_ok();
}

TN_TEST(nn_module, a_failed_part_makes_the_whole_fail) {
  tn_module *model = tn_nn_sequential(
      TN_MODULES(tn_nn_linear(3, 4), tn_nn_linear(-1, 4), tn_nn_dropout(2), tn_nn_relu()));
  cr_assert_null(model);
  expect_error(TN_INVALID_ARGUMENT, "in must be at least 1, and is -1");
}

TN_TEST(nn_module, names_that_cannot_stand_in_a_path_are_refused) {
  const char *const bad[] = {"", "a.b", "a/b", NULL};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    tn_module *self = tn_module_create(&net_type);
    cr_assert_null(tn_module_add(self, bad[i], tn_nn_relu()));
    cr_assert_null(tn_module_finish(self));
    expect_error(TN_INVALID_ARGUMENT, "a part's name");
  }
}

TN_TEST(nn_module, a_name_is_used_once) {
  tn_scope *scope = tn_scope_open();
  tn_module *self = tn_module_create(&net_type);
  cr_assert_not_null(tn_module_add(self, "a", tn_nn_relu()));
  cr_assert_null(tn_module_add(self, "a", tn_nn_relu()));
  expect_error(TN_INVALID_ARGUMENT, "already has a part 'a'");
  cr_assert_eq(tn_module_add_parameter(self, "a", NULL, tn_zeros(TN_SHAPE(1))),
               TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "already has a part 'a'");
  cr_assert_null(tn_module_finish(self));
  expect_error(TN_WRONG_STATE, "incomplete");
  tn_scope_close(scope);
}

TN_TEST(nn_module, a_module_cannot_contain_itself) {
  tn_module *outer = tn_nn_sequential(TN_MODULES(tn_nn_sequential(TN_MODULES(tn_nn_relu()))));
  tn_module *inner = tn_module_child_at(outer, "0");
  cr_assert_null(tn_module_add(inner, "up", tn_module_retain(outer)));
  expect_error(TN_INVALID_ARGUMENT, "part of itself");
  tn_module_release(outer);
}

TN_TEST(nn_module, integers_cannot_be_parameters) {
  tn_scope *scope = tn_scope_open();
  tn_module *self = tn_module_create(&net_type);
  tn_tensor *whole = tn_zeros(TN_SHAPE(2), .dtype = TN_I64);
  cr_assert_eq(tn_module_add_parameter(self, "w", NULL, whole), TN_INVALID_DTYPE);
  tn_error_clear();
  cr_assert_null(tn_module_finish(self));
  tn_error_clear();
  tn_scope_close(scope);
}

TN_TEST(nn_module, modes_reach_the_whole_tree) {
  tn_module *model = tn_nn_sequential(TN_MODULES(tn_nn_sequential(TN_MODULES(tn_nn_dropout(0.5)))));
  tn_module *deep = tn_module_child_at(model, "0.0");
  cr_assert(tn_module_is_training(deep));
  tn_module_eval(model);
  cr_assert(!tn_module_is_training(deep));
  tn_module_train(model);
  cr_assert(tn_module_is_training(deep));
  tn_module_release(model);
}

TN_TEST(nn_module, zero_grad_drops_gradients) {
  tn_scope *scope = tn_scope_open();
  tn_module *model = tn_nn_linear(2, 1);
  tn_tensor *weight = tn_module_tensor_at(model, "weight");
  cr_assert_eq(tn_backward(tn_sum(tn_module_forward(model, tn_ones(TN_SHAPE(1, 2))))), TN_OK);
  cr_assert_not_null(tn_tensor_grad(weight));
  tn_module_zero_grad(model);
  cr_assert_null(tn_tensor_grad(weight));
  tn_module_release(model);
  tn_scope_close(scope);
}

TN_TEST(nn_module, to_casts_floats_and_keeps_sharing_and_slots) {
  tn_scope *scope = tn_scope_open();
  tn_module *layer = tn_nn_linear(2, 2);
  tn_module_retain(layer);
  tn_module *model = tn_nn_sequential(TN_MODULES(layer, tn_nn_relu(), layer));
  cr_assert_eq(tn_module_to(model, TN_DEVICE_DEFAULT, TN_F64), TN_OK);
  tn_tensor *weight = tn_module_tensor_at(model, "0.weight");
  cr_assert_eq(tn_tensor_dtype(weight), TN_F64);
  cr_assert(tn_requires_grad(weight) && tn_is_leaf(weight));
  cr_assert_eq(weight, tn_module_tensor_at(model, "2.weight"));
  tn_tensor *y = tn_module_forward(model, tn_ones(TN_SHAPE(1, 2), .dtype = TN_F64));
  cr_assert_eq(tn_tensor_dtype(y), TN_F64);
  cr_assert_eq(tn_module_to(model, TN_DEVICE_DEFAULT, TN_I64), TN_INVALID_DTYPE);
  expect_error(TN_INVALID_DTYPE, "int64");
  tn_module_release(model);
  tn_scope_close(scope);
}

TN_TEST(nn_module, text_shows_the_tree) {
  tn_module *model = tn_nn_sequential(
      TN_MODULES(tn_nn_conv2d(1, 2, TN_INTS(3), .padding = TN_INTS(1)), tn_nn_relu()));
  char *text = tn_module_to_string(model);
  cr_assert_str_eq(text,
                   "sequential(\n"
                   "  (0): conv2d(1, 2, kernel 3x3, stride 1x1, padding 1x1)\n"
                   "  (1): relu()\n"
                   ")\n"
                   "20 parameters");
  free(text);
  tn_module_release(model);
}
