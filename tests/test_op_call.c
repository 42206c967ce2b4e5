// SPDX-License-Identifier: Apache-2.0
//
// Operators by name: what bindings and importers are written against. The table must agree with
// itself and with the typed calls, and whatever values it is handed it answers with an error.

#include <stdlib.h>

#include "tensor_test.h"

static tn_tensor *call_one(const char *name, const tn_value *args, int32_t count) {
  tn_value result;
  if (tn_op_call(tn_op_find(name), args, count, &result) != TN_OK) return NULL;
  cr_assert_eq(result.kind, TN_VALUE_TENSOR);
  return result.as.tensor;
}

#define CALL(name, ...)                     \
  call_one(name, (tn_value[]){__VA_ARGS__}, \
           (int32_t)(sizeof((tn_value[]){__VA_ARGS__}) / sizeof(tn_value)))

// ---- names -------------------------------------------------------------------------------------

TN_TEST(op_find, knows_aliases_with_their_suffixes) {
  const char *spellings[][2] = {
      {"concat", "cat"},
      {"multiply", "mul.Tensor"},
      {"multiply.Scalar", "mul.Scalar"},
      {"aten::multiply_", "mul_.Tensor"},
      {"subtract_.Scalar", "sub_.Scalar"},
      {"clip", "clamp"},
      {"clip_", "clamp_"},
      {"clip.Tensor", "clamp.Tensor"},
      {"swapaxes", "transpose.int"},
      {"not_equal", "ne.Tensor"},
      {"linalg.eigh", "linalg_eigh"},
  };
  for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
    cr_expect_str_eq(tn_op_name(tn_op_find(spellings[i][0])), spellings[i][1], "%s",
                     spellings[i][0]);
  }
  const char *unknown[] = {"clip.",  "clip__", "multipl", "multiply.nothing", "linalg.", "fft.",
                           "linalg", "_",      ""};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
    cr_expect_null(tn_op_find(unknown[i]), "'%s'", unknown[i]);
  }
  for (int32_t i = 0; i < tn_op_count(); i++) {
    cr_expect_str_neq(tn_op_name(tn_op_at(i)), "clip", "the walk meets each operator once");
  }
}

TN_TEST(op_find, knows_every_spelling) {
  const char *spellings[][2] = {
      {"softmax", "softmax.int"},
      {"softmax.int", "softmax.int"},
      {"add", "add.Tensor"},
      {"add.Tensor", "add.Tensor"},
      {"aten::add.Tensor", "add.Tensor"},
      {"aten::add", "add.Tensor"},
      {"add.Scalar", "add.Scalar"},
      {"add_", "add_.Tensor"},
      {"add_.Tensor", "add_.Tensor"},
      {"add_.Scalar", "add_.Scalar"},
      {"aten::add_", "add_.Tensor"},
      {"exp", "exp"},
      {"_softmax", "_softmax"},
      {"copy_", "copy_"},
      {"relu_", "relu_"},
  };
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
    const tn_op *op = tn_op_find(spellings[i][0]);
    cr_assert_not_null(op, "%s", spellings[i][0]);
    cr_assert_str_eq(tn_op_name(op), spellings[i][1], "%s", spellings[i][0]);
  }
}

TN_TEST(op_find, answers_null_for_what_is_no_operator) {
  char *longest = malloc(100001);
  memset(longest, 'a', 100000);
  longest[100000] = '\0';
  const char *bad[] = {"",    "addd", "add.Nothing", "aten::",          "::", "add.", ".Tensor",
                       "Add", "add ", "add__",       "aten::aten::add", "_",  longest};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) cr_assert_null(tn_op_find(bad[i]));
  expect_ok();
  free(longest);
}

// ---- the table ---------------------------------------------------------------------------------

