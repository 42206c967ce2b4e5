// SPDX-License-Identifier: Apache-2.0
//
// first: a complete application. Two random matrices, their product, and a gradient. The scope owns
// every tensor in between; one check at the end finds the first thing that went wrong.

#include <tenon/tenon.h>

int main(void) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_rand(TN_SHAPE(2, 3));
  tn_tensor *w = tn_rand(TN_SHAPE(3, 4));
  tn_requires_grad_(w, true);
  tn_backward(tn_sum(tn_square(tn_matmul(x, w))));
  bool failed = !tn_ok() || tn_print(tn_tensor_grad(w), stdout) != TN_OK;
  tn_error_print(stderr);
  tn_scope_close(scope);
  return failed;
}
