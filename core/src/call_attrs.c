// SPDX-License-Identifier: Apache-2.0
//
// call_attrs: what a kernel that was compiled against an older attributes struct may be given. It
// cannot see the fields that have been added since, so it serves a call only where those have their
// defaults. Fields are compared by value: lists by what they hold, and never what lies between.

#include <string.h>

#include "dispatch.h"
#include "registry.h"

static bool same_list(tn_ints a, tn_ints b) {
  if (a.count != b.count) return false;
  return a.count <= 0 || memcmp(a.data, b.data, sizeof *a.data * (uint64_t)a.count) == 0;
}

static bool same_text(const char *a, const char *b) {
  return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_scalar(const tn_scalar *a, const tn_scalar *b) {
  if (a->kind != b->kind) return false;
  if (a->kind == TN_SCALAR_NONE) return true;
  uint64_t size = a->kind == TN_SCALAR_COMPLEX ? sizeof a->as.c : sizeof a->as.u;
  return memcmp(&a->as, &b->as, size) == 0;
}

static bool is_default(const tn__arg *arg, const void *attrs, const void *defaults) {
  const void *value = (const char *)attrs + arg->attr_offset;
  const void *standard = (const char *)defaults + arg->attr_offset;
  switch (arg->kind) {
    case TN__ARG_BOOL:
      return *(const bool *)value == *(const bool *)standard;
    case TN__ARG_INT:
    case TN__ARG_FLOAT:
    case TN__ARG_DEVICE:
      return memcmp(value, standard, 8) == 0;
    case TN__ARG_OPT_INT:
    case TN__ARG_OPT_FLOAT:
      return memcmp(value, standard, sizeof(tn_opt_int)) == 0;
    case TN__ARG_SCALAR:
      return same_scalar(value, standard);
    case TN__ARG_INTS:
    case TN__ARG_FLOATS:
      return same_list(tn__list_at(value), tn__list_at(standard));
    case TN__ARG_DTYPE:
      return *(const tn_dtype *)value == *(const tn_dtype *)standard;
    case TN__ARG_STRING:
      return same_text(*(const char *const *)value, *(const char *const *)standard);
    default:
      return false;  // a generator's state has no default
  }
}

bool tn__call_attrs_fit(const tn__call *call, const tn__kernel *kernel) {
  uint64_t known = kernel->row.attrs_size;
  if (known == 0 || known >= call->op->attrs_size) return true;
  for (int32_t i = 0; i < call->op->arg_count; i++) {
    const tn__arg *arg = &call->op->args[i];
    if (arg->kind <= TN__ARG_OPTIONAL_IMMEDIATE || arg->attr_offset < known) continue;
    if (!is_default(arg, call->attrs, call->op->defaults)) return false;
  }
  return true;
}
