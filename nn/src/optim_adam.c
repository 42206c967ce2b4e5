// SPDX-License-Identifier: Apache-2.0
//
// optim_adam: steps of the size of lr in the direction of the mean gradient, measured in units of
// its root mean square. Both means start at zero, which 1 - beta^t makes up for:
//
//   m <- m + (1 - beta1)(g - m);  v <- beta2 v + (1 - beta2) g^2
//   p <- p - lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)

#include <math.h>

#include "call.h"
#include "optim.h"

static tn_status start_mean(tn_tensor **mean, tn_tensor *like) {
  if (*mean == NULL) *mean = tn_retain(tn_zeros_like(like));
  return tn__status_of(*mean);
}

static tn_status adam_update(const tn__optim_numbers *n, tn_tensor *parameter, tn_tensor *grad,
                             tn_tensor **states, int64_t step) {
  TN_TRY(start_mean(&states[0], parameter));
  TN_TRY(start_mean(&states[1], parameter));
  tn_tensor *mean = states[0];
  tn_tensor *mean_square = states[1];
  TN_TRY(tn_lerp_scalar_(mean, grad, 1 - n->beta1));
  TN_TRY(tn_mul_scalar_(mean_square, n->beta2));
  TN_TRY(tn_addcmul_(mean_square, grad, grad, .value = TN_SCALAR(1 - n->beta2)));

  tn_tensor *scale = tn_sqrt(mean_square);
  TN_TRY(tn_mul_scalar_(scale, 1 / sqrt(1 - pow(n->beta2, (double)step))));
  TN_TRY(tn_add_scalar_(scale, n->eps));
  double rate = n->lr / (1 - pow(n->beta1, (double)step));
  return tn_addcdiv_(parameter, mean, scale, .value = TN_SCALAR(-rate));
}

static tn_status adam_apply(const tn_optim *optim, tn_tensor *parameter, tn_tensor *grad,
                            tn_tensor **states, int64_t step) {
  const tn__optim_numbers *n = &optim->numbers;
  if (n->weight_decay != 0) {
    grad = tn_add(grad, parameter, .alpha = TN_SCALAR(n->weight_decay));
  }
  return adam_update(n, parameter, grad, states, step);
}

static tn_status adamw_apply(const tn_optim *optim, tn_tensor *parameter, tn_tensor *grad,
                             tn_tensor **states, int64_t step) {
  const tn__optim_numbers *n = &optim->numbers;
  if (n->weight_decay != 0) {
    TN_TRY(tn_mul_scalar_(parameter, 1 - n->lr * n->weight_decay));
  }
  return adam_update(n, parameter, grad, states, step);
}

static const tn__optim_rule adam_rule = {"tn_optim_adam", 2, adam_apply};
static const tn__optim_rule adamw_rule = {"tn_optim_adamw", 2, adamw_apply};

static tn_optim *adam_create(const tn__optim_rule *rule, double weight_decay, tn_tensors parameters,
                             const tn_optim_adam_options *options) {
  tn_optim_adam_options o;
  tn__read_options(&o, sizeof o, options);
  tn__optim_numbers n = {
      .lr = o.lr == 0 ? 1e-3 : o.lr,
      .eps = o.eps == 0 ? 1e-8 : o.eps,
      .beta1 = o.beta1.present ? o.beta1.value : 0.9,
      .beta2 = o.beta2.present ? o.beta2.value : 0.999,
      .weight_decay = o.weight_decay.present ? o.weight_decay.value : weight_decay};
  const double below_one = nextafter(1, 0);
  if (tn__optim_expect(rule->name, "lr", n.lr, 0, HUGE_VAL) != TN_OK) return NULL;
  if (tn__optim_expect(rule->name, "eps", n.eps, 0, HUGE_VAL) != TN_OK) return NULL;
  if (tn__optim_expect(rule->name, "beta1", n.beta1, 0, below_one) != TN_OK) return NULL;
  if (tn__optim_expect(rule->name, "beta2", n.beta2, 0, below_one) != TN_OK) return NULL;
  if (tn__optim_expect(rule->name, "weight_decay", n.weight_decay, 0, HUGE_VAL) != TN_OK) {
    return NULL;
  }
  return tn__optim_create(rule, parameters, &n);
}

tn_optim *tn_optim_adam_with(tn_tensors parameters, const tn_optim_adam_options *options) {
  return adam_create(&adam_rule, 0, parameters, options);
}

tn_optim *tn_optim_adamw_with(tn_tensors parameters, const tn_optim_adam_options *options) {
  return adam_create(&adamw_rule, 0.01, parameters, options);
}
