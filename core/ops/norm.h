// SPDX-License-Identifier: Apache-2.0
//
// norm: what layer, batch and group normalisation have in common. Statistics (means, reciprocal
// deviations) are computed and kept in f32 for f16 and bf16 inputs and in the input's dtype
// otherwise; parameters have either of these two dtypes, and their gradients theirs.

#ifndef TENON_CORE_OPS_NORM_H_
#define TENON_CORE_OPS_NORM_H_

#include "op_def.h"

// The dtype of the statistics of an input of |dtype|.
static inline tn_dtype tn__statistics_dtype(tn_dtype dtype) {
  return tn_dtype_in(dtype, TN_DTYPES_HALF) ? TN_F32 : dtype;
}

// Input |input|, where given, must have |shape| and the key dtype or that of its statistics.
// errors: INVALID_ARGUMENT, INVALID_DTYPE
tn_status tn__expect_norm_operand(tn_infer *infer, int32_t input, const char *argument,
                                  tn_ints shape);

// An output_mask must hold three truth values. errors: INVALID_ARGUMENT
tn_status tn__expect_norm_mask(tn__call *call, tn_ints mask);

// |tensor| in |dtype|: itself where it has that dtype, or is TN_NONE.
tn_tensor *tn__in_dtype(tn_tensor *tensor, tn_dtype dtype);

// What a forward operator makes of its operands without a kernel, all in |input|'s dtype, which is
// that of the statistics: (input - mean) * rstd over |dims|. The statistics keep their dimensions.
typedef struct tn__normal {
  tn_tensor *mean, *variance, *rstd, *normal;
} tn__normal;
tn__normal tn__normalise(tn_tensor *input, tn_ints dims, double eps);

// |normal| * |weight| + |bias|, where either may be TN_NONE, in |dtype|.
tn_tensor *tn__norm_affine(tn_tensor *normal, tn_tensor *weight, tn_tensor *bias, tn_dtype dtype);

// grad - mean(grad) - normal * mean(grad * normal) over |dims|, scaled by |rstd|: the gradient that
// reaches the input of normal = (input - mean) * rstd through all three.
tn_tensor *tn__norm_input_gradient(tn_tensor *grad, tn_tensor *normal, tn_tensor *rstd,
                                   tn_ints dims);

// The gradient of statistics of |count| elements for |input|, which may be reached through its mean
// and its reciprocal deviation, each shaped to broadcast against it; TN_NONE where neither
// gradient arrived: grad_mean / count - grad_rstd rstd^3 (input - mean) / count.
tn_tensor *tn__norm_statistics_gradient(tn_tensor *input, tn_tensor *mean, tn_tensor *rstd,
                                        tn_tensor *grad_mean, tn_tensor *grad_rstd, double count);

// |a| + |b|, where either may be TN_NONE.
tn_tensor *tn__sum_of_gradients(tn_tensor *a, tn_tensor *b);

// Sets results[k] of a backward operator to |gradient| in |dtype| where mask[k] asks for it, else
// to an empty tensor beside |like|. Gives the tensor's status.
tn_status tn__put_norm_gradient(tn_compose *compose, int32_t k, tn_ints mask, tn_tensor *gradient,
                                tn_dtype dtype);

#endif  // TENON_CORE_OPS_NORM_H_
