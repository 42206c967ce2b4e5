// SPDX-License-Identifier: Apache-2.0
//
// The recorded graph and its walk, against derivatives worked out by hand.

#include <pthread.h>

#include "tensor_test.h"

static tn_tensor *leaf_of(double value) {
  tn_tensor *leaf = doubles(TN_SHAPE(1), &value);
  tn_requires_grad_(leaf, true);
  return leaf;
}

static double grad_of(const tn_tensor *leaf) {
  cr_assert_not_null(tn_tensor_grad(leaf), "%s", tn_ok() ? "" : tn_error_peek()->message);
  return tn_item(tn_tensor_grad(leaf));
}

static void expect_near(double value, double expected) {
  cr_assert(fabs(value - expected) <= 1e-12 * (1 + fabs(expected)), "%.17g, expected %.17g", value,
            expected);
}

// ---- the chain rule ----------------------------------------------------------------------------

TN_TEST(backward, follows_the_chain_rule) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(0.7), *y = leaf_of(-1.3);
  // f = sin(x y) + exp(x) / (1 + y^2)
  tn_tensor *f = tn_add(tn_sin(tn_mul(x, y)), tn_div(tn_exp(x), tn_add_scalar(tn_square(y), 1)));
  cr_assert_eq(tn_backward(f), TN_OK);
  double a = 0.7, b = -1.3, q = 1 + b * b;
  expect_near(grad_of(x), b * cos(a * b) + exp(a) / q);
  expect_near(grad_of(y), a * cos(a * b) - exp(a) * 2 * b / (q * q));
  tn_scope_close(scope);
}

TN_TEST(backward, sums_over_what_was_broadcast) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *row = doubles(TN_SHAPE(3), (double[]){1, 2, 3});
  tn_tensor *column = doubles(TN_SHAPE(2, 1), (double[]){10, 20});
  tn_tensor *number = doubles(TN_SHAPE_SCALAR, (double[]){5});
  tn_requires_grad_(row, true);
  tn_requires_grad_(column, true);
  tn_requires_grad_(number, true);
  cr_assert_eq(tn_backward(tn_sum(tn_mul(tn_mul(row, column), number))), TN_OK);
  expect_exactly(tn_tensor_grad(row), 150, 150, 150);
  expect_shape(tn_tensor_grad(column), TN_SHAPE(2, 1));
  expect_exactly(tn_tensor_grad(column), 30, 30);
  expect_shape(tn_tensor_grad(number), TN_SHAPE_SCALAR);
  expect_exactly(tn_tensor_grad(number), 180);
  tn_scope_close(scope);
}

TN_TEST(backward, adds_up_along_all_paths_of_a_diamond) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(2);
  tn_tensor *y = tn_mul(x, x);
  for (int i = 0; i < 40; i++) y = tn_add(y, y);  // 2^40 paths, 40 nodes
  cr_assert_eq(tn_backward(y), TN_OK);
  cr_assert_eq(grad_of(x), 4 * 0x1p40);
  tn_scope_close(scope);
}

TN_TEST(backward, visits_a_node_after_all_that_leads_to_it) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(3);
  tn_tensor *shared = tn_mul(x, x);
  tn_tensor *long_way = shared;
  for (int i = 0; i < 10; i++) long_way = tn_mul_scalar(long_way, 2);
  tn_tensor *end = tn_add(tn_mul(long_way, shared), shared);  // 1024 x^4 + x^2
  cr_assert_eq(tn_backward(end), TN_OK);
  expect_near(grad_of(x), 4096 * 27 + 6);
  tn_scope_close(scope);
}

TN_TEST(backward, of_a_graph_that_depends_on_the_data) {
  for (int start = 1; start <= 3; start++) {
    tn_scope *scope = tn_scope_open();
    tn_tensor *x = leaf_of(start);
    tn_tensor *y = x;
    int doublings = 0;
    while (y != NULL && tn_item(y) < 100) {
      y = tn_item_int(tn_detach(y)) % 2 == 0 ? tn_mul_scalar(y, 3) : tn_mul(y, tn_add_scalar(x, 1));
      doublings++;
    }
    tn_tensor *again = leaf_of(start + 1e-6), *z = again;
    tn_tensor *guide = doubles(TN_SHAPE(1), (double[]){start});
    tn_tensor *g = guide;
    for (int i = 0; i < doublings; i++) {
      bool even = tn_item_int(g) % 2 == 0;
      z = even ? tn_mul_scalar(z, 3) : tn_mul(z, tn_add_scalar(again, 1));
      g = even ? tn_mul_scalar(g, 3) : tn_mul(g, tn_add_scalar(guide, 1));
    }
    cr_assert_eq(tn_backward(y), TN_OK);
    double slope = (tn_item(z) - tn_item(y)) / 1e-6;
    cr_assert(fabs(grad_of(x) - slope) < 1e-2 * fabs(slope), "%g, about %g", grad_of(x), slope);
    tn_scope_close(scope);
  }
}

