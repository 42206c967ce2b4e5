// SPDX-License-Identifier: Apache-2.0
//
// linalg: what the operators on matrices share. All work on the last two dimensions of stacks of
// any rank, in float32, float64, complex64 or complex128, and their gradients, by the formulas of
// Giles (2008) and of Roberts & Roberts (2020) for complex numbers, are made of matrix products and
// solutions, so that they hold for stacks too.
//
// A complex gradient is dL/d(Re) + i dL/d(Im); where dL = Re tr(G^H dA), the gradient is G.

#ifndef TENON_CORE_OPS_LINALG_H_
#define TENON_CORE_OPS_LINALG_H_

#include "op_def.h"
#include "shapes.h"

#define TN__DTYPES_LINALG \
  (TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64) | TN_DTYPE_BIT(TN_C64) | TN_DTYPE_BIT(TN_C128))

// The dtype of absolute values: float32 for complex64, float64 for complex128, else the same.
tn_dtype tn__real_dtype(tn_dtype dtype);
// The other way around.
tn_dtype tn__complex_dtype(tn_dtype dtype);

// ---- for infer

// Input i has two dimensions or more / these are equal. errors: INVALID_ARGUMENT
tn_status tn__expect_matrices(tn_infer *infer, int32_t input, const char *argument);
tn_status tn__expect_square(tn_infer *infer, int32_t input, const char *argument);
// The same in a compose.
tn_status tn__expect_matrix(tn__call *call, const tn_tensor *tensor, const char *argument,
                            bool square);

// Gives result |index| the batch of input 0 (all but its last two dimensions) and |core| after it.
tn_status tn__result_batched(tn_infer *infer, int32_t index, tn_ints core);

// The broadcast of the dimensions before the last |core_a| of a and |core_b| of b, into |sizes|;
// gives its rank. errors: INVALID_ARGUMENT naming |argument|
tn_status tn__broadcast_batches(tn__call *call, const char *argument, const tn_tensor *a,
                                int32_t core_a, const tn_tensor *b, int32_t core_b, int64_t *sizes,
                                int32_t *rank);

// ---- for composes and vjps; all take NULL for NULL

tn_tensor *tn__transposed(tn_tensor *matrices);
tn_tensor *tn__conjugated(tn_tensor *tensor);      // itself where it is real
tn_tensor *tn__real_part(tn_tensor *tensor);       // the same
tn_tensor *tn__imaginary_part(tn_tensor *tensor);  // of a complex one
tn_tensor *tn__adjoint(tn_tensor *matrices);       // conjugated and transposed
// (A + A^H) / 2
tn_tensor *tn__hermitian_part(tn_tensor *matrices);
// Vectors [*, n] as diagonal matrices [*, n, n].
tn_tensor *tn__diagonal_matrix(tn_tensor *vectors);
tn_tensor *tn__main_diagonal(tn_tensor *matrices);
// |matrices| times diag(|vectors|) from the right: every column by its own factor.
tn_tensor *tn__scale_columns(tn_tensor *matrices, tn_tensor *vectors);
// 1 / |gaps| [*, n, n] off the diagonal, 0 on it.
tn_tensor *tn__inverse_gaps(tn_tensor *gaps);
// The sum of two gradients, either of which may be TN_NONE.
tn_tensor *tn__sum_of(tn_tensor *a, tn_tensor *b);
static inline tn_choice tn__choice(bool value) { return value ? TN_YES : TN_NO; }
static inline bool tn__is_given(const tn_tensor *tensor) { return tensor != TN_NONE; }

#endif  // TENON_CORE_OPS_LINALG_H_