TN_TEST(op_table, is_sorted_and_finds_itself) {
  cr_assert(tn_op_count() > 150, "%d", tn_op_count());
  for (int32_t i = 0; i < tn_op_count(); i++) {
    const tn_op *op = tn_op_at(i);
    const char *name = tn_op_name(op), *schema = tn_op_schema(op);
    cr_assert_eq(tn_op_find(name), op, "%s", name);
    if (i > 0) cr_assert_lt(strcmp(tn_op_name(tn_op_at(i - 1)), name), 0, "%s", name);
    cr_assert_eq(strncmp(schema, name, strlen(name)), 0, "%s", schema);
    cr_assert_eq(schema[strlen(name)], '(', "%s", schema);
    cr_assert_not_null(strstr(schema, ") -> "), "%s", schema);
    cr_assert(tn_op_result_count(op) >= 1, "%s", schema);
  }
}

TN_TEST(op_table, lists_the_arguments_of_the_schema_in_order) {
  for (int32_t i = 0; i < tn_op_count(); i++) {
    const tn_op *op = tn_op_at(i);
    const char *at = tn_op_schema(op);
    for (int32_t k = 0; k < tn_op_arg_count(op); k++) {
      tn_op_arg arg;
      cr_assert_eq(tn_op_arg_at(op, k, &arg), TN_OK);
      cr_assert(strlen(arg.name) > 0 && strlen(arg.type) > 0);
      at = strstr(at, arg.name);
      cr_assert_not_null(at, "%s of %s", arg.name, tn_op_schema(op));
    }
    tn_op_arg none;
    cr_assert_neq(tn_op_arg_at(op, tn_op_arg_count(op), &none), TN_OK);
    cr_assert_neq(tn_op_arg_at(op, -1, &none), TN_OK);
    tn_error_clear();
  }
}

TN_TEST(op_table, says_what_an_argument_is) {
  const tn_op *op = tn_op_find("softmax");
  tn_op_arg arg;
  cr_assert_eq(tn_op_arg_count(op), 3);
  tn_op_arg_at(op, 1, &arg);
  cr_assert_str_eq(arg.name, "dim");
  cr_assert_str_eq(arg.type, "int");
  cr_assert_null(arg.fallback);
  tn_op_arg_at(op, 2, &arg);
  cr_assert_str_eq(arg.type, "ScalarType?");
  cr_assert_str_eq(arg.fallback, "None");
}

TN_TEST(op_table, says_what_an_operator_is_like) {
  tn_op_traits view = tn_op_traits_of(tn_op_find("permute"));
  cr_assert(view.view && view.differentiable && !view.random && !view.needs_kernel);
  tn_op_traits add = tn_op_traits_of(tn_op_find("add"));
  cr_assert(!add.view && add.differentiable && add.inplace && add.needs_kernel);
  tn_op_traits softmax = tn_op_traits_of(tn_op_find("softmax"));
  cr_assert(softmax.composite && softmax.differentiable);
  tn_op_traits rand = tn_op_traits_of(tn_op_find("rand"));
  cr_assert(rand.random && !rand.differentiable);
  tn_op_traits argmax = tn_op_traits_of(tn_op_find("argmax"));
  cr_assert_not(argmax.differentiable);
}

// ---- calls that agree with the typed ones ------------------------------------------------------

