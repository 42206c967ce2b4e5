// SPDX-License-Identifier: Apache-2.0
//
// norm: what the specs of layer, batch and group normalisation share. An input is [outer, groups,
// channels, space]; a `norm_shape` says which of these a statistic and a parameter belong to, so
// that one reference serves all three.

#ifndef TENON_CONFORMANCE_NORM_H_
#define TENON_CONFORMANCE_NORM_H_

#include "reference.h"

typedef struct norm_shape {
  int64_t statistics, parameters;  // how many there are of each
  int64_t count;                   // elements that share one statistic
  int64_t channels, space, split;  // channels of a sample, and of a group; 0 for layer norm
  bool by_batch;                   // statistics are over the samples too
} norm_shape;

norm_shape norm_shape_of_rows(int64_t rows, int64_t count);
norm_shape norm_shape_of_batch(const tn_operand *input);
norm_shape norm_shape_of_groups(int64_t samples, int64_t channels, int64_t space, int64_t groups);

// The statistic and the parameter that element |p| of the input goes with.
int64_t norm_statistic_of(const norm_shape *shape, int64_t p);
int64_t norm_parameter_of(const norm_shape *shape, int64_t p);

// Means and variances (without a correction) of |input|, to be freed together by freeing |mean|.
typedef struct norm_moments {
  double *mean, *variance;
} norm_moments;
norm_moments norm_measure(const norm_shape *shape, const tn_operand *input);

// The dtype of statistics of |dtype|.
tn_dtype norm_statistics_dtype(tn_dtype dtype);

// Appends (input - mean) / sqrt(variance + eps) * weight + bias; weight, bias: NULL where absent.
void norm_expect_result(const norm_shape *shape, const tn_operand *input, norm_moments moments,
                        const tn_operand *weight, const tn_operand *bias, double eps,
                        tn_expected *expected);

// Appends the means, then 1 / sqrt(variance + eps), each of |sizes|.
void norm_expect_statistics(const norm_shape *shape, const tn_operand *input, norm_moments moments,
                            double eps, int32_t ndim, const int64_t *sizes, tn_expected *expected);

// Appends the three gradients of a backward operator. |moving|: mean and rstd move with the input.
typedef struct norm_backward {
  const tn_operand *grad, *input, *weight;  // weight: NULL where absent
  const double *mean, *rstd;                // for each statistic
  tn_ints mask;
  int32_t parameter_ndim;
  const int64_t *parameter_sizes;
  bool moving;
} norm_backward;
void norm_expect_gradients(const norm_shape *shape, const norm_backward *b, tn_expected *expected);

#endif  // TENON_CONFORMANCE_NORM_H_
