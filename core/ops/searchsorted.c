// SPDX-License-Identifier: Apache-2.0
//
// searchsorted: where values belong in what is sorted already: searchsorted and bucketize. The
// order is that of sort: NaN is greater than everything and -0 equals 0.

#include <inttypes.h>
#include <string.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

// Whether |side| and |right| say "right"; they may not contradict each other.
static tn_status resolve_side(tn_infer *infer, const char *side, bool *right) {
  if (side == NULL) return TN_OK;
  const bool is_right = strcmp(side, "right") == 0;
  if (!is_right && strcmp(side, "left") != 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "side",
                        "expected 'left' or 'right', not '%.32s'", side);
  }
  if (*right && !is_right) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "side", "'left' contradicts right=True");
  }
  *right = is_right;
  return TN_OK;
}

static tn_status check_sorter(tn_infer *infer) {
  const tn_tensor *sequence = infer->inputs[0], *sorter = infer->inputs[2];
  if (tn__is_none(sorter)) return TN_OK;
  TN_TRY(tn__expect_index(infer, 2, "sorter"));
  if (sorter->rank == sequence->rank &&
      memcmp(sorter->sizes, sequence->sizes, sizeof(int64_t) * sequence->rank) == 0) {
    return TN_OK;
  }
  return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "sorter",
                      "expected the shape of sorted_sequence");
}

// One sequence for all values, or one for each row of them.
static tn_status check_sequences(tn_infer *infer, const char *sequences) {
  const tn_tensor *sequence = infer->inputs[0], *self = infer->inputs[1];
  if (sequence->rank == 0) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, sequences,
                        "expected at least one dimension");
  }
  bool rows = sequence->rank == self->rank;
  for (int32_t d = 0; rows && d < sequence->rank - 1; d++) {
    rows = sequence->sizes[d] == self->sizes[d];
  }
  if (sequence->rank == 1 || rows) return TN_OK;
  return tn__op_error(infer->call, TN_INVALID_ARGUMENT, sequences,
                      "expected one dimension, or the other operand's sizes but for the last");
}

static tn_status infer_places(tn_infer *infer, bool out_int32) {
  const tn_tensor *sequence = infer->inputs[0];
  const int64_t size = sequence->sizes[sequence->rank - 1];
  if (out_int32 && size > INT32_MAX) {
    return tn__op_error(infer->call, TN_INVALID_ARGUMENT, "out_int32",
                        "int32 does not hold the places of %" PRId64 " elements", size);
  }
  tn__result_like(&infer->results[0], infer->inputs[1]);
  infer->results[0].dtype = out_int32 ? TN_I32 : TN_I64;
  return TN_OK;
}

static tn_status searchsorted_infer(tn_infer *infer) {
  tn_searchsorted_Tensor_attrs *attrs = infer->attrs;
  TN_TRY(resolve_side(infer, attrs->side, &attrs->right));
  TN_TRY(check_sequences(infer, "sorted_sequence"));
  TN_TRY(check_sorter(infer));
  return infer_places(infer, attrs->out_int32);
}

/// For each element of self the place in sorted_sequence where it could be put in without
/// disturbing the order: before the elements that equal it, or behind them where right is true or
/// side is 'right'. NaN is greater than everything. sorted_sequence: ascending along its last
/// dimension, or by way of sorter, the indices that sort it; one dimension, or self's shape but for
/// the last; self: any shape; both of real dtypes, compared in the promoted one. Returns self's
/// shape in int64, or int32 under out_int32, in [0, size of the last dimension]. What is not sorted
/// gives some place in that range. No gradient. errors: INVALID_ARGUMENT for shapes, side and what
/// int32 does not hold; INVALID_DTYPE; OUT_OF_RANGE for an index in sorter, from the kernel.
/// source: ATen `searchsorted.Tensor`.
// clang-format off
const tn_op_def tn_op_searchsorted_Tensor = {
    .schema = "searchsorted.Tensor(Tensor sorted_sequence, Tensor self, *, bool out_int32=False, bool right=False, str? side=None, Tensor? sorter=None) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .exempt = 1u << 2,
    .dtypes = TN_DTYPES_REAL,
    .infer = searchsorted_infer,
};

/// As `searchsorted`, for one number. Returns a 0-dim tensor. source: ATen `searchsorted.Scalar`.
// clang-format off
const tn_op_def tn_op_searchsorted_Scalar = {
    .schema = "searchsorted.Scalar(Tensor sorted_sequence, Scalar self, *, bool out_int32=False, bool right=False, str? side=None, Tensor? sorter=None) -> Tensor",
    // clang-format on
    .forms = TN_FORM_OUT,
    .base = &tn_op_searchsorted_Tensor,
};

static tn_status bucketize_compose(tn_compose *compose) {
  const tn_bucketize_Tensor_attrs *attrs = compose->attrs;
  tn_tensor *self = compose->inputs[0], *boundaries = compose->inputs[1];
  if (boundaries->rank != 1) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "boundaries",
                        "expected 1 dimension, not %d", boundaries->rank);
  }
  compose->results[0] = tn_searchsorted(boundaries, self, TN_NONE, .out_int32 = attrs->out_int32,
                                        .right = attrs->right);
  return TN_OK;
}

/// The bucket of each element of self between ascending boundaries: i for boundaries[i-1] < x <=
/// boundaries[i], or boundaries[i-1] <= x < boundaries[i] where right is true. As `searchsorted`.
/// boundaries: 1-dim. source: ATen `bucketize.Tensor`.
// clang-format off
const tn_op_def tn_op_bucketize_Tensor = {
    .schema = "bucketize.Tensor(Tensor self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor",
    // clang-format on
    .flags = TN_OP_NONDIFFERENTIABLE,
    .forms = TN_FORM_OUT,
    .promote = TN_PROMOTE_COMMON,
    .dtypes = TN_DTYPES_REAL,
    .compose = bucketize_compose,
};