TN_TEST(op_call, equals_the_typed_call) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2, 2), (double[]){1, 2, 3, 4});
  tn_value self = tn_value_tensor(x);
  expect_exactly(CALL("add", self, self), 2, 4, 6, 8);
  expect_exactly(CALL("add", self, self, tn_value_scalar(tn_scalar_int(10))), 11, 22, 33, 44);
  expect_exactly(CALL("add.Scalar", self, tn_value_int(5)), 6, 7, 8, 9);
  expect_exactly(CALL("mul.Scalar", self, tn_value_float(0.5)), 0.5, 1, 1.5, 2);
  expect_exactly(CALL("sum.dim_IntList", self, tn_value_ints(TN_DIMS(0))), 4, 6);
  expect_exactly(CALL("sum", self), 10);
  expect_shape(CALL("sum.dim_IntList", self, tn_value_ints(TN_DIMS(0)), tn_value_bool(true)),
               TN_SHAPE(1, 2));
  tn_tensor *wide = CALL("sum", self, tn_value_dtype(TN_F32));
  cr_assert_eq(tn_tensor_dtype(wide), TN_F32);
  expect_exactly(CALL("transpose", self, tn_value_int(0), tn_value_int(1)), 1, 3, 2, 4);
  tn_tensor *pair[] = {x, x};
  expect_shape(CALL("cat", tn_value_tensors((tn_tensors){pair, 2}), tn_value_int(1)),
               TN_SHAPE(2, 4));
  expect_exactly(CALL("clamp", self, tn_value_none(), tn_value_int(3)), 1, 2, 3, 3);
  expect_exactly(CALL("div.Tensor_mode", self, self, tn_value_string("floor")), 1, 1, 1, 1);
  expect_exactly(
      CALL("where.ScalarSelf", tn_value_tensor(tn_gt_scalar(x, 2)), tn_value_int(0), self), 1, 2, 0,
      0);
  tn_tensor *made = CALL("full", tn_value_ints(TN_SHAPE(2)), tn_value_int(7),
                         tn_value_dtype(TN_I16), tn_value_device(TN_DEVICE_CPU));
  cr_assert_eq(tn_tensor_dtype(made), TN_I16);
  expect_exactly(made, 7, 7);
  tn_scope_close(scope);
}

TN_TEST(op_call, gives_all_results) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(2, 2), (double[]){1, 9, 3, 4});
  const tn_op *op = tn_op_find("max.dim");
  cr_assert_eq(tn_op_result_count(op), 2);
  tn_value args[] = {tn_value_tensor(x), tn_value_int(0)}, results[2];
  cr_assert_eq(tn_op_call(op, args, 2, results), TN_OK);
  expect_exactly(results[0].as.tensor, 3, 9);
  expect_exactly(results[1].as.tensor, 1, 0);
  tn_scope_close(scope);
}

TN_TEST(op_call, gives_a_list) {
  tn_scope *scope = tn_scope_open();
  tn_value args[] = {tn_value_tensor(tn_arange(5)), tn_value_int(2)}, result;
  cr_assert_eq(tn_op_call(tn_op_find("split"), args, 2, &result), TN_OK);
  cr_assert_eq(result.kind, TN_VALUE_LIST);
  cr_assert_eq(tn_list_count(result.as.list), 3);
  tn_scope_close(scope);
}

TN_TEST(op_call, results_belong_to_the_caller_without_a_scope) {
  tn_tensor *x = doubles(TN_SHAPE(3), (double[]){1, 2, 3});
  tn_tensor *y = CALL("exp", tn_value_tensor(x));
  cr_assert_eq(tn_tensor_refcount(y), 1);
  tn_release(y);
  tn_value args[] = {tn_value_tensor(x), tn_value_int(2)}, result;
  cr_assert_eq(tn_op_call(tn_op_find("split"), args, 2, &result), TN_OK);
  tn_list_release(result.as.list);
  cr_assert_eq(tn_tensor_refcount(x), 1);
  tn_release(x);
}

TN_TEST(op_call, in_place_writes_self_and_returns_it) {
  tn_tensor *x = doubles(TN_SHAPE(2), (double[]){1, 2});
  tn_tensor *same = CALL("add_", tn_value_tensor(x), tn_value_tensor(x));
  cr_assert_eq(same, x);
  cr_assert_eq(tn_tensor_refcount(x), 2);
  expect_exactly(x, 2, 4);
  tn_release(same);
  same = CALL("mul_.Scalar", tn_value_tensor(x), tn_value_int(3));
  expect_exactly(x, 6, 12);
  tn_release(same);
  tn_release(x);
}

