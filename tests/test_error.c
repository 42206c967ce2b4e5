// SPDX-License-Identifier: Apache-2.0
//
// Errors as values: the first failure stays, NULL runs through an expression, and what is recorded
// names the operator, the argument and the shapes. Whatever the input, the process lives on; each
// test ends by computing something.

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tensor_test.h"

static void expect_still_works(void) {
  expect_ok();
  tn_tensor *one = tn_ones(TN_SHAPE(1));
  tn_tensor *two = tn_add(one, one);
  cr_assert_eq(tn_item(two), 2.0);
  tn_release(two);
  tn_release(one);
}

// An error of |status| about |op| and |argument| is recorded; its message has |words|. Clears it.
static void expect_story(tn_status status, const char *op, const char *argument,
                         const char *words) {
  const tn_error *error = tn_error_peek();
  cr_assert_not_null(error, "no error is recorded");
  cr_assert_not_null(strstr(error->op, op), "op is '%s': %s", error->op, error->message);
  cr_assert_str_eq(error->argument, argument, "argument is '%s': %s", error->argument,
                   error->message);
  cr_assert_not_null(strstr(error->message, op), "no '%s' in: %s", op, error->message);
  expect_error(status, words);
}

// ---- the first cause ---------------------------------------------------------------------------

TN_TEST(error, one_check_at_the_end_finds_the_first_cause) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = tn_ones(TN_SHAPE(2, 3)), *b = tn_ones(TN_SHAPE(4, 5));
  tn_tensor *end = tn_sum(tn_exp(tn_mul(tn_matmul(a, b), tn_softmax(a, 9))));
  cr_assert_null(end);
  // C leaves open which operand is evaluated first; both name what they are about.
  const tn_error *error = tn_error_peek();
  cr_assert_not_null(error);
  cr_assert(strstr(error->message, "[2, 3]") != NULL, "%s", error->message);
  cr_assert(strstr(error->op, "matmul") != NULL || strstr(error->op, "softmax") != NULL, "%s",
            error->op);
  tn_error_clear();
  tn_scope_close(scope);
  expect_still_works();
}

TN_TEST(error, later_failures_keep_the_first) {
  tn_tensor *a = tn_ones(TN_SHAPE(2, 3));
  cr_assert_null(tn_softmax(a, 9));
  cr_assert_null(tn_reshape(a, TN_SHAPE(7)));
  cr_assert_eq(tn_add_(a, NULL), TN_OUT_OF_RANGE, "the status of the first cause");
  expect_story(TN_OUT_OF_RANGE, "softmax", "dim", "dim 9");
  tn_release(a);
  expect_still_works();
}

TN_TEST(error, a_failed_operand_gives_null_and_status_and_records_nothing_new) {
  tn_tensor *a = tn_ones(TN_SHAPE(2));
  tn_tensor *bad = tn_reshape(a, TN_SHAPE(3));
  cr_assert_null(bad);
  cr_assert_null(tn_add(a, bad));
  cr_assert_null(tn_add(bad, a));
  cr_assert_null(tn_sum(bad));
  cr_assert_null(tn_where(a, bad, a));
  cr_assert_null(tn_cat(TN_TENSORS(a, bad, a)));
  cr_assert_null(tn_select(bad, 0, 0));
  cr_assert_null(tn_to(bad, TN_DEVICE_CPU, TN_F64));
  cr_assert_null(tn_split(bad, 1));
  cr_assert_null(tn_clone(bad));
  cr_assert_null(tn_contiguous(bad));
  cr_assert_null(tn_zeros_like(bad));
  cr_assert_null(tn_detach(bad));
  cr_assert_neq(tn_backward(bad), TN_OK);
  cr_assert_neq(tn_add_(bad, a), TN_OK);
  cr_assert_neq(tn_fill_(bad, 1), TN_OK);
  cr_assert_neq(tn_copy_(a, bad), TN_OK);
  cr_assert_neq(tn_requires_grad_(bad, true), TN_OK);
  cr_assert_eq(tn_item(bad), 0.0);
  const tn_error *error = tn_error_peek();
  cr_assert_not_null(strstr(error->op, "reshape"), "first cause lost: %s", error->message);
  tn_error_clear();
  tn_release(a);
  expect_still_works();
}

TN_TEST(error, null_without_a_failure_before_is_a_failure_of_its_own) {
  tn_tensor *a = tn_ones(TN_SHAPE(2));
  cr_assert_null(tn_add(a, NULL));
  expect_story(TN_INVALID_ARGUMENT, "add.Tensor", "other", "NULL");
  cr_assert_null(tn_add(NULL, a));
  expect_story(TN_INVALID_ARGUMENT, "add.Tensor", "self", "NULL");
  cr_assert_neq(tn_add_(NULL, a), TN_OK);
  expect_error(TN_INVALID_ARGUMENT, "NULL");
  cr_assert_neq(tn_add_(a, NULL), TN_OK);
  expect_story(TN_INVALID_ARGUMENT, "add_.Tensor", "other", "NULL");
  cr_assert_null(tn_cat(TN_TENSORS(a, NULL)));
  expect_story(TN_INVALID_ARGUMENT, "cat", "tensors", "NULL");
  tn_release(a);
  expect_still_works();
}

