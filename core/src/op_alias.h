// SPDX-License-Identifier: Apache-2.0
//
// op_alias: other names of operators, as `./dev regen` collects them from the definitions'
// `.aliases`, sorted by alias. They are no entries of the operator table, so a walk over the
// operators meets each once.

#ifndef TENON_CORE_OP_ALIAS_H_
#define TENON_CORE_OP_ALIAS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tn__op_alias {
  const char *alias;
  const char *name;  // of the operator, without an overload
} tn__op_alias;

extern const tn__op_alias tn__op_aliases[];
extern const int32_t tn__op_alias_count;

// Writes into |buffer| the operator's own name for |name|: "clip_.Tensor" becomes "clamp_.Tensor",
// "linalg.qr" becomes "linalg_qr". False where |name| is no alias, or does not fit.
bool tn__op_alias_resolve(const char *name, char *buffer, size_t size);

#endif  // TENON_CORE_OP_ALIAS_H_
