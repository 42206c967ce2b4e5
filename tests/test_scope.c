// SPDX-License-Identifier: Apache-2.0
//
// Ownership: who releases what, with and without scopes. A tensor over foreign memory tells when it
// really goes, through its deleter, so each test watches lifetimes from outside.

#include <pthread.h>

#include "tensor_test.h"

static void count_down(void *context) { --*(int *)context; }

// A tensor whose end takes 1 off |alive|.
static tn_tensor *watched(int *alive) {
  static float cells[4] = {1, 2, 3, 4};
  ++*alive;
  return tn_from_blob(cells, TN_SHAPE(4), TN_NO_DIMS, TN_F32, count_down, alive);
}

// ---- without a scope ---------------------------------------------------------------------------

TN_TEST(ownership, without_a_scope_the_caller_releases) {
  int alive = 0;
  tn_tensor *x = watched(&alive);
  cr_assert_eq(tn_tensor_refcount(x), 1);
  tn_release(x);
  cr_assert_eq(alive, 0);
}

TN_TEST(ownership, retain_adds_one_reference) {
  int alive = 0;
  tn_tensor *x = watched(&alive);
  cr_assert_eq(tn_retain(x), x);
  cr_assert_eq(tn_tensor_refcount(x), 2);
  tn_release(x);
  cr_assert_eq(alive, 1);
  tn_release(x);
  cr_assert_eq(alive, 0);
}

TN_TEST(ownership, null_and_none_are_legal_everywhere) {
  tn_release(NULL);
  tn_release(TN_NONE);
  tn_list_release(NULL);
  cr_assert_null(tn_retain(NULL));
  cr_assert_eq(tn_retain(TN_NONE), TN_NONE);
  cr_assert_null(tn_escape(NULL));
  cr_assert_eq(tn_escape(TN_NONE), TN_NONE);
  cr_assert_eq(tn_scope_close(NULL), TN_OK);
  expect_ok();
}

TN_TEST(ownership, parameters_are_borrowed) {
  tn_tensor *x = doubles(TN_SHAPE(2), (double[]){1, 2});
  tn_tensor *sum = tn_add(x, x);
  cr_assert_eq(tn_tensor_refcount(x), 1);
  cr_assert_eq(tn_tensor_refcount(sum), 1);
  tn_release(sum);
  tn_release(x);
}

TN_TEST(ownership, a_view_keeps_the_memory_alive) {
  int alive = 0;
  tn_tensor *x = watched(&alive);
  tn_tensor *view = tn_select(x, 0, 2);
  tn_release(x);
  cr_assert_eq(alive, 1);
  cr_assert_eq(tn_item(view), 3.0);
  tn_release(view);
  cr_assert_eq(alive, 0);
}

// ---- one scope ---------------------------------------------------------------------------------

TN_TEST(scope, close_releases_every_result) {
  int alive = 0;
  tn_scope *scope = tn_scope_open();
  for (int i = 0; i < 1000; i++) watched(&alive);
  cr_assert_eq(alive, 1000);
  cr_assert_eq(tn_scope_close(scope), TN_OK);
  cr_assert_eq(alive, 0);
}

TN_TEST(scope, owns_results_of_operators_and_lists) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_arange(6, .dtype = TN_F32);
  tn_list *halves = tn_chunk(tn_add(x, x), 2);
  cr_assert_eq(tn_list_count(halves), 2);
  expect_exactly(tn_list_at(halves, 1), 6, 8, 10);
  tn_scope_close(scope);
  expect_ok();
}

TN_TEST(scope, does_not_own_what_was_made_before) {
  int alive = 0;
  tn_tensor *x = watched(&alive);
  tn_scope *scope = tn_scope_open();
  cr_assert_not_null(tn_mul(x, x));
  tn_scope_close(scope);
  cr_assert_eq(alive, 1);
  cr_assert_eq(tn_tensor_refcount(x), 1);
  tn_release(x);
}

TN_TEST(scope, does_not_release_what_was_retained) {
  int alive = 0;
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_retain(watched(&alive));
  tn_scope_close(scope);
  cr_assert_eq(alive, 1);
  tn_release(x);
  cr_assert_eq(alive, 0);
}

TN_TEST(scope, owns_one_reference_for_each_time_a_call_returned_the_tensor) {
  tn_tensor *x = doubles(TN_SHAPE(2), (double[]){1, 2});
  tn_scope *scope = tn_scope_open();
  for (int i = 0; i < 3; i++) cr_assert_eq(tn_to(x, TN_DEVICE_CPU, TN_F64), x);
  cr_assert_eq(tn_tensor_refcount(x), 4);
  tn_scope_close(scope);
  cr_assert_eq(tn_tensor_refcount(x), 1);
  tn_release(x);
}