TN_TEST(backward, accumulates_until_it_is_cleared) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(3);
  for (int i = 1; i <= 3; i++) {
    cr_assert_eq(tn_backward(tn_mul(x, x)), TN_OK);
    cr_assert_eq(grad_of(x), 6.0 * i);
  }
  cr_assert_eq(tn_set_grad(x, NULL), TN_OK);
  cr_assert_null(tn_tensor_grad(x));
  cr_assert_eq(tn_backward(tn_mul_scalar(x, 5)), TN_OK);
  cr_assert_eq(grad_of(x), 5.0);
  tn_scope_close(scope);
}

TN_TEST(backward, does_not_share_a_gradient_between_leaves_or_with_the_caller) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(1), *y = leaf_of(2);
  tn_tensor *seed = doubles(TN_SHAPE(1), (double[]){7});
  cr_assert_eq(tn_backward(tn_add(x, y), .gradient = seed), TN_OK);
  cr_assert_not(tn_tensor_shares_storage(tn_tensor_grad(x), tn_tensor_grad(y)));
  cr_assert_not(tn_tensor_shares_storage(tn_tensor_grad(x), seed));
  cr_assert_eq(tn_fill_(tn_tensor_grad(x), 100), TN_OK);
  cr_assert_eq(grad_of(y), 7.0);
  cr_assert_eq(tn_item(seed), 7.0);
  tn_scope_close(scope);
}

TN_TEST(backward, of_a_leaf_is_its_seed) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(1);
  cr_assert_eq(tn_backward(x), TN_OK);
  cr_assert_eq(grad_of(x), 1.0);
  tn_scope_close(scope);
}

TN_TEST(backward, of_complex_sums_works_and_of_complex_products_is_refused) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *z = tn_full(TN_SHAPE(1), 3.0 + 4.0 * I, .dtype = TN_C128);
  tn_tensor *one = tn_ones(TN_SHAPE(1), .dtype = TN_C128);
  cr_assert_eq(tn_requires_grad_(z, true), TN_OK);
  cr_assert_eq(tn_backward(tn_sub(tn_add(z, z), one), .gradient = one), TN_OK);
  tn_scalar grad = tn_item_scalar(tn_tensor_grad(z));
  cr_assert(grad.as.c.real == 2 && grad.as.c.imag == 0);
  tn_tensor *product = tn_mul(z, tn_full(TN_SHAPE(1), 1.0 + 2.0 * I, .dtype = TN_C128));
  tn_status status = tn_backward(product, .gradient = one);
  if (status == TN_OK) {  // the gradient of z w is conj(w)
    grad = tn_item_scalar(tn_tensor_grad(z));
    cr_assert(grad.as.c.real == 3 && grad.as.c.imag == -2);
  } else {
    expect_error(TN_UNIMPLEMENTED, "complex");
  }
  tn_scope_close(scope);
}

// ---- what backward refuses ---------------------------------------------------------------------

TN_TEST(backward, of_many_elements_needs_a_gradient) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2), (double[]){1, 2});
  tn_requires_grad_(x, true);
  tn_tensor *y = tn_mul(x, x);
  cr_assert_eq(tn_backward(y), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "gradient");
  cr_assert_eq(tn_backward(y, .gradient = tn_ones(TN_SHAPE(3), .dtype = TN_F64)),
               TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_tensor_grad(x));
  cr_assert_eq(tn_backward(y, .gradient = doubles(TN_SHAPE(2), (double[]){1, 10})), TN_OK);
  expect_exactly(tn_tensor_grad(x), 2, 40);
  tn_scope_close(scope);
}

TN_TEST(backward, without_a_graph_is_wrong_state) {
  tn_tensor *x = tn_ones(TN_SHAPE(1));
  cr_assert_eq(tn_backward(x), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "");
  cr_assert_eq(tn_backward(NULL), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "NULL");
  tn_release(x);
}

