// SPDX-License-Identifier: Apache-2.0
//
// regression: a network of one hidden layer learns the sine. One scope a step: when it closes, the
// step's graph and everything computed in it are gone.

#include <tenon/nn.h>

static double learn(tn_module *model, tn_optim *optim, tn_tensor *x, tn_tensor *y) {
  tn_scope *step = tn_scope_open();
  tn_tensor *loss = tn_mse(tn_module_forward(model, x), y);
  tn_optim_zero_grad(optim);
  tn_backward(loss);
  tn_optim_step(optim);
  double value = tn_item(loss);
  tn_scope_close(step);
  return value;
}

int main(void) {
  enum { STEPS = 1000 };
  tn_manual_seed(1);
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_unsqueeze(tn_linspace(-3, 3, 64), 1);
  tn_tensor *y = tn_sin(x);
  tn_module *model =
      tn_nn_sequential(TN_MODULES(tn_nn_linear(1, 32), tn_nn_tanh(), tn_nn_linear(32, 1)));
  tn_optim *optim = tn_optim_adam(tn_module_parameters(model));

  for (int i = 0; i < STEPS && tn_ok(); i++) {
    tn_optim_set_lr(optim, tn_lr_one_cycle(i, STEPS, 0.03));
    double loss = learn(model, optim, x, y);
    if (i % 100 == 99) printf("step %4d  loss %.6f\n", i + 1, loss);
  }

  tn_optim_release(optim);
  tn_module_release(model);
  tn_scope_close(scope);
  bool failed = !tn_ok();
  tn_error_print(stderr);
  return failed;
}
