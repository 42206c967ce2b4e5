// SPDX-License-Identifier: Apache-2.0
//
// grad_fn_name: what PyTorch calls the gradient node of an operator, which is part of a printed
// tensor's text. The rule: the operator's words, each with a capital, then "Backward" and the
// number of the overload among those that have a gradient formula of their own. Invariant: the
// table holds only what the rule does not give.

#include <string.h>
#include <tenon/op.h>

#include "print_impl.h"

// X(schema name, PyTorch's node)
#define TN__GRAD_FN_TABLE(X)                     \
  X("clamp", "ClampBackward1")                   \
  X("copy", "CopyBackwards") /* of copy_ */      \
  X("div.Scalar_mode", "DivBackward2")           \
  X("div.Tensor_mode", "DivBackward2")           \
  X("lerp.Tensor", "LerpBackward1")              \
  X("masked_fill.Tensor", "MaskedFillBackward1") \
  X("max", "MaxBackward1")                       \
  X("mean.dim", "MeanBackward1")                 \
  X("min", "MinBackward1")                       \
  X("nll_loss_forward", "NllLossBackward0")      \
  X("pow.Scalar", "PowBackward2")                \
  X("pow.Tensor_Tensor", "PowBackward1")         \
  X("prod.dim_int", "ProdBackward1")             \
  X("remainder.Tensor", "RemainderBackward1")    \
  X("square", "PowBackward0")                    \
  X("squeeze.dim", "SqueezeBackward1")           \
  X("squeeze.dims", "SqueezeBackward2")          \
  X("sum.dim_IntList", "SumBackward1")

// X(schema name, node): operators that also serve the reduction of all dims, which is an operator
// of its own in PyTorch. A result of rank 0 is taken for that one.
#define TN__FULL_REDUCTION_TABLE(X)  \
  X("mean.dim", "MeanBackward0")     \
  X("prod.dim_int", "ProdBackward0") \
  X("sum.dim_IntList", "SumBackward0")

typedef struct known_name {
  const char *op;
  const char *node;
} known_name;

static const known_name exceptions[] = {
#define X(op, node) {op, node},
    TN__GRAD_FN_TABLE(X)
#undef X
};

static const known_name full_reductions[] = {
#define X(op, node) {op, node},
    TN__FULL_REDUCTION_TABLE(X)
#undef X
};

static const char *look_up(const known_name *names, size_t count, const char *op) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(names[i].op, op) == 0) return names[i].node;
  }
  return NULL;
}

static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "max_pool2d.overload" as "MaxPool2D": a letter behind a digit counts as a word of its own.
static void append_camel_case(tn__text *text, const char *op) {
  char before = '_';
  for (; *op != '\0' && *op != '.'; before = *op++) {
    if (*op == '_') continue;
    const bool starts_word = before == '_' || is_digit(before);
    const char shown = starts_word && is_lower(*op) ? (char)(*op - 'a' + 'A') : *op;
    tn__text_repeat(text, shown, 1);
  }
}

// |op| without the underscore of an in-place form: "mul_.Tensor" is recorded as "mul.Tensor" is.
static void drop_inplace_mark(const char *op, char *out, size_t size) {
  size_t length = 0;
  for (; *op != '\0' && length + 1 < size; op++) {
    const bool is_mark = *op == '_' && (op[1] == '.' || op[1] == '\0');
    if (!is_mark) out[length++] = *op;
  }
  out[length] = '\0';
}

void tn__format_grad_fn(tn__text *text, const char *op, int32_t rank) {
  // Functions of an application's own are numbered nowhere.
  const bool is_operator = tn_op_find(op) != NULL;
  char base[96];
  drop_inplace_mark(op, base, sizeof base);
  const char *known = NULL;
  if (rank == 0) {
    known = look_up(full_reductions, sizeof full_reductions / sizeof full_reductions[0], base);
  }
  if (known == NULL) known = look_up(exceptions, sizeof exceptions / sizeof exceptions[0], base);
  if (known != NULL && is_operator) {
    tn__text_append(text, "%s", known);
    return;
  }
  append_camel_case(text, is_operator ? base : op);
  tn__text_append(text, is_operator ? "Backward0" : "Backward");
}
