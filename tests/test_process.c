// SPDX-License-Identifier: Apache-2.0
//
// The two ends of a process's life with Tenon: a fork, whose child may release and leave but not
// compute, and tn_shutdown. Each test runs in a process of its own. A child reports by its exit
// status alone, since a failed assertion there would be lost.

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tensor_test.h"

enum { CHILD_OK = 42 };

static tn_tensor *x, *y;  // made before the fork

static void compute_first(void) {
  x = tn_ones(TN_SHAPE(1000), .dtype = TN_F64);
  y = tn_add(x, x);
  cr_assert_not_null(y);
}

// Runs |body| in a forked child; its exit status.
static int in_child(int (*body)(void)) {
  pid_t child = fork();
  cr_assert_neq(child, -1);
  if (child == 0) _exit(body());
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  cr_assert(WIFEXITED(status), "the child was ended by signal %d", WTERMSIG(status));
  return WEXITSTATUS(status);
}

static void release_all(void) {
  tn_release(x);
  tn_release(y);
}

static int refused(bool failed) {
  const tn_error *error = tn_error_peek();
  bool clear = failed && error != NULL && error->status == TN_WRONG_STATE &&
               strstr(error->message, "fork") != NULL;
  tn_error_clear();
  return clear;
}

static int calls_fail(void) {
  if (!refused(tn_add(x, y) == NULL)) return 1;
  if (!refused(tn_zeros(TN_SHAPE(2)) == NULL)) return 2;
  if (!refused(tn_add_(x, y) != TN_OK)) return 3;
  if (!refused(tn_sum(y) == NULL)) return 4;
  if (!refused(tn_select(x, 0, 0) == NULL)) return 5;
  if (!refused(tn_matmul(x, y) == NULL)) return 6;
  return CHILD_OK;
}

TN_TEST(fork, calls_in_the_child_fail_and_say_why) {
  compute_first();
  cr_assert_eq(in_child(calls_fail), CHILD_OK);
  tn_tensor *z = tn_add(x, y);
  cr_assert_not_null(z, "the parent goes on");
  expect_ok();
  tn_release(z);
  release_all();
}

static int release_is_legal(void) {
  release_all();
  return tn_ok() ? CHILD_OK : 1;
}

TN_TEST(fork, releasing_in_the_child_is_legal) {
  compute_first();
  cr_assert_eq(in_child(release_is_legal), CHILD_OK);
  tn_tensor *first = tn_select(x, 0, 0);
  expect_exactly(first, 1);
  tn_release(first);
  release_all();
}

static int scopes_close(void) {
  tn_scope *scope = tn_scope_open();
  tn_scope_close(scope);
  return CHILD_OK;
}

TN_TEST(fork, scopes_open_and_close_in_the_child) {
  compute_first();
  cr_assert_eq(in_child(scopes_close), CHILD_OK);
  release_all();
}

static int run_true(void) {
  execlp("true", "true", (char *)NULL);
  return 1;
}

TN_TEST(fork, exec_in_the_child_is_legal) {
  compute_first();
  cr_assert_eq(in_child(run_true), 0);
  release_all();
}

static int pool_is_not_waited_for(void) {
  tn_tensor *large = tn_ones(TN_SHAPE(1000000));
  bool failed = large == NULL;
  tn_release(large);
  return failed ? CHILD_OK : 1;
}

TN_TEST(fork, does_not_hang_on_threads_that_are_not_there) {
  tn_set_thread_count(4);
  tn_tensor *large = tn_ones(TN_SHAPE(1000000));
  tn_tensor *sum = tn_add(large, large);
  cr_assert_eq(in_child(pool_is_not_waited_for), CHILD_OK);
  tn_tensor *again = tn_add(sum, large);
  cr_assert_not_null(again);
  tn_release(again);
  tn_release(sum);
  tn_release(large);
}

static int first_use(void) {
  tn_tensor *one = tn_ones(TN_SHAPE(1));
  tn_tensor *two = tn_add(one, one);
  // Either answer is honest: a child of a process that never computed may be allowed to.
  bool computed = two != NULL && tn_item(two) == 2.0;
  bool refused_clearly = two == NULL && !tn_ok();
  tn_release(two);
  tn_release(one);
  return computed || refused_clearly ? CHILD_OK : 1;
}

TN_TEST(fork, before_the_first_call_leaves_a_usable_child) {
  cr_assert_eq(in_child(first_use), CHILD_OK);
}

// ---- shutdown ----------------------------------------------------------------------------------

TN_TEST(shutdown, later_calls_fail_and_releasing_stays_legal) {
  compute_first();
  tn_scope *scope = tn_scope_open();
  tn_exp(x);
  tn_shutdown();
  cr_assert_null(tn_add(x, y));
  expect_error(TN_WRONG_STATE, "tn_shutdown");
  cr_assert_neq(tn_mul_scalar_(x, 2), TN_OK);
  expect_error(TN_WRONG_STATE, "tn_shutdown");
  cr_assert_null(tn_zeros(TN_SHAPE(1)));
  expect_error(TN_WRONG_STATE, "tn_shutdown");
  tn_shutdown();
  cr_assert_eq(tn_scope_close(scope), TN_OK);
  release_all();
  expect_ok();
}

TN_TEST(shutdown, frees_a_graph_afterwards) {
  compute_first();
  tn_requires_grad_(x, true);
  tn_tensor *e = tn_exp(x);
  tn_tensor *loss = tn_sum(e);
  tn_release(e);
  tn_shutdown();
  cr_assert_neq(tn_backward(loss), TN_OK);
  expect_error(TN_WRONG_STATE, "tn_shutdown");
  tn_release(loss);
  release_all();
}

TN_TEST(shutdown, before_the_first_call_is_legal) {
  tn_shutdown();
  cr_assert_null(tn_ones(TN_SHAPE(1)));
  expect_error(TN_WRONG_STATE, "tn_shutdown");
}

static void *release_late(void *context) {
  (void)context;
  release_all();
  return NULL;
}

TN_TEST(shutdown, lets_other_threads_release) {
  pthread_t thread;
  compute_first();
  tn_shutdown();
  cr_assert_eq(pthread_create(&thread, NULL, release_late, NULL), 0);
  pthread_join(thread, NULL);
}
