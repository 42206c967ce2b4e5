// SPDX-License-Identifier: Apache-2.0
//
// custom_function: an operator of one's own with a gradient of one's own. The straight-through
// estimator rounds on the way forward and lets the gradient pass as if it had not, so that what
// stands behind a rounding can still be trained. source: Bengio, Leonard, Courville 2013

#include <tenon/tenon.h>

static tn_status round_forward(void *context, tn_custom_call *call, tn_tensor *const *inputs,
                               tn_tensor **outputs) {
  (void)context;
  (void)call;
  outputs[0] = tn_round(inputs[0]);
  return outputs[0] != NULL ? TN_OK : tn_error_peek()->status;
}

static tn_status round_backward(void *context, tn_custom_call *call, tn_tensor *const *grad_outputs,
                                tn_tensor **grad_inputs) {
  (void)context;
  (void)call;
  grad_inputs[0] = tn_alias(grad_outputs[0]);
  return grad_inputs[0] != NULL ? TN_OK : tn_error_peek()->status;
}

static tn_tensor *round_straight_through(tn_tensor *x) {
  static const tn_custom_function function = {
      .name = "round_straight_through", .forward = round_forward, .backward = round_backward};
  return tn_list_at(tn_custom_apply(&function, NULL, TN_TENSORS(x), 1), 0);
}

int main(void) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_from_data(TN_F32S(0.2f, 0.7f, 1.4f), TN_SHAPE(3), TN_F32);
  tn_requires_grad_(x, true);
  tn_tensor *y = round_straight_through(x);
  tn_print(y, stdout);
  tn_backward(tn_sum(tn_mul_scalar(y, 3)));
  tn_print(tn_tensor_grad(x), stdout);
  tn_scope_close(scope);
  bool failed = !tn_ok();
  tn_error_print(stderr);
  return failed;
}