TN_TEST(error, none_where_an_operand_is_required_is_an_error) {
  tn_tensor *a = tn_ones(TN_SHAPE(2));
  cr_assert_null(tn_add(a, TN_NONE));
  expect_story(TN_INVALID_ARGUMENT, "add.Tensor", "other", "TN_NONE");
  cr_assert_null(tn_exp(TN_NONE));
  expect_story(TN_INVALID_ARGUMENT, "exp", "self", "TN_NONE");
  cr_assert_null(tn_cat(TN_TENSORS(a, TN_NONE)));
  expect_story(TN_INVALID_ARGUMENT, "cat", "tensors", "TN_NONE");
  cr_assert_null(tn_select(TN_NONE, 0, 0));
  expect_story(TN_INVALID_ARGUMENT, "select.int", "self", "TN_NONE");
  cr_assert_neq(tn_add_(TN_NONE, a), TN_OK);
  expect_error(TN_INVALID_ARGUMENT, "TN_NONE");
  cr_assert_neq(tn_copy_(a, TN_NONE), TN_OK);
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_eq(tn_to(TN_NONE, TN_DEVICE_CPU, TN_F32), TN_NONE, "what is absent stays absent");
  tn_release(a);
  expect_still_works();
}

TN_TEST(error, none_is_legal_where_an_operand_is_optional) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_ones(TN_SHAPE(2, 3)), *w = tn_ones(TN_SHAPE(4, 3));
  cr_assert_not_null(tn_linear(x, w, TN_NONE));
  cr_assert_not_null(tn_clamp_tensor(x, TN_NONE, x));
  cr_assert_null(tn_linear(x, w, NULL), "NULL is a failed bias, not an absent one");
  expect_story(TN_INVALID_ARGUMENT, "linear", "bias", "NULL");
  tn_scope_close(scope);
  expect_still_works();
}

// ---- the record --------------------------------------------------------------------------------

TN_TEST(error, names_shapes_dtypes_and_devices) {
  tn_tensor *a = tn_ones(TN_SHAPE(2, 3));
  tn_tensor *b = tn_ones(TN_SHAPE(4), .dtype = TN_I64);
  cr_assert_null(tn_add(a, b));
  const char *message = tn_error_peek()->message;
  const char *words[] = {"add.Tensor", "self", "other", "float32", "[2, 3]", "int64", "[4]", "cpu"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    cr_assert_not_null(strstr(message, words[i]), "no '%s' in: %s", words[i], message);
  }
  tn_error_clear();
  tn_release(a);
  tn_release(b);
  expect_still_works();
}

TN_TEST(error, of_a_part_also_names_the_operator_that_was_called) {
  tn_tensor *a = tn_ones(TN_SHAPE(2, 3));
  cr_assert_null(tn_softmax(a, 9));
  expect_story(TN_OUT_OF_RANGE, "softmax", "dim", "softmax.int");
  tn_release(a);
}

TN_TEST(error, strings_are_never_null) {
  cr_assert_eq(tn_error_set(TN_DATA_ERROR, "%s %d", "of my own", 7), TN_DATA_ERROR);
  const tn_error *error = tn_error_peek();
  cr_assert_str_eq(error->message, "of my own 7");
  cr_assert_str_eq(error->op, "");
  cr_assert_str_eq(error->argument, "");
  cr_assert_str_eq(error->backend, "");
  cr_assert_str_eq(error->hint, "");
  tn_error_clear();
}

TN_TEST(error, clear_gives_the_status_once) {
  cr_assert_eq(tn_error_clear(), TN_OK);
  tn_error_set(TN_IO_ERROR, "x");
  cr_assert_not(tn_ok());
  cr_assert_eq(tn_error_clear(), TN_IO_ERROR);
  cr_assert(tn_ok());
  cr_assert_null(tn_error_peek());
  cr_assert_eq(tn_error_clear(), TN_OK);
}

TN_TEST(error, peek_leaves_it_recorded) {
  tn_error_set(TN_IO_ERROR, "x");
  cr_assert_eq(tn_error_peek(), tn_error_peek());
  cr_assert_eq(tn_error_peek()->status, TN_IO_ERROR);
  tn_error_clear();
}

