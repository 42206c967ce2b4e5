// SPDX-License-Identifier: Apache-2.0
//
// init: first values for parameters, drawn elsewhere and copied in, so that views and any strides
// are filled alike.

#include <math.h>
#include <tenon/nn/init.h>

#include "call.h"

// Each filler runs unrecorded: a + b * noise, or a.
typedef enum noise { NOISE_NONE, NOISE_UNIFORM, NOISE_NORMAL } noise;

static tn_status check_target(const char *call, const tn_tensor *tensor) {
  if (tensor == NULL || tensor == TN_NONE) {
    return tn_error_set(TN_INVALID_ARGUMENT, "%s: the tensor is %s", call,
                        tensor == NULL ? "NULL" : "TN_NONE");
  }
  if (tn_dtype_is_floating(tn_tensor_dtype(tensor))) return TN_OK;
  return tn_error_set(TN_INVALID_DTYPE, "%s: %s is not a floating dtype", call,
                      tn_dtype_name(tn_tensor_dtype(tensor)));
}

static tn_status fill_noise(tn_tensor *tensor, double offset, double scale, noise kind) {
  tn_ints shape = tn_tensor_shape(tensor);
  tn_dtype dtype = tn_tensor_dtype(tensor);
  tn_device device = tn_tensor_device(tensor);
  tn_tensor *drawn = kind == NOISE_UNIFORM ? tn_rand(shape, .dtype = dtype, .device = device)
                                           : tn_randn(shape, .dtype = dtype, .device = device);
  TN_TRY(tn_mul_scalar_(drawn, scale));
  TN_TRY(tn_add_scalar_(drawn, offset));
  return tn_copy_(tensor, drawn);
}

static tn_status fill(const char *call, tn_tensor *tensor, double offset, double scale,
                      noise kind) {
  TN_TRY(check_target(call, tensor));
  if (!isfinite(offset) || !isfinite(scale)) {
    return tn_error_set(TN_INVALID_ARGUMENT, "%s: the range is not finite", call);
  }
  tn__unrecorded section;
  tn_status status = tn__unrecorded_open(&section);
  if (status == TN_OK) {
    status =
        kind == NOISE_NONE ? tn_fill_(tensor, offset) : fill_noise(tensor, offset, scale, kind);
  }
  tn__unrecorded_close(&section);
  return status;
}

tn_status tn_init_uniform_(tn_tensor *tensor, double low, double high) {
  return fill("tn_init_uniform_", tensor, low, high - low, NOISE_UNIFORM);
}

tn_status tn_init_normal_(tn_tensor *tensor, double mean, double deviation) {
  return fill("tn_init_normal_", tensor, mean, deviation, NOISE_NORMAL);
}

tn_status tn_init_constant_(tn_tensor *tensor, double value) {
  return fill("tn_init_constant_", tensor, value, 0, NOISE_NONE);
}

// ---- by fan ------------------------------------------------------------------------------------

// Inputs of one output, and outputs of one input: [out, in, kernel...].
typedef struct fans {
  double in, out;
} fans;

static tn_status measure_fans(const char *call, const tn_tensor *tensor, fans *f) {
  TN_TRY(check_target(call, tensor));
  if (tn_tensor_ndim(tensor) < 2) {
    return tn_error_set(TN_INVALID_ARGUMENT,
                        "%s: the tensor needs at least 2 dimensions [out, in, ...], and has %d",
                        call, (int)tn_tensor_ndim(tensor));
  }
  double kernel = 1;
  for (int32_t i = 2; i < tn_tensor_ndim(tensor); i++) kernel *= (double)tn_tensor_size(tensor, i);
  f->out = (double)tn_tensor_size(tensor, 0) * kernel;
  f->in = (double)tn_tensor_size(tensor, 1) * kernel;
  if (f->in > 0 && f->out > 0) return TN_OK;
  return tn_error_set(TN_INVALID_ARGUMENT, "%s: the tensor is empty", call);
}

// Of mean 0 and the given deviation; a uniform with bound b has deviation b / sqrt(3).
static tn_status fill_centred(const char *call, tn_tensor *tensor, double deviation, noise kind) {
  if (kind == NOISE_NORMAL) return fill(call, tensor, 0, deviation, kind);
  double bound = sqrt(3.0) * deviation;
  return fill(call, tensor, -bound, 2 * bound, kind);
}

static tn_status fill_kaiming(const char *call, tn_tensor *tensor, double slope, noise kind) {
  fans f;
  TN_TRY(measure_fans(call, tensor, &f));
  return fill_centred(call, tensor, sqrt(2.0 / ((1 + slope * slope) * f.in)), kind);
}

static tn_status fill_xavier(const char *call, tn_tensor *tensor, noise kind) {
  fans f;
  TN_TRY(measure_fans(call, tensor, &f));
  return fill_centred(call, tensor, sqrt(2.0 / (f.in + f.out)), kind);
}

tn_status tn_init_kaiming_uniform_(tn_tensor *tensor, double slope) {
  return fill_kaiming("tn_init_kaiming_uniform_", tensor, slope, NOISE_UNIFORM);
}

tn_status tn_init_kaiming_normal_(tn_tensor *tensor, double slope) {
  return fill_kaiming("tn_init_kaiming_normal_", tensor, slope, NOISE_NORMAL);
}

tn_status tn_init_xavier_uniform_(tn_tensor *tensor) {
  return fill_xavier("tn_init_xavier_uniform_", tensor, NOISE_UNIFORM);
}

tn_status tn_init_xavier_normal_(tn_tensor *tensor) {
  return fill_xavier("tn_init_xavier_normal_", tensor, NOISE_NORMAL);
}