TN_TEST(op_call, out_writes_the_given_tensors) {
  tn_tensor *x = doubles(TN_SHAPE(2), (double[]){4, 9});
  tn_tensor *out = tn_empty(TN_SHAPE(2), .dtype = TN_F64);
  const tn_op *root = tn_op_find("sqrt");
  tn_value self = tn_value_tensor(x);
  cr_assert(tn_op_traits_of(root).out);
  cr_assert_eq(tn_op_call_out(root, TN_TENSORS(out), &self, 1), TN_OK);
  expect_exactly(out, 2, 3);
  cr_assert_eq(tn_op_call_out(root, TN_TENSORS(out, x), &self, 1), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_op_call_out(root, (tn_tensors){NULL, 1}, &self, 1), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_op_call_out(root, TN_TENSORS(NULL), &self, 1), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_neq(tn_op_call_out(tn_op_find("reshape"), TN_TENSORS(out), &self, 1), TN_OK);
  cr_assert_neq(tn_error_clear(), TN_OK);
  tn_release(x);
  tn_release(out);
}

TN_TEST(op_call, records_gradients) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = doubles(TN_SHAPE(1), (double[]){3});
  tn_requires_grad_(x, true);
  tn_tensor *y = CALL("mul", tn_value_tensor(x), tn_value_tensor(x));
  cr_assert_eq(tn_backward(y), TN_OK);
  expect_exactly(tn_tensor_grad(x), 6);
  tn_scope_close(scope);
}

TN_TEST(op_call, takes_none_for_an_absent_operand) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_ones(TN_SHAPE(1, 2), .dtype = TN_F64);
  tn_value self = tn_value_tensor(x);
  expect_exactly(CALL("linear", self, self, tn_value_none()), 2);
  expect_exactly(CALL("linear", self, self), 2);
  expect_exactly(CALL("linear", self, self, tn_value_tensor(TN_NONE)), 2);
  tn_scope_close(scope);
}

// ---- what it refuses ---------------------------------------------------------------------------

TN_TEST(op_call, refuses_wrong_counts) {
  tn_tensor *x = tn_ones(TN_SHAPE(1));
  tn_value args[8], result;
  for (int i = 0; i < 8; i++) args[i] = tn_value_tensor(x);
  const tn_op *add = tn_op_find("add");
  const int32_t counts[] = {4, 8, 1, 0, -1};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    cr_assert_eq(tn_op_call(add, args, counts[i], &result), TN_INVALID_ARGUMENT, "%d", counts[i]);
    cr_assert_eq(result.kind, TN_VALUE_NONE);
    expect_error(TN_INVALID_ARGUMENT, "add.Tensor");
  }
  cr_assert_neq(tn_op_call(NULL, args, 2, &result), TN_OK);
  cr_assert_neq(tn_error_clear(), TN_OK);
  tn_release(x);
}

TN_TEST(op_call, refuses_wrong_kinds_by_the_arguments_name) {
  tn_tensor *x = tn_ones(TN_SHAPE(2, 2));
  tn_value self = tn_value_tensor(x);
  cr_assert_null(CALL("softmax", self, tn_value_string("rows")));
  expect_error(TN_INVALID_ARGUMENT, "'dim'");
  cr_assert_null(CALL("softmax", self, tn_value_float(0)));
  expect_error(TN_INVALID_ARGUMENT, "'dim'");
  cr_assert_null(CALL("softmax", tn_value_int(3), tn_value_int(0)));
  expect_error(TN_INVALID_ARGUMENT, "'self'");
  cr_assert_null(CALL("cat", self));
  expect_error(TN_INVALID_ARGUMENT, "'tensors'");
  cr_assert_null(CALL("add.Scalar", self, tn_value_string("1")));
  expect_error(TN_INVALID_ARGUMENT, "'other'");
  cr_assert_null(CALL("sum.dim_IntList", self, tn_value_int(0)));
  expect_error(TN_INVALID_ARGUMENT, "'dim'");
  tn_value odd = {.kind = 77};
  cr_assert_null(CALL("exp", odd));
  expect_error(TN_INVALID_ARGUMENT, "77");
  cr_assert_null(CALL("exp", tn_value_none()));
  expect_error(TN_INVALID_ARGUMENT, "'self'");
  tn_release(x);
}

