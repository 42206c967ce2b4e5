// SPDX-License-Identifier: Apache-2.0
//
// optim_sgd: v <- momentum v + (1 - dampening) g;  p <- p - lr v. Without momentum v is g.

#include <math.h>

#include "call.h"
#include "optim.h"

static tn_status sgd_apply(const tn_optim *optim, tn_tensor *parameter, tn_tensor *grad,
                           tn_tensor **states, int64_t step) {
  const tn__optim_numbers *n = &optim->numbers;
  tn_tensor **velocity = &states[0];
  (void)step;
  if (n->weight_decay != 0) {
    grad = tn_add(grad, parameter, .alpha = TN_SCALAR(n->weight_decay));
  }
  tn_tensor *direction = grad;
  if (n->momentum != 0) {
    if (*velocity == NULL) {
      *velocity = tn_retain(tn_clone(grad));
    } else {
      TN_TRY(tn_mul_scalar_(*velocity, n->momentum));
      TN_TRY(tn_add_(*velocity, grad, .alpha = TN_SCALAR(1 - n->dampening)));
    }
    direction = *velocity;
    if (n->nesterov) direction = tn_add(grad, *velocity, .alpha = TN_SCALAR(n->momentum));
  }
  return tn_add_(parameter, direction, .alpha = TN_SCALAR(-n->lr));
}

static const tn__optim_rule sgd_rule = {"tn_optim_sgd", 1, sgd_apply};

tn_optim *tn_optim_sgd_with(tn_tensors parameters, const tn_optim_sgd_options *options) {
  tn_optim_sgd_options o;
  tn__read_options(&o, sizeof o, options);
  tn__optim_numbers n = {.lr = o.lr == 0 ? 1e-3 : o.lr,
                         .momentum = o.momentum,
                         .dampening = o.dampening,
                         .weight_decay = o.weight_decay,
                         .nesterov = o.nesterov};
  const char *name = sgd_rule.name;
  if (tn__optim_expect(name, "lr", n.lr, 0, HUGE_VAL) != TN_OK) return NULL;
  if (tn__optim_expect(name, "momentum", n.momentum, 0, HUGE_VAL) != TN_OK) return NULL;
  if (tn__optim_expect(name, "dampening", n.dampening, 0, 1) != TN_OK) return NULL;
  if (tn__optim_expect(name, "weight_decay", n.weight_decay, 0, HUGE_VAL) != TN_OK) return NULL;
  if (n.nesterov && (n.momentum == 0 || n.dampening != 0)) {
    tn_error_set(TN_INVALID_ARGUMENT, "%s: nesterov wants momentum and no dampening", name);
    return NULL;
  }
  return tn__optim_create(&sgd_rule, parameters, &n);
}