TN_TEST(backward, a_second_time_needs_retain_graph) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(3);
  tn_tensor *y = tn_mul(x, x);
  cr_assert_eq(tn_backward(y, .retain_graph = true), TN_OK);
  cr_assert_eq(tn_backward(y), TN_OK);
  cr_assert_eq(grad_of(x), 12.0);
  cr_assert_eq(tn_backward(y), TN_WRONG_STATE);
  cr_assert_not_null(strstr(tn_error_peek()->hint, "retain_graph"), "%s", tn_error_peek()->hint);
  expect_error(TN_WRONG_STATE, "mul.Tensor");
  cr_assert_eq(grad_of(x), 12.0);
  tn_scope_close(scope);
}

TN_TEST(requires_grad, is_for_floating_and_complex_leaves) {
  tn_scope *scope = tn_scope_open();
  cr_assert_eq(tn_requires_grad_(tn_ones(TN_SHAPE(1), .dtype = TN_I64), true), TN_INVALID_DTYPE);
  expect_error(TN_INVALID_DTYPE, "int64");
  tn_tensor *x = leaf_of(1);
  tn_tensor *y = tn_exp(x);
  cr_assert_eq(tn_requires_grad_(y, false), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "exp");
  cr_assert_eq(tn_requires_grad_(y, true), TN_OK);
  cr_assert_eq(tn_requires_grad_(x, false), TN_OK);
  cr_assert_not(tn_requires_grad(tn_exp(x)));
  cr_assert_not(tn_requires_grad(tn_argmax(y)));
  cr_assert_not(tn_requires_grad(tn_gt_scalar(y, 0)));
  cr_assert_str_eq(tn_grad_fn(y), "exp");
  cr_assert_str_eq(tn_grad_fn(x), "");
  cr_assert(tn_is_leaf(x));
  cr_assert_not(tn_is_leaf(y));
  tn_scope_close(scope);
}

TN_TEST(set_grad, wants_the_tensors_shape_and_dtype) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(1);
  cr_assert_eq(tn_set_grad(x, tn_ones(TN_SHAPE(2), .dtype = TN_F64)), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_set_grad(x, tn_ones(TN_SHAPE(1))), TN_INVALID_DTYPE);
  tn_error_clear();
  tn_tensor *mine = doubles(TN_SHAPE(1), (double[]){5});
  cr_assert_eq(tn_set_grad(x, mine), TN_OK);
  cr_assert_eq(tn_tensor_grad(x), mine);
  cr_assert_eq(tn_backward(tn_mul_scalar(x, 2)), TN_OK);
  cr_assert_eq(grad_of(x), 7.0);
  tn_scope_close(scope);
}

// ---- switching it off --------------------------------------------------------------------------

TN_TEST(grad_mode, off_records_nothing) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(2);
  cr_assert(tn_grad_mode_set(false));
  tn_tensor *y = tn_mul(x, x);
  cr_assert_not(tn_grad_mode());
  cr_assert_not(tn_grad_mode_set(true));
  cr_assert_not(tn_requires_grad(y));
  tn_tensor *z = tn_mul(x, y);
  cr_assert_eq(tn_backward(z), TN_OK);
  cr_assert_eq(grad_of(x), 4.0);
  tn_scope_close(scope);
}

TN_TEST(detach, shares_memory_and_stops_gradients) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(3);
  tn_tensor *square = tn_mul(x, x);
  tn_tensor *constant = tn_detach(square);
  cr_assert(tn_tensor_shares_storage(square, constant));
  cr_assert_not(tn_requires_grad(constant));
  cr_assert_eq(tn_backward(tn_mul(square, constant)), TN_OK);
  cr_assert_eq(grad_of(x), 54.0);
  tn_scope_close(scope);
}

TN_TEST(backward, ends_at_leaves_that_stopped_requiring_one) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(3), *y = leaf_of(4);
  tn_requires_grad_(y, false);
  cr_assert_eq(tn_backward(tn_mul(x, y)), TN_OK);
  cr_assert_eq(grad_of(x), 4.0);
  cr_assert_null(tn_tensor_grad(y));
  tn_scope_close(scope);
}

// ---- tn_grad -----------------------------------------------------------------------------------

TN_TEST(grad, returns_gradients_and_accumulates_nothing) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(2), *y = leaf_of(5);
  tn_tensor *f = tn_mul(tn_mul(x, x), y);
  tn_list *grads = tn_grad(TN_TENSORS(f), TN_TENSORS(y, x));
  cr_assert_eq(tn_list_count(grads), 2);
  expect_exactly(tn_list_at(grads, 0), 4);
  expect_exactly(tn_list_at(grads, 1), 20);
  cr_assert_null(tn_tensor_grad(x));
  cr_assert_null(tn_tensor_grad(y));
  tn_scope_close(scope);
}