TN_TEST(scope, graph_and_intermediates_go_at_close) {
  int alive = 0;
  tn_tensor *w = tn_ones(TN_SHAPE(4));
  tn_requires_grad_(w, true);
  for (int step = 0; step < 3; step++) {
    tn_scope *scope = tn_scope_open();
    tn_tensor *loss = tn_sum(tn_mul(w, watched(&alive)));
    cr_assert_eq(tn_backward(loss, .retain_graph = true), TN_OK);
    cr_assert_eq(alive, 1);
    tn_scope_close(scope);
    cr_assert_eq(alive, 0);
  }
  expect_exactly(tn_tensor_grad(w), 3, 6, 9, 12);
  tn_release(w);
}

// ---- nesting and escaping ----------------------------------------------------------------------

TN_TEST(scope, inner_results_go_first) {
  int outer_alive = 0, inner_alive = 0;
  tn_scope *outer = tn_scope_open();
  watched(&outer_alive);
  tn_scope *inner = tn_scope_open();
  watched(&inner_alive);
  tn_scope_close(inner);
  cr_assert_eq(inner_alive, 0);
  cr_assert_eq(outer_alive, 1);
  watched(&outer_alive);
  tn_scope_close(outer);
  cr_assert_eq(outer_alive, 0);
}

TN_TEST(scope, closing_the_outer_one_closes_the_inner_ones) {
  int alive = 0;
  tn_scope *outer = tn_scope_open();
  watched(&alive);
  for (int depth = 0; depth < 5; depth++) {
    tn_scope_open();
    watched(&alive);
  }
  cr_assert_eq(tn_scope_close(outer), TN_OK);
  cr_assert_eq(alive, 0);
  tn_tensor *mine = watched(&alive);  // no scope is open any more
  cr_assert_eq(alive, 1);
  tn_release(mine);
  cr_assert_eq(alive, 0);
}

TN_TEST(scope, escape_without_an_outer_scope_gives_to_the_caller) {
  int alive = 0;
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = watched(&alive);
  watched(&alive);
  cr_assert_eq(tn_escape(x), x);
  tn_scope_close(scope);
  cr_assert_eq(alive, 1);
  cr_assert_eq(tn_tensor_refcount(x), 1);
  tn_release(x);
  cr_assert_eq(alive, 0);
}

TN_TEST(scope, escape_moves_to_the_enclosing_scope) {
  int alive = 0;
  tn_scope *outer = tn_scope_open();
  tn_scope *inner = tn_scope_open();
  tn_tensor *x = tn_escape(watched(&alive));
  tn_scope_close(inner);
  cr_assert_eq(alive, 1);
  cr_assert_eq(tn_tensor_refcount(x), 1);
  tn_scope_close(outer);
  cr_assert_eq(alive, 0);
}

TN_TEST(scope, escape_twice_climbs_two_scopes) {
  int alive = 0;
  tn_scope *outer = tn_scope_open();
  tn_scope *middle = tn_scope_open();
  tn_scope *inner = tn_scope_open();
  tn_tensor *x = tn_escape(watched(&alive));
  tn_scope_close(inner);
  tn_escape(x);
  tn_scope_close(middle);
  cr_assert_eq(alive, 1);
  tn_scope_close(outer);
  cr_assert_eq(alive, 0);
}

TN_TEST(scope, escape_of_a_tensor_it_does_not_own_retains_it) {
  int alive = 0;
  tn_tensor *x = watched(&alive);
  tn_scope *scope = tn_scope_open();
  cr_assert_eq(tn_escape(x), x);
  tn_scope_close(scope);
  cr_assert_eq(tn_tensor_refcount(x), 2);
  tn_release(x);
  tn_release(x);
  cr_assert_eq(alive, 0);
}

TN_TEST(scope, escape_with_no_scope_open_changes_nothing) {
  int alive = 0;
  tn_tensor *x = watched(&alive);
  cr_assert_eq(tn_escape(x), x);
  cr_assert_eq(tn_tensor_refcount(x), 1);
  tn_release(x);
  cr_assert_eq(alive, 0);
}

TN_TEST(scope, escaped_loss_keeps_its_graph_usable) {
  tn_tensor *w = doubles(TN_SHAPE(2), (double[]){3, 4});
  tn_requires_grad_(w, true);
  tn_scope *scope = tn_scope_open();
  tn_tensor *loss = tn_escape(tn_sum(tn_mul(tn_exp(tn_mul_scalar(w, 0)), tn_mul(w, w))));
  tn_scope_close(scope);
  cr_assert_eq(tn_backward(loss), TN_OK);
  expect_exactly(tn_tensor_grad(w), 6, 8);
  tn_release(loss);
  tn_release(w);
}

