// SPDX-License-Identifier: Apache-2.0
//
// provider_rules: what TENON_PROVIDER says. Rules are separated by semicolons; spaces do not count:
//
//   matmul.f32=onednn;conv*=onednn;softmax=cpu
//
// Left stands a pattern of operators (op_glob.h), with ".dtype" behind it where it is about one
// dtype; right a backend. The first rule that matches decides. A rule for an operator that is
// composed of others counts for the parts while they run as its parts, gradients included: see
// docs/adr/0013. Invariant: rules are read once, with the search for backends, and never change.

#ifndef TENON_CORE_PROVIDER_RULES_H_
#define TENON_CORE_PROVIDER_RULES_H_

#include <stdatomic.h>
#include <tenon/base.h>

#include "backend.h"
#include "op_table.h"
#include "text.h"

typedef struct tn__provider_rule {
  char text[160];              // as written: "matmul.f32=onednn"
  char glob[96];               // the operators
  tn_dtype dtype;              // TN_DTYPE_NONE: every one
  char provider[32];           // the backend's name
  const tn__backend *backend;  // NULL where it is optional and was not found
  bool composite;              // matches an operator that others compute
  bool warned;                 // that its backend has no kernel for it
} tn__provider_rule;

// Reads the variable; called once at the end of the search. Registry locked.
// errors: INVALID_ARGUMENT for what is no rule, NOT_FOUND for unknown operators and backends
tn_status tn__provider_rules_load(void);

// Rules are numbered from 1; 0 is none.
int32_t tn__provider_rule_count(void);
tn__provider_rule *tn__provider_rule_at(int32_t rule);
// The first rule that matches. |dtype| TN_DTYPE_NONE is matched by rules for every dtype.
int32_t tn__provider_rule_of(const tn_op *op, tn_dtype dtype);
bool tn__provider_rule_is_about(const tn__provider_rule *rule, const tn_op *op);

// Whether a rule is about a composed operator, which its parts have to be told. MAYBE before the
// search.
enum { TN__COMPOSITE_RULES_MAYBE, TN__COMPOSITE_RULES_NONE, TN__COMPOSITE_RULES };
extern _Atomic int32_t tn__composite_rules;

// The rule that governs the parts of a call of |op| which itself runs under rule |outer|: the
// earlier one of the two.
int32_t tn__composite_rule_of(const tn_op *op, tn_dtype dtype, int32_t outer);

// Appends a line for each rule, nothing where there is none.
void tn__provider_rules_report(tn__text *text);

#endif  // TENON_CORE_PROVIDER_RULES_H_