TN_TEST(grad, of_intermediate_results) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(2);
  tn_tensor *middle = tn_mul(x, x);
  tn_tensor *f = tn_mul(tn_mul(middle, middle), x);  // m^2 x
  tn_list *grads = tn_grad(TN_TENSORS(f), TN_TENSORS(middle, x), .retain_graph = true);
  expect_exactly(tn_list_at(grads, 0), 16);
  expect_exactly(tn_list_at(grads, 1), 5 * 16);
  grads = tn_grad(TN_TENSORS(f), TN_TENSORS(f));
  expect_exactly(tn_list_at(grads, 0), 1);
  tn_scope_close(scope);
}

TN_TEST(grad, of_unused_inputs_is_none_or_an_error) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(2), *unused = leaf_of(5);
  tn_tensor *f = tn_mul(x, x);
  cr_assert_null(tn_grad(TN_TENSORS(f), TN_TENSORS(x, unused), .retain_graph = true));
  expect_error(TN_INVALID_ARGUMENT, "1");
  tn_list *grads = tn_grad(TN_TENSORS(f), TN_TENSORS(unused, x), .allow_unused = true);
  cr_assert_eq(tn_list_at(grads, 0), TN_NONE);
  expect_exactly(tn_list_at(grads, 1), 4);
  tn_scope_close(scope);
}

TN_TEST(grad, of_several_outputs_sums_their_seeds) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2), (double[]){1, 2});
  tn_requires_grad_(x, true);
  tn_tensor *square = tn_mul(x, x), *sum = tn_sum(x);
  tn_list *grads = tn_grad(TN_TENSORS(square, sum), TN_TENSORS(x),
                           .grad_outputs = TN_TENSORS(doubles(TN_SHAPE(2), (double[]){1, 10}),
                                                      doubles(TN_SHAPE_SCALAR, (double[]){100})));
  expect_exactly(tn_list_at(grads, 0), 102, 140);
  tn_scope_close(scope);
}

TN_TEST(grad, of_an_input_that_requires_none_is_an_error) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(2), *constant = tn_ones(TN_SHAPE(1), .dtype = TN_F64);
  cr_assert_null(tn_grad(TN_TENSORS(tn_mul(x, constant)), TN_TENSORS(constant)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_grad(TN_TENSORS(constant), TN_TENSORS(x)));
  cr_assert_neq(tn_error_clear(), TN_OK);
  cr_assert_null(tn_grad(TN_TENSORS(NULL), TN_TENSORS(x)));
  expect_error(TN_INVALID_ARGUMENT, "NULL");
  tn_scope_close(scope);
}

// ---- gradients of gradients --------------------------------------------------------------------

TN_TEST(create_graph, reaches_the_third_order) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(0.4);
  tn_tensor *f = tn_mul(tn_sin(tn_mul_scalar(x, 2)), tn_exp(x));
  // f = Im exp((1 + 2i) x), so the n-th derivative is Im (1 + 2i)^n exp((1 + 2i) x).
  double _Complex value = cexp((1 + 2 * I) * 0.4);
  for (int order = 1; order <= 3; order++) {
    tn_list *grads = tn_grad(TN_TENSORS(f), TN_TENSORS(x), .create_graph = true);
    cr_assert_not_null(grads);
    f = tn_list_at(grads, 0);
    value *= 1 + 2 * I;
    expect_near(tn_item(f), cimag(value));
  }
  tn_scope_close(scope);
}

TN_TEST(create_graph, in_backward_gives_gradients_with_a_history) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(3);
  cr_assert_eq(tn_backward(tn_mul(tn_mul(x, x), x), .create_graph = true), TN_OK);
  tn_tensor *first = tn_retain(tn_tensor_grad(x));
  cr_assert(tn_requires_grad(first));
  expect_exactly(first, 27);
  tn_set_grad(x, NULL);
  cr_assert_eq(tn_backward(first), TN_OK);
  cr_assert_eq(grad_of(x), 18.0);
  tn_release(first);
  tn_scope_close(scope);
}

TN_TEST(create_graph, penalty_on_a_gradient_trains) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2), (double[]){1, 2}), *w = leaf_of(3);
  tn_requires_grad_(x, true);
  tn_tensor *y = tn_sum(tn_mul(w, tn_mul(x, x)));
  tn_list *grads = tn_grad(TN_TENSORS(y), TN_TENSORS(x), .create_graph = true);
  tn_tensor *penalty = tn_sum(tn_square(tn_list_at(grads, 0)));  // sum (2 w x)^2
  cr_assert_eq(tn_backward(penalty), TN_OK);
  cr_assert_eq(grad_of(w), 8.0 * 3 * 5);
  tn_scope_close(scope);
}

