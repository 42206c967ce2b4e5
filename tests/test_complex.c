// SPDX-License-Identifier: Apache-2.0
//
// complex: parts of complex numbers are views, and gradients are conjugated: dL/dRe + i dL/dIm.

#include <tenon/tenon.h>

#include "support/tensor_test.h"

static const tn_complex128 left[] = {{1, 2}, {3, -1}}, right[] = {{0.5, -1}, {2, 4}};

static tn_tensor *numbers(const tn_complex128 *values) {
  tn_tensor *tensor = tn_zeros(TN_SHAPE(2), .dtype = TN_C128);
  memcpy(tn_tensor_data(tensor), values, 2 * sizeof *values);
  return tensor;
}

TN_TEST(complex, real_and_imag_are_views_and_writing_them_writes_the_number) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *z = numbers(left);
  cr_assert_eq(tn_tensor_dtype(tn_real(z)), TN_F64);
  cr_assert_eq(tn_neg_(tn_imag(z)), TN_OK);
  const tn_complex128 *data = tn_tensor_data(z);
  cr_assert(data[0].real == 1 && data[0].imag == -2 && data[1].real == 3 && data[1].imag == 1);
  tn_scope_close(scope);
}

// L = Re(sum(a b)): its gradient by a is conj(b).
TN_TEST(complex, the_gradient_of_a_product_is_conjugated) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = numbers(left), *b = numbers(right);
  cr_assert_eq(tn_requires_grad_(a, true), TN_OK);
  cr_assert_eq(tn_backward(tn_sum(tn_real(tn_mul(a, b)))), TN_OK);
  const tn_complex128 *grad = tn_tensor_data(tn_tensor_grad(a));
  for (int i = 0; i < 2; i++) {
    cr_assert_eq(grad[i].real, right[i].real);
    cr_assert_eq(grad[i].imag, -right[i].imag);
  }
  tn_scope_close(scope);
}

// A real operand beside a complex one has no imaginary direction: it gets the real part.
TN_TEST(complex, the_gradient_of_a_real_operand_is_real) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *a = tn_ones(TN_SHAPE(2), .dtype = TN_F64), *b = numbers(right);
  cr_assert_eq(tn_requires_grad_(a, true), TN_OK);
  cr_assert_eq(tn_backward(tn_sum(tn_real(tn_mul(a, b)))), TN_OK);
  cr_assert_eq(tn_tensor_dtype(tn_tensor_grad(a)), TN_F64);
  const double *grad = tn_tensor_data(tn_tensor_grad(a));
  cr_assert(grad[0] == right[0].real && grad[1] == right[1].real);
  tn_scope_close(scope);
}

// ---- gradcheck ---------------------------------------------------------------------------------

// complex -> complex, complex -> real, and real and complex -> complex.
static tn_tensor *cube(void *context, tn_tensors inputs) {
  (void)context;
  return tn_mul(inputs.data[0], tn_square(inputs.data[0]));
}
static tn_tensor *size_squared(void *context, tn_tensors inputs) {
  (void)context;
  return tn_real(tn_mul(inputs.data[0], tn_conj(inputs.data[0])));
}
static tn_tensor *product(void *context, tn_tensors inputs) {
  (void)context;
  return tn_mul(inputs.data[0], inputs.data[1]);
}

TN_TEST(complex, gradcheck_moves_both_parts) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *z = numbers(left), *x = tn_ones(TN_SHAPE(3, 1), .dtype = TN_F64);
  cr_assert_eq(tn_requires_grad_(z, true), TN_OK);
  cr_assert_eq(tn_requires_grad_(x, true), TN_OK);
  const tn_gradcheck_fn functions[] = {cube, size_squared, product};
  for (int i = 0; i < 3; i++) {
    tn_tensors inputs = TN_TENSORS(z, x);
    if (i < 2) inputs.count = 1;
    cr_expect_eq(tn_gradcheck(functions[i], NULL, inputs, NULL), TN_OK, "%d", i);
    cr_expect_eq(tn_gradgradcheck(functions[i], NULL, inputs, NULL), TN_OK, "%d", i);
  }
  tn_scope_close(scope);
}

// A square whose gradient is not conjugated.
static tn_status square_forward(void *context, tn_custom_call *call, tn_tensor *const *inputs,
                                tn_tensor **outputs) {
  (void)context;
  outputs[0] = tn_square(inputs[0]);
  return tn_custom_save(call, inputs[0]);
}
static tn_status unconjugated(void *context, tn_custom_call *call, tn_tensor *const *grad_outputs,
                              tn_tensor **grad_inputs) {
  (void)context;
  grad_inputs[0] = tn_mul(grad_outputs[0], tn_mul_scalar(tn_custom_saved(call, 0), 2));
  return TN_OK;
}
static tn_tensor *wrong_square(void *context, tn_tensors inputs) {
  static const tn_custom_function square = {"square", square_forward, unconjugated, NULL};
  return tn_list_at(tn_custom_apply(&square, context, inputs, 1), 0);
}

TN_TEST(complex, gradcheck_finds_a_gradient_that_is_not_conjugated) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *z = numbers(left);
  cr_assert_eq(tn_requires_grad_(z, true), TN_OK);
  cr_assert_eq(tn_gradcheck(wrong_square, NULL, TN_TENSORS(z), NULL), TN_INVALID_ARGUMENT);
  expect_error(TN_INVALID_ARGUMENT, "part");
  tn_scope_close(scope);
}
