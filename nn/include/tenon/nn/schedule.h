// SPDX-License-Identifier: Apache-2.0
//
// schedule: learning rates as functions of the step, counted from 0. They keep no state, so a run
// that is resumed at step k goes on where it was. Steps past the end give the last value; arguments
// outside their meaning (no steps, a fraction outside [0, 1]) give NaN, which tn_optim_set_lr
// refuses. threads: any

#ifndef TENON_NN_SCHEDULE_H_
#define TENON_NN_SCHEDULE_H_

// Options may be left out altogether, which -Wpedantic would speak of at every call.
#if defined(__GNUC__)
#pragma GCC system_header
#endif

#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// Rises from max_lr / div_factor to max_lr in the first part of the run, falls to
// max_lr / (div_factor * final_div_factor) in the rest, both along half a cosine.
// source: Smith and Topin 2018, with PyTorch's defaults
typedef struct tn_lr_one_cycle_options {
  uint32_t struct_size;
  double warmup_fraction;   // default 0.3
  double div_factor;        // default 25
  double final_div_factor;  // default 1e4
} tn_lr_one_cycle_options;
TN_API double tn_lr_one_cycle_with(int64_t step, int64_t total_steps, double max_lr,
                                   const tn_lr_one_cycle_options *options);
#define tn_lr_one_cycle(step, total_steps, max_lr, ...) \
  tn_lr_one_cycle_with(                                 \
      step, total_steps, max_lr,                        \
      &(tn_lr_one_cycle_options){.struct_size = sizeof(tn_lr_one_cycle_options), __VA_ARGS__})

// Half a cosine from |lr| at step 0 to min_lr at step |total_steps|, after a straight rise over
// warmup_steps. source: Loshchilov and Hutter 2017, without restarts
typedef struct tn_lr_cosine_options {
  uint32_t struct_size;
  double min_lr;         // default 0
  int64_t warmup_steps;  // default 0
} tn_lr_cosine_options;
TN_API double tn_lr_cosine_with(int64_t step, int64_t total_steps, double lr,
                                const tn_lr_cosine_options *options);
#define tn_lr_cosine(step, total_steps, lr, ...) \
  tn_lr_cosine_with(                             \
      step, total_steps, lr,                     \
      &(tn_lr_cosine_options){.struct_size = sizeof(tn_lr_cosine_options), __VA_ARGS__})

// lr * gamma^(step / period), the division rounded down.
TN_API double tn_lr_step(int64_t step, int64_t period, double lr, double gamma);

#ifdef __cplusplus
}
#endif

#endif  // TENON_NN_SCHEDULE_H_