// What a small integer operand gives to a gradient is computed where it does not wrap.
TN_TEST(dtype, of_an_integer_operand_does_not_wrap_the_gradient) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(1), *weight = leaf_of(0.5);
  tn_tensor *high = tn_full(TN_SHAPE_SCALAR, tn_scalar_int(200), .dtype = TN_U8);
  tn_tensor *low = tn_full(TN_SHAPE_SCALAR, tn_scalar_int(100), .dtype = TN_U8);
  tn_tensor *one = tn_ones(TN_SHAPE_SCALAR);
  cr_assert_eq(tn_backward(tn_addcmul(one, x, high, .value = TN_SCALAR(300))), TN_OK);
  cr_assert_eq(grad_of(x), 60000.0);
  cr_assert_eq(tn_backward(tn_lerp(high, low, weight)), TN_OK);
  cr_assert_eq(grad_of(weight), -100.0);
  expect_ok();
  tn_scope_close(scope);
}

// ---- hooks and retained gradients --------------------------------------------------------------

typedef struct trace {
  int calls, deleted;
  double seen, factor;
  struct trace *before;  // whose call must have come first
} trace;

static tn_tensor *scale_hook(void *context, tn_tensor *grad) {
  trace *t = context;
  t->calls++;
  t->seen = tn_item(grad);
  if (t->before != NULL && t->before->calls < t->calls) t->seen = NAN;
  return t->factor == 1 ? TN_NONE : tn_mul_scalar(grad, t->factor);
}

static tn_tensor *failing_hook(void *context, tn_tensor *grad) {
  (void)context, (void)grad;
  tn_error_set(TN_DATA_ERROR, "the hook gave up");
  return NULL;
}

static void note_deleted(void *context) { ((trace *)context)->deleted++; }

TN_TEST(hook, sees_and_replaces_a_gradient_in_order) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(3);
  tn_tensor *y = tn_mul(x, x);
  trace first = {.factor = 10}, second = {.factor = 1, .before = &first}, on_leaf = {.factor = 2};
  cr_assert_neq(tn_register_hook(y, scale_hook, &first, note_deleted), 0);
  cr_assert_neq(tn_register_hook(y, scale_hook, &second, note_deleted), 0);
  cr_assert_neq(tn_register_hook(x, scale_hook, &on_leaf, note_deleted), 0);
  cr_assert_eq(tn_backward(tn_mul_scalar(y, 4)), TN_OK);
  cr_assert_eq(first.seen, 4.0);
  cr_assert_eq(second.seen, 40.0, "hooks run in the order of their registration: %g", second.seen);
  cr_assert_eq(on_leaf.seen, 240.0);
  cr_assert_eq(grad_of(x), 480.0);
  cr_assert(first.calls == 1 && second.calls == 1 && on_leaf.calls == 1);
  tn_scope_close(scope);
  cr_assert(first.deleted == 1 && second.deleted == 1 && on_leaf.deleted == 1);
}

TN_TEST(hook, is_gone_once_removed) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(3);
  trace t = {.factor = 10}, kept = {.factor = 2};
  uint64_t id = tn_register_hook(x, scale_hook, &t, note_deleted);
  cr_assert_neq(tn_register_hook(x, scale_hook, &kept, NULL), id);
  tn_remove_hook(x, id);
  cr_assert_eq(t.deleted, 1);
  tn_remove_hook(x, id);
  tn_remove_hook(x, 12345678);
  tn_remove_hook(NULL, id);
  cr_assert_eq(t.deleted, 1);
  cr_assert_eq(tn_backward(tn_mul(x, x)), TN_OK);
  cr_assert_eq(t.calls, 0);
  cr_assert_eq(grad_of(x), 12.0);
  expect_ok();
  tn_scope_close(scope);
}

TN_TEST(hook, failure_fails_the_backward_pass) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(3);
  tn_tensor *y = tn_mul(x, x);
  tn_register_hook(y, failing_hook, NULL, NULL);
  cr_assert_eq(tn_backward(y), TN_DATA_ERROR);
  expect_error(TN_DATA_ERROR, "gave up");
  cr_assert_null(tn_tensor_grad(x));
  tn_scope_close(scope);
}

static tn_tensor *silent_hook(void *context, tn_tensor *grad) {
  (void)context, (void)grad;
  return NULL;
}

static tn_tensor *misshapen_hook(void *context, tn_tensor *grad) {
  (void)context, (void)grad;
  return tn_ones(TN_SHAPE(7));
}

