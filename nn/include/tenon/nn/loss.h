// SPDX-License-Identifier: Apache-2.0
//
// loss: the losses under short names, and what is asked of a classifier. Each is operators of the
// core; options (.reduction, .label_smoothing, ...) are the operator's own.

#ifndef TENON_NN_LOSS_H_
#define TENON_NN_LOSS_H_

// Options may be left out altogether, which -Wpedantic would speak of at every call.
#if defined(__GNUC__)
#pragma GCC system_header
#endif

#include <tenon/tenon.h>

#ifdef __cplusplus
extern "C" {
#endif

// -log softmax(logits)[target], averaged: logits [N, C], target [N] of class indices.
#define tn_cross_entropy(logits, target, ...) \
  tn_cross_entropy_loss(logits, target, TN_NONE, __VA_ARGS__)

// The mean of (input - target)^2.
#define tn_mse(input, target, ...) tn_mse_loss(input, target, __VA_ARGS__)

// How many rows of |logits| [N, C] have their largest value at |target| [N]; i64 [], unrecorded.
// owns: +1 result | errors: INVALID_ARGUMENT for other shapes | threads: any
TN_API tn_tensor *tn_count_correct(tn_tensor *logits, tn_tensor *target);

#ifdef __cplusplus
}
#endif

#endif  // TENON_NN_LOSS_H_
