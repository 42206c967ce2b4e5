// SPDX-License-Identifier: Apache-2.0
//
// attention: softmax(query key^T scale + mask) value, written with products and a softmax. A query
// whose keys are all masked gives zeros, and zero gradients, rather than 0 / 0: its scores are set
// to 0 before the softmax and its probabilities after.

#include <inttypes.h>
#include <math.h>
#include <tenon/ops.h>

#include "shapes.h"
#include "tensor_impl.h"

typedef struct attention {
  tn_tensor *query, *key, *value, *mask;
} attention;

static tn_status check_operands(tn_compose *compose, const attention *a, bool is_causal) {
  const tn_tensor *operands[] = {a->query, a->key, a->value};
  static const char *const names[] = {"query", "key", "value"};
  for (int i = 0; i < 3; i++) {
    if (operands[i]->rank < 2) {
      return tn__op_error(compose->call, TN_INVALID_ARGUMENT, names[i],
                          "expected at least 2 dimensions, [*, length, features]");
    }
    if (!tn_dtype_is_floating(operands[i]->dtype) || operands[i]->dtype != a->query->dtype) {
      return tn__op_error(compose->call, TN_INVALID_DTYPE, names[i],
                          "query, key and value must have one floating dtype");
    }
  }
  if (a->query->sizes[a->query->rank - 1] != a->key->sizes[a->key->rank - 1]) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "key",
                        "expected query's %" PRId64 " features",
                        a->query->sizes[a->query->rank - 1]);
  }
  if (a->key->sizes[a->key->rank - 2] != a->value->sizes[a->value->rank - 2]) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "value",
                        "expected one row for each of key's %" PRId64,
                        a->key->sizes[a->key->rank - 2]);
  }
  if (tn__is_none(a->mask)) return TN_OK;
  if (is_causal) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, "attn_mask",
                        "is_causal brings a mask of its own");
  }
  if (a->mask->dtype == TN_BOOL || a->mask->dtype == a->query->dtype) return TN_OK;
  return tn__op_error(compose->call, TN_INVALID_DTYPE, "attn_mask", "expected bool or %s",
                      tn_dtype_name(a->query->dtype));
}

// Each of |heads|' heads as often as there are heads of |query|, along dimension -3.
static tn_status repeat_heads(tn_compose *compose, const tn_tensor *query, const char *name,
                              tn_tensor **heads) {
  tn_tensor *self = *heads;
  if (self->rank < 3 || query->rank < 3 || self->sizes[self->rank - 3] == 0 ||
      query->sizes[query->rank - 3] % self->sizes[self->rank - 3] != 0) {
    return tn__op_error(compose->call, TN_INVALID_ARGUMENT, name,
                        "with enable_gqa the number of its heads, dimension -3, must divide "
                        "query's");
  }
  int64_t times = query->sizes[query->rank - 3] / self->sizes[self->rank - 3];
  if (times == 1) return TN_OK;
  int64_t sizes[TN_MAX_DIMS], rank = self->rank;
  for (int64_t d = 0; d < rank + 1; d++) {
    sizes[d] = d == rank - 2 ? times : self->sizes[d < rank - 2 ? d : d - 1];
  }
  tn_tensor *spread = tn_expand(tn_unsqueeze(self, -3), tn_ints_of(sizes, rank + 1));
  sizes[rank - 3] *= times;
  sizes[rank - 2] = self->sizes[rank - 2];
  sizes[rank - 1] = self->sizes[rank - 1];
  *heads = tn_reshape(spread, tn_ints_of(sizes, rank));
  return tn__status_of(*heads);
}

// True where query i may not see key j: everywhere above the diagonal.
static tn_tensor *causal_exclusion(const attention *a) {
  tn_ints shape = TN_SHAPE(a->query->sizes[a->query->rank - 2], a->key->sizes[a->key->rank - 2]);
  tn_tensor *all = tn_ones(shape, .dtype = TN_BOOL, .device = tn_tensor_device(a->query));
  return tn_triu(all, .diagonal = 1);
}

// The probabilities of |scores|, without those of |excluded| (or TN_NONE).
static tn_tensor *probabilities(tn_tensor *scores, tn_tensor *excluded) {
  if (excluded == TN_NONE) return tn_softmax(scores, -1);
  tn_tensor *masked = tn_masked_fill_scalar(scores, excluded, -INFINITY);
  tn_tensor *blind =
      tn_all_dims(tn_eq_scalar(masked, -INFINITY), .dim = TN_DIMS(-1), .keepdim = true);
  tn_tensor *finite = tn_masked_fill_scalar(masked, blind, 0);
  return tn_masked_fill_scalar(tn_softmax(finite, -1), blind, 0);
}

static tn_status attention_compose(tn_compose *compose) {
  const tn_scaled_dot_product_attention_attrs *attrs = compose->attrs;
  attention a = {compose->inputs[0], compose->inputs[1], compose->inputs[2], compose->inputs[3]};
  TN_TRY(check_operands(compose, &a, attrs->is_causal));
  if (attrs->enable_gqa) {
    TN_TRY(repeat_heads(compose, a.query, "key", &a.key));
    TN_TRY(repeat_heads(compose, a.query, "value", &a.value));
  }
  double features = (double)a.query->sizes[a.query->rank - 1];
  double scale = attrs->scale.present ? attrs->scale.value : 1 / sqrt(features);
  // Half of the scale on either side, so that products of half precision do not overflow.
  double root = sqrt(fabs(scale)), sign = scale < 0 ? -1 : 1;
  tn_tensor *left = tn_mul_scalar(a.query, sign * root), *right = tn_mul_scalar(a.key, root);
  tn_tensor *scores = tn_matmul(left, tn_transpose(right, -2, -1)), *excluded = TN_NONE;
  if (attrs->is_causal) excluded = causal_exclusion(&a);
  if (!tn__is_none(a.mask) && a.mask->dtype == TN_BOOL) excluded = tn_logical_not(a.mask);
  if (!tn__is_none(a.mask) && a.mask->dtype != TN_BOOL) scores = tn_add(scores, a.mask);
  tn_tensor *weights = probabilities(scores, excluded);
  if (attrs->dropout_p > 0) weights = tn_dropout(weights, attrs->dropout_p, true);
  compose->results[0] = tn_matmul(weights, a.value);
  return tn__status_of(compose->results[0]);
}

/// softmax(query key^T scale + attn_mask) value, the softmax over the keys. query: [*, L, E]; key:
/// [*, S, E]; value: [*, S, V], one floating dtype, * broadcast. attn_mask: broadcasts to [*, L,
/// S]; bool, true where a query may see a key (one that sees none gives zeros), or of query's dtype
/// and added; dropout_p: the probability with which a weight is dropped; is_causal: query i sees
/// keys up to i, without attn_mask; scale: 1 / sqrt(E) where absent; enable_gqa: key and value may
/// have fewer heads, dimension -3, each of which serves as many of query's. Returns [*, L, V].
/// errors: INVALID_ARGUMENT for shapes, a mask beside is_causal, or dropout_p; INVALID_DTYPE.
/// source: Vaswani et al. 2017; ATen `scaled_dot_product_attention`.
// clang-format off
const tn_op_def tn_op_scaled_dot_product_attention = {
    .schema = "scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0.0, bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor",
    // clang-format on
    .exempt = 1u << 3,
    .compose = attention_compose,
};
