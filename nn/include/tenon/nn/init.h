// SPDX-License-Identifier: Apache-2.0
//
// init: first values for parameters. Each call overwrites its tensor in place, unrecorded, from the
// device's generator. fan_in is the number of inputs of one output: sizes[1] times the kernel;
// fan_out is sizes[0] times the kernel. Every call:
// errors: INVALID_ARGUMENT, INVALID_DTYPE unless floating, READ_ONLY, OUT_OF_MEMORY | threads: any

#ifndef TENON_NN_INIT_H_
#define TENON_NN_INIT_H_

#include <tenon/tenon.h>

#ifdef __cplusplus
extern "C" {
#endif

// Uniform in [low, high); normal; one value.
TN_API tn_status tn_init_uniform_(tn_tensor *tensor, double low, double high);
TN_API tn_status tn_init_normal_(tn_tensor *tensor, double mean, double deviation);
TN_API tn_status tn_init_constant_(tn_tensor *tensor, double value);

// Keeps the variance of activations through layers of leaky rectifiers with slope |slope| (0: plain
// ones): deviation = sqrt(2 / ((1 + slope^2) fan_in)); uniform: bound = sqrt(3) times that.
// source: He et al. 2015
TN_API tn_status tn_init_kaiming_uniform_(tn_tensor *tensor, double slope);
TN_API tn_status tn_init_kaiming_normal_(tn_tensor *tensor, double slope);

// deviation = sqrt(2 / (fan_in + fan_out)); uniform: bound = sqrt(3) times that.
// source: Glorot and Bengio 2010
TN_API tn_status tn_init_xavier_uniform_(tn_tensor *tensor);
TN_API tn_status tn_init_xavier_normal_(tn_tensor *tensor);

#ifdef __cplusplus
}
#endif

#endif  // TENON_NN_INIT_H_