TN_TEST(op_call, refuses_null_operands_lists_and_texts) {
  tn_tensor *x = tn_ones(TN_SHAPE(2, 2));
  tn_value self = tn_value_tensor(x);
  cr_assert_null(CALL("add", self, tn_value_tensor(NULL)));
  expect_error(TN_INVALID_ARGUMENT, "'other'");
  cr_assert_null(CALL("cat", tn_value_tensors((tn_tensors){NULL, 3})));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(CALL("cat", tn_value_tensors((tn_tensors){NULL, -3})));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(CALL("cat", tn_value_tensors((tn_tensors){NULL, INT64_MAX})));
  expect_error(TN_INVALID_ARGUMENT, "");
  cr_assert_null(CALL("reshape", self, tn_value_ints(tn_ints_of(NULL, 2))));
  expect_error(TN_INVALID_ARGUMENT, "shape");
  tn_tensor *plain = CALL("gelu", self, tn_value_string(NULL));
  cr_assert((plain == NULL) == !tn_ok(), "no text is the default or an error");
  tn_error_clear();
  tn_release(plain);
  cr_assert_null(CALL("sum", self, tn_value_dtype(99)));
  expect_error(TN_INVALID_DTYPE, "99");
  tn_release(x);
}

// Every operator with nothing, with too few and with odd values: an answer or an error, never a
// crash, never a leak.
TN_TEST(op_call, survives_nonsense_for_every_operator) {
  tn_tensor *x = tn_ones(TN_SHAPE(2, 2));
  tn_tensor *whole = tn_ones(TN_SHAPE(2), .dtype = TN_I64);
  tn_tensor *pair[] = {x, whole};
  const tn_value odd[] = {
      tn_value_none(),
      tn_value_tensor(x),
      tn_value_tensor(whole),
      tn_value_tensor(NULL),
      tn_value_tensor(TN_NONE),
      tn_value_int(-7),
      tn_value_int(1),
      tn_value_float(NAN),
      tn_value_bool(true),
      tn_value_ints(TN_INTS(2, 1)),
      tn_value_ints(TN_INTS(-9, 1, 1)),
      tn_value_dtype(TN_I64),
      tn_value_string("odd"),
      tn_value_scalar((tn_scalar){0}),
      tn_value_tensors((tn_tensors){pair, 2}),
      tn_value_tensors((tn_tensors){pair, 0}),
      tn_value_device((tn_device){50, 0}),
  };
  enum { ODD = sizeof odd / sizeof *odd, MOST = 16 };
  uint32_t state = 12345;
  for (int32_t i = 0; i < tn_op_count(); i++) {
    const tn_op *op = tn_op_at(i);
    for (int round = 0; round < 60; round++) {
      tn_value args[MOST], results[8];
      int32_t count = tn_op_arg_count(op);
      cr_assert(count <= MOST);
      for (int32_t k = 0; k < count; k++) {
        state = state * 1664525u + 1013904223u;
        bool easy = k == 0 && round % 3 != 0;
        args[k] = odd[easy ? 1 : (state >> 16) % ODD];
      }
      tn_scope *scope = tn_scope_open();
      tn_status status = tn_op_call(op, args, count - round % 2 * (round % (count + 1)), results);
      cr_assert((status == TN_OK) == tn_ok(), "%s: status %d, %s", tn_op_name(op), status,
                tn_ok() ? "nothing recorded" : tn_error_peek()->message);
      tn_error_clear();
      tn_scope_close(scope);
    }
  }
  tn_release(x);
  tn_release(whole);
}
