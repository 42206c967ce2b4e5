// SPDX-License-Identifier: Apache-2.0
//
// complex: parts of complex numbers are views, and gradients are conjugated: dL/dRe + i dL/dIm.

#include <tenon/tenon.h>

#include "support/tenon_test.h"

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