TN_TEST(error, print_writes_status_message_hint_and_clears) {
  char text[8192] = "";
  FILE *file = tmpfile();
  cr_assert_not_null(file);
  tn_error_print(file);
  cr_assert_eq(ftell(file), 0L, "nothing is printed where there is no error");
  tn_tensor *a = tn_ones(TN_SHAPE(2));
  cr_assert_null(tn_add(a, NULL));
  tn_error_print(file);
  rewind(file);
  size_t length = fread(text, 1, sizeof text - 1, file);
  text[length] = '\0';
  fclose(file);
  cr_assert_eq(strncmp(text, "error (invalid argument): ", 26), 0, "%s", text);
  cr_assert_not_null(strstr(text, "hint: "), "%s", text);
  cr_assert_not_null(strstr(text, "TN_NONE"), "%s", text);
  tn_release(a);
  expect_still_works();
}

TN_TEST(error, a_very_long_message_is_cut_not_overrun) {
  size_t size = 100000;
  char *text = malloc(size);
  memset(text, 'x', size - 1);
  text[size - 1] = '\0';
  tn_error_set(TN_DATA_ERROR, "%s", text);
  cr_assert(strlen(tn_error_peek()->message) > 100);
  cr_assert(strlen(tn_error_peek()->message) < size);
  tn_error_clear();
  free(text);
}

TN_TEST(error, ok_as_a_status_to_record_is_an_internal_error) {
  cr_assert_eq(tn_error_set(TN_OK, "odd"), TN_INTERNAL);
  cr_assert_eq(tn_error_clear(), TN_INTERNAL);
}

TN_TEST(error, every_status_has_a_name) {
#define X(name, value, text) cr_assert_str_eq(tn_status_name(value), text);
  TN_STATUS_TABLE(X)
#undef X
  cr_assert_str_eq(tn_status_name(-1), "unknown status");
  cr_assert_str_eq(tn_status_name(1000), "unknown status");
}

static void *fail_here(void *was_ok) {
  *(bool *)was_ok = tn_ok();
  tn_add(NULL, NULL);
  return NULL;
}

TN_TEST(error, belongs_to_its_thread) {
  tn_error_set(TN_IO_ERROR, "mine");
  bool was_ok = false;
  pthread_t thread;
  cr_assert_eq(pthread_create(&thread, NULL, fail_here, &was_ok), 0);
  pthread_join(thread, NULL);
  cr_assert(was_ok, "another thread's error is not this one's");
  expect_error(TN_IO_ERROR, "mine");
}

TN_TEST(error, success_does_not_clear_a_failure) {
  tn_error_set(TN_IO_ERROR, "mine");
  tn_tensor *one = tn_ones(TN_SHAPE(1));
  tn_tensor *two = tn_add(one, one);
  cr_assert_not_null(two, "an error that is still recorded must not fail a good call");
  cr_assert_eq(tn_add_(two, one), TN_OK);
  cr_assert_eq(tn_item(two), 3.0);
  tn_release(one);
  tn_release(two);
  expect_error(TN_IO_ERROR, "mine");
}

TN_TEST(error, questions_record_nothing) {
  cr_assert_null(tn_op_find("no_such_operator"));
  cr_assert_null(tn_op_find(NULL));
  cr_assert_null(tn_op_at(-1));
  cr_assert_null(tn_op_at(1 << 30));
  cr_assert_not(tn_device_is_available("unicorn"));
  cr_assert_not(tn_device_is_available("cpu:7"));
  cr_assert_not(tn_device_is_available(NULL));
  cr_assert_eq(tn_device_count("unicorn"), 0);
  cr_assert_not(tn_op_has_kernel("no_such_operator", TN_F32, TN_DEVICE_CPU));
  cr_assert_eq(tn_dtype_parse("float31"), TN_DTYPE_NONE);
  cr_assert_eq(tn_dtype_parse(NULL), TN_DTYPE_NONE);
  cr_assert_not(tn_can_cast(TN_F32, TN_I64));
  cr_assert_eq(tn_tensor_size(NULL, 0), -1);
  expect_ok();
}

TN_TEST(error, questions_about_null_and_none_have_empty_answers) {
  const tn_tensor *both[] = {NULL, TN_NONE};
  for (int i = 0; i < 2; i++) {
    cr_assert_eq(tn_tensor_ndim(both[i]), 0);
    cr_assert_eq(tn_tensor_numel(both[i]), 0);
    cr_assert_eq(tn_tensor_dtype(both[i]), TN_DTYPE_NONE);
    cr_assert_eq(tn_tensor_shape(both[i]).count, 0);
    cr_assert_eq(tn_tensor_storage_offset(both[i]), 0);
    cr_assert_eq(tn_tensor_version(both[i]), 0);
    cr_assert_not(tn_tensor_is_contiguous(both[i]));
    cr_assert_not(tn_tensor_is_view(both[i]));
    cr_assert_not(tn_tensor_shares_storage(both[i], both[i]));
    cr_assert_not(tn_requires_grad(both[i]));
    cr_assert_null(tn_tensor_grad(both[i]));
    cr_assert_str_eq(tn_grad_fn(both[i]), "");
  }
  expect_ok();
}