// ---- closing wrongly ---------------------------------------------------------------------------

TN_TEST(scope, close_twice_is_wrong_state) {
  tn_scope *outer = tn_scope_open();
  tn_scope *scope = tn_scope_open();
  cr_assert_eq(tn_scope_close(scope), TN_OK);
  cr_assert_eq(tn_scope_close(scope), TN_WRONG_STATE);
  expect_error(TN_WRONG_STATE, "tn_scope_close");
  cr_assert_eq(tn_scope_close(outer), TN_OK);
}

typedef struct foreign_close {
  tn_scope *scope;
  tn_status status;
  bool recorded;
} foreign_close;

static void *close_foreign(void *context) {
  foreign_close *state = context;
  state->status = tn_scope_close(state->scope);
  state->recorded = !tn_ok();
  return NULL;
}

TN_TEST(scope, close_on_another_thread_is_wrong_state_and_releases_nothing) {
  int alive = 0;
  foreign_close state = {tn_scope_open(), TN_OK, false};
  watched(&alive);
  pthread_t thread;
  cr_assert_eq(pthread_create(&thread, NULL, close_foreign, &state), 0);
  pthread_join(thread, NULL);
  cr_assert_eq(state.status, TN_WRONG_STATE);
  cr_assert(state.recorded, "the error belongs to the thread that made it");
  expect_ok();
  cr_assert_eq(alive, 1);
  cr_assert_eq(tn_scope_close(state.scope), TN_OK);
  cr_assert_eq(alive, 0);
}

static void *leave_open(void *context) {
  tn_scope_open();
  watched(context);
  tn_scope_open();
  watched(context);
  tn_add(watched(context), NULL);  // and an error nobody looks at
  return NULL;
}

TN_TEST(scope, the_end_of_a_thread_closes_what_it_left_open) {
  int alive = 0;
  pthread_t thread;
  cr_assert_eq(pthread_create(&thread, NULL, leave_open, &alive), 0);
  pthread_join(thread, NULL);
  cr_assert_eq(alive, 0);
}

static void *release_there(void *tensor) {
  tn_release(tensor);
  return NULL;
}

TN_TEST(ownership, the_last_release_may_come_from_another_thread) {
  int alive = 0;
  tn_tensor *x = watched(&alive);
  pthread_t thread;
  cr_assert_eq(pthread_create(&thread, NULL, release_there, x), 0);
  pthread_join(thread, NULL);
  cr_assert_eq(alive, 0);
}

// ---- a deleter that calls back -----------------------------------------------------------------

static void compute_in_deleter(void *context) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *one = tn_ones(TN_SHAPE(1), .dtype = TN_F64);
  *(double *)context = tn_item(tn_add(one, one));
  tn_scope_close(scope);
}

TN_TEST(scope, a_deleter_that_runs_at_close_may_compute) {
  double seen = 0;
  float cell = 0;
  tn_scope *scope = tn_scope_open();
  tn_ones(TN_SHAPE(2));
  tn_from_blob(&cell, TN_SHAPE(1), TN_NO_DIMS, TN_F32, compute_in_deleter, &seen);
  tn_ones(TN_SHAPE(2));
  tn_scope_close(scope);
  cr_assert_eq(seen, 2.0);
  expect_ok();
}

// ---- lists -------------------------------------------------------------------------------------

TN_TEST(list, owns_its_tensors_and_answers_out_of_range_with_null) {
  int alive = 0;
  tn_tensor *x = watched(&alive);
  tn_list *parts = tn_split(x, 3);
  tn_release(x);
  cr_assert_eq(tn_list_count(parts), 2);
  expect_shape(tn_list_at(parts, 0), TN_SHAPE(3));
  expect_shape(tn_list_at(parts, 1), TN_SHAPE(1));
  cr_assert_null(tn_list_at(parts, 2));
  cr_assert_null(tn_list_at(parts, -1));
  cr_assert_null(tn_list_at(NULL, 0));
  cr_assert_eq(tn_list_count(NULL), 0);
  expect_ok();
  cr_assert_eq(alive, 1);
  tn_list_release(parts);
  cr_assert_eq(alive, 0);
}

TN_TEST(list, a_tensor_retained_from_it_outlives_it) {
  tn_scope *scope = tn_scope_open();
  tn_list *rows = tn_unbind(tn_reshape(tn_arange(6, .dtype = TN_F32), TN_SHAPE(2, 3)));
  tn_tensor *row = tn_retain(tn_list_at(rows, 1));
  tn_scope_close(scope);
  expect_exactly(row, 3, 4, 5);
  tn_release(row);
}