// NULL always comes with an error, and a replacement has the shape of what it replaces.
TN_TEST(hook, result_that_cannot_be_a_gradient_is_an_error) {
  const tn_hook_fn hooks[] = {silent_hook, misshapen_hook};
  const char *const words[] = {"return TN_NONE", "another shape"};
  for (int i = 0; i < 2; i++) {
    tn_scope *scope = tn_scope_open();
    tn_tensor *x = leaf_of(3);
    tn_register_hook(x, hooks[i], NULL, NULL);
    cr_assert_eq(tn_backward(tn_mul(x, x)), TN_INVALID_ARGUMENT);
    expect_error(TN_INVALID_ARGUMENT, words[i]);
    cr_assert_null(tn_tensor_grad(x));
    tn_scope_close(scope);
  }
}

TN_TEST(hook, on_a_constant_is_wrong_state) {
  tn_tensor *x = tn_ones(TN_SHAPE(1));
  cr_assert_eq(tn_register_hook(x, failing_hook, NULL, NULL), 0);
  expect_error(TN_WRONG_STATE, "");
  cr_assert_eq(tn_register_hook(NULL, failing_hook, NULL, NULL), 0);
  expect_error(TN_INVALID_ARGUMENT, "NULL");
  cr_assert_eq(tn_retain_grad(x), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "");
  tn_release(x);
}

TN_TEST(retain_grad, keeps_the_gradient_of_a_result) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(3);
  tn_tensor *y = tn_mul(x, x), *other = tn_mul_scalar(x, 2);
  cr_assert_eq(tn_retain_grad(y), TN_OK);
  cr_assert_eq(tn_retain_grad(y), TN_OK);
  cr_assert_eq(tn_retain_grad(x), TN_OK, "a leaf keeps its own anyway");
  cr_assert_eq(tn_backward(tn_add(tn_mul(y, y), other)), TN_OK);
  expect_exactly(tn_tensor_grad(y), 18);
  cr_assert_null(tn_tensor_grad(other));
  cr_assert_eq(grad_of(x), 18.0 * 6 + 2);
  tn_scope_close(scope);
}

TN_TEST(retain_grad, of_a_tensor_that_goes_before_the_graph_is_harmless) {
  tn_tensor *x = leaf_of(3);
  tn_tensor *y = tn_mul(x, x);
  tn_retain_grad(y);
  tn_tensor *z = tn_mul_scalar(y, 2);
  tn_release(y);
  cr_assert_eq(tn_backward(z), TN_OK);
  cr_assert_eq(grad_of(x), 12.0);
  tn_release(z);
  tn_release(x);
}

// ---- anomaly mode ------------------------------------------------------------------------------

TN_TEST(anomaly_mode, names_the_operator_whose_gradient_is_nan) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(0);
  tn_tensor *y = tn_mul(tn_sqrt(x), x);  // 0 * inf
  cr_assert_not(tn_anomaly_mode_set(true));
  cr_assert_eq(tn_backward(tn_mul_scalar(y, 2)), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "sqrt");
  cr_assert(tn_anomaly_mode_set(false));
  tn_set_grad(x, NULL);
  cr_assert_eq(tn_backward(tn_mul(tn_sqrt(x), x)), TN_OK);
  cr_assert(isnan(grad_of(x)));
  tn_scope_close(scope);
}

// ---- depth -------------------------------------------------------------------------------------

enum { DEEP = 1000000 };

static void *walk_deep(void *result) {
  tn_tensor *x = leaf_of(1);
  tn_tensor *y = tn_mul_scalar(x, 1);
  for (int i = 0; i < DEEP && y != NULL; i++) {
    tn_tensor *next = i % 2 == 0 ? tn_mul(y, x) : tn_add(y, x);
    tn_release(y);
    y = next;
  }
  tn_tensor *loss = tn_mul_scalar(y, 1e-6);
  tn_release(y);
  *(tn_status *)result = tn_backward(loss);
  tn_release(loss);
  tn_release(x);
  return NULL;
}

static void *free_deep(void *result) {
  tn_tensor *x = leaf_of(1);
  tn_tensor *y = tn_mul_scalar(x, 1);
  for (int i = 0; i < DEEP && y != NULL; i++) {
    tn_tensor *next = tn_mul(y, x);
    tn_release(y);
    y = next;
  }
  *(tn_status *)result = y == NULL ? TN_INTERNAL : TN_OK;
  tn_release(y);
  tn_release(x);
  return NULL;
}

