// SPDX-License-Identifier: Apache-2.0
//
// schedule: learning rates as functions of the step.

#include <math.h>
#include <tenon/nn/schedule.h>

#include "call.h"

static const double pi = 3.14159265358979323846;

// From |start| to |end| along half a cosine, as |part| goes from 0 to 1.
static double half_cosine(double start, double end, double part) {
  double clamped = part < 0 ? 0 : part > 1 ? 1 : part;
  return end + (start - end) / 2 * (1 + cos(pi * clamped));
}

double tn_lr_one_cycle_with(int64_t step, int64_t total_steps, double max_lr,
                            const tn_lr_one_cycle_options *options) {
  tn_lr_one_cycle_options o;
  tn__read_options(&o, sizeof o, options);
  double fraction = o.warmup_fraction == 0 ? 0.3 : o.warmup_fraction;
  double first = max_lr / (o.div_factor == 0 ? 25 : o.div_factor);
  double last = first / (o.final_div_factor == 0 ? 1e4 : o.final_div_factor);
  if (step < 0 || total_steps < 1 || !(fraction >= 0 && fraction <= 1)) return NAN;
  // The steps on which the rate is highest, and lowest again.
  double peak = fraction * (double)total_steps - 1;
  double end = (double)total_steps - 1;
  double now = (double)step;
  if (now < peak) return half_cosine(first, max_lr, now / peak);
  return end > peak ? half_cosine(max_lr, last, (now - peak) / (end - peak)) : max_lr;
}

double tn_lr_cosine_with(int64_t step, int64_t total_steps, double lr,
                         const tn_lr_cosine_options *options) {
  tn_lr_cosine_options o;
  tn__read_options(&o, sizeof o, options);
  if (step < 0 || total_steps < 1 || o.warmup_steps < 0) return NAN;
  if (step < o.warmup_steps) return lr * (double)(step + 1) / (double)o.warmup_steps;
  if (o.warmup_steps >= total_steps) return lr;
  double part = (double)(step - o.warmup_steps) / (double)(total_steps - o.warmup_steps);
  return half_cosine(lr, o.min_lr, part);
}

double tn_lr_step(int64_t step, int64_t period, double lr, double gamma) {
  if (step < 0 || period < 1) return NAN;
  return lr * pow(gamma, (double)(step / period));
}