// Runs |body| on a thread with a stack that no recursion of a million calls fits into.
static tn_status on_small_stack(void *(*body)(void *)) {
  tn_status status = TN_INTERNAL;
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  cr_assert_eq(pthread_attr_setstacksize(&attributes, 1 << 20), 0);
  cr_assert_eq(pthread_create(&thread, &attributes, body, &status), 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
  return status;
}

TN_TEST(depth, a_million_nodes_are_walked_without_a_deep_stack) {
  cr_assert_eq(on_small_stack(walk_deep), TN_OK);
}

TN_TEST(depth, a_million_nodes_are_freed_without_a_deep_stack) {
  cr_assert_eq(on_small_stack(free_deep), TN_OK);
}

// ---- functions of the application's own --------------------------------------------------------

typedef struct cube_state {
  double scale;  // of the gradient: 1 is right
  int deleted;
} cube_state;

static tn_status cube_forward(void *context, tn_custom_call *call, tn_tensor *const *inputs,
                              tn_tensor **outputs) {
  (void)context;
  tn_custom_save(call, inputs[0]);
  outputs[0] = tn_mul(tn_mul(inputs[0], inputs[0]), inputs[0]);
  return tn_ok() ? TN_OK : tn_error_peek()->status;
}

static tn_status cube_backward(void *context, tn_custom_call *call, tn_tensor *const *grad_outputs,
                               tn_tensor **grad_inputs) {
  tn_tensor *x = tn_custom_saved(call, 0);
  double factor = 3 * ((cube_state *)context)->scale;
  grad_inputs[0] = tn_mul(tn_mul_scalar(tn_square(x), factor), grad_outputs[0]);
  return tn_ok() ? TN_OK : tn_error_peek()->status;
}

static void cube_deleted(void *context) { ((cube_state *)context)->deleted++; }

static const tn_custom_function cube = {"cube", cube_forward, cube_backward, cube_deleted};

static tn_tensor *apply_cube(void *context, tn_tensors inputs) {
  return tn_list_at(tn_custom_apply(&cube, context, inputs, 1), 0);
}

TN_TEST(custom_function, is_recorded_with_its_own_gradient) {
  cube_state state = {.scale = 1};
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(2);
  tn_tensor *y = apply_cube(&state, TN_TENSORS(x));
  expect_exactly(y, 8);
  cr_assert_str_eq(tn_grad_fn(y), "cube");
  tn_list *grads = tn_grad(TN_TENSORS(y), TN_TENSORS(x), .create_graph = true);
  expect_exactly(tn_list_at(grads, 0), 12);
  grads = tn_grad(TN_TENSORS(tn_list_at(grads, 0)), TN_TENSORS(x));
  expect_exactly(tn_list_at(grads, 0), 12);
  cr_assert_eq(state.deleted, 0);
  tn_scope_close(scope);
  cr_assert_eq(state.deleted, 1);
}

TN_TEST(custom_function, without_recording_is_only_its_forward) {
  cube_state state = {.scale = 1};
  tn_scope *scope = tn_scope_open();
  tn_tensor *y = apply_cube(&state, TN_TENSORS(doubles(TN_SHAPE(1), (double[]){2})));
  expect_exactly(y, 8);
  cr_assert(tn_is_leaf(y));
  cr_assert_eq(state.deleted, 1);
  tn_scope_close(scope);
}

TN_TEST(custom_function, notices_that_what_it_saved_was_changed) {
  cube_state state = {.scale = 1};
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_mul_scalar(leaf_of(2), 1);
  tn_tensor *y = apply_cube(&state, TN_TENSORS(x));
  cr_assert_eq(tn_add_scalar_(x, 1), TN_OK);
  cr_assert_eq(tn_backward(y), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "cube");
  tn_scope_close(scope);
}

static tn_status two_forward(void *context, tn_custom_call *call, tn_tensor *const *inputs,
                             tn_tensor **outputs) {
  (void)context, (void)call;
  outputs[0] = tn_add(inputs[0], inputs[1]);
  outputs[1] = inputs[0];  // handed back as it is
  return TN_OK;
}

static tn_status two_backward(void *context, tn_custom_call *call, tn_tensor *const *grad_outputs,
                              tn_tensor **grad_inputs) {
  (void)call;
  *(bool *)context = grad_outputs[1] == TN_NONE;
  grad_inputs[0] =
      grad_outputs[1] == TN_NONE ? grad_outputs[0] : tn_add(grad_outputs[0], grad_outputs[1]);
  grad_inputs[1] = TN_NONE;
  return TN_OK;
}

TN_TEST(custom_function, may_have_several_results_and_absent_gradients) {
  static const tn_custom_function two = {"two", two_forward, two_backward, NULL};
  bool absent = false;
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(2), *y = leaf_of(3);
  tn_list *results = tn_custom_apply(&two, &absent, TN_TENSORS(x, y), 2);
  cr_assert_eq(tn_list_count(results), 2);
  expect_exactly(tn_list_at(results, 0), 5);
  expect_exactly(tn_list_at(results, 1), 2);
  cr_assert_neq(tn_list_at(results, 1), x);
  cr_assert_eq(tn_backward(tn_list_at(results, 0), .retain_graph = true), TN_OK);
  cr_assert(absent);
  cr_assert_eq(grad_of(x), 1.0);
  cr_assert_null(tn_tensor_grad(y));
  cr_assert_eq(tn_backward(tn_mul(tn_list_at(results, 0), tn_list_at(results, 1))), TN_OK);
  cr_assert_eq(grad_of(x), 1.0 + 2 + 5);
  tn_scope_close(scope);
}

static tn_status fail_forward(void *context, tn_custom_call *call, tn_tensor *const *inputs,
                              tn_tensor **outputs) {
  (void)context, (void)call;
  outputs[0] = tn_mul(inputs[0], inputs[0]);
  return tn_error_set(TN_DATA_ERROR, "no result today");
}

TN_TEST(custom_function, failure_is_its_callers) {
  static const tn_custom_function bad = {"bad", fail_forward, cube_backward, NULL};
  tn_tensor *x = leaf_of(2);
  cr_assert_null(tn_custom_apply(&bad, NULL, TN_TENSORS(x), 1));
  expect_error(TN_DATA_ERROR, "today");
  cr_assert_null(tn_custom_apply(&cube, NULL, TN_TENSORS(x), 0));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_custom_apply(NULL, NULL, TN_TENSORS(x), 1));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(tn_custom_apply(&cube, NULL, TN_TENSORS(NULL), 1));
  expect_error(TN_INVALID_ARGUMENT, "NULL");
  tn_release(x);
}

// ---- gradcheck ---------------------------------------------------------------------------------

TN_TEST(gradcheck, accepts_a_right_gradient_and_finds_a_wrong_one) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(3), (double[]){0.3, -1, 2});
  tn_requires_grad_(x, true);
  cube_state right = {.scale = 1}, wrong = {.scale = 1.01};
  cr_assert_eq(tn_gradcheck(apply_cube, &right, TN_TENSORS(x), NULL), TN_OK);
  cr_assert_eq(tn_gradgradcheck(apply_cube, &right, TN_TENSORS(x), NULL), TN_OK);
  expect_ok();
  cr_assert_eq(tn_gradcheck(apply_cube, &wrong, TN_TENSORS(x), NULL), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "");
  tn_scope_close(scope);
  cr_assert(right.deleted > 0 && wrong.deleted > 0);
}

static tn_tensor *with_detached_part(void *context, tn_tensors inputs) {
  (void)context;
  return tn_mul(inputs.data[0], tn_detach(inputs.data[0]));
}

TN_TEST(gradcheck, finds_a_part_that_was_cut_off) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2), (double[]){0.5, 2});
  tn_requires_grad_(x, true);
  cr_assert_eq(tn_gradcheck(with_detached_part, NULL, TN_TENSORS(x), NULL), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "");
  tn_scope_close(scope);
}

static tn_tensor *failing_function(void *context, tn_tensors inputs) {
  (void)context;
  return tn_reshape(inputs.data[0], TN_SHAPE(77));
}

TN_TEST(gradcheck, passes_on_the_failure_of_the_function) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = leaf_of(1);
  cr_assert_eq(tn_gradcheck(failing_function, NULL, TN_TENSORS(x), NULL), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "reshape");
  tn_scope_close(scope);
}

// ---- cycles ------------------------------------------------------------------------------------

TN_TEST(graph, that_saves_its_own_results_frees_itself) {
  // LeakSanitizer is the judge: exp, tanh and softmax save what they return.
  tn_tensor *x = leaf_of(1);
  tn_tensor *a = tn_exp(x), *b = tn_tanh(a), *c = tn_softmax(b, 0);
  tn_tensor *left = tn_mul(c, a);
  tn_release(a);
  tn_release(b);
  tn_release(c);
  tn_release(left);
  tn_release(x);
}

TN_TEST(graph, is_given_up_after_a_failed_backward) {
  tn_tensor *x = leaf_of(2);
  tn_tensor *y = tn_mul(x, x);
  tn_register_hook(y, failing_hook, NULL, NULL);
  tn_tensor *z = tn_exp(y);
  cr_assert_eq(tn_backward(z), TN_DATA_ERROR);
  tn_error_clear();
  tn_release(z);
  tn_release(y);
  tn_release(x);
}
