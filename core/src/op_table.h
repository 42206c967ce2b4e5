// SPDX-License-Identifier: Apache-2.0
//
// op_table: every operator and form, as `./dev regen` writes it into generated/op_table.c, sorted
// by name. An entry is constant; what changes at run time (chains of kernels) is kept beside the
// table, indexed by the entry's id, which is its position.

#ifndef TENON_CORE_OP_TABLE_H_
#define TENON_CORE_OP_TABLE_H_

#include <string.h>
#include <tenon/op.h>

#include "op_def.h"

// How one schema argument reaches a kernel.
typedef enum tn__arg_kind {
  TN__ARG_TENSOR,            // an input
  TN__ARG_OPTIONAL_TENSOR,   // an input, TN_NONE where absent
  TN__ARG_TENSORS,           // the last inputs, wherever the schema has them
  TN__ARG_OPTIONAL_TENSORS,  // the same, each TN_NONE where absent
  TN__ARG_IMMEDIATE,         // a Scalar that the base takes as a tensor: an input
  TN__ARG_OPTIONAL_IMMEDIATE,
  // The rest are fields of the attributes, at attr_offset:
  TN__ARG_BOOL,       // bool
  TN__ARG_INT,        // int64_t
  TN__ARG_OPT_INT,    // tn_opt_int
  TN__ARG_FLOAT,      // double
  TN__ARG_OPT_FLOAT,  // tn_opt_float
  TN__ARG_SCALAR,     // tn_scalar
  TN__ARG_INTS,       // tn_ints; absent: count -1
  TN__ARG_DTYPE,      // tn_dtype
  TN__ARG_DEVICE,     // tn_device
  TN__ARG_STRING,     // const char *, a literal of the schema's or kept by the caller
  TN__ARG_GENERATOR,  // tn_philox_state
  TN__ARG_FLOATS,     // tn_floats; absent: count -1
} tn__arg_kind;

// Whether an attribute is a list of 8-byte numbers: a pointer and a count, which tn__list_at reads.
#define TN__IS_LIST(kind) ((kind) == TN__ARG_INTS || (kind) == TN__ARG_FLOATS)

typedef struct tn__arg {
  const char *name;
  const char *type;      // as in the schema
  const char *fallback;  // the default's text; NULL where required
  uint8_t kind;          // tn__arg_kind
  uint16_t attr_offset;  // of attributes
} tn__arg;

static inline bool tn__arg_is_list(const tn__arg *arg) {
  return arg->kind == TN__ARG_TENSORS || arg->kind == TN__ARG_OPTIONAL_TENSORS;
}

typedef enum tn__form {
  TN__FORM_BASE,     // the operator itself
  TN__FORM_SCALAR,   // def->base runs, scalars as immediates
  TN__FORM_INPLACE,  // into input 0 of the base (or scalar) form
} tn__form;

// The list in an attribute's |field|, of whichever kind, as integers of the same bits.
static inline tn_ints tn__list_at(const void *field) {
  tn_ints list;
  memcpy(&list, field, sizeof list);
  return list;
}

// `tn_op` of the public interface.
struct tn_op {
  const char *name;      // "add.Tensor", "add_.Scalar"
  const char *schema;    // in-place forms: with (a!)
  const tn_op_def *def;  // what runs: the base's for a scalar or in-place form
  uint16_t id;           // position in the table
  uint16_t run_id;       // id of the operator whose def and chains serve this entry
  uint8_t form;          // tn__form
  uint8_t arg_count;
  uint8_t tensor_count;  // inputs before a list
  uint8_t result_count;
  bool has_list;      // a tensor argument is Tensor[] or Tensor?[]
  bool returns_list;  // -> Tensor[]
  bool attrs_point;   // the attributes hold lists or texts, which a copy must take along
  bool attrs_check;   // the attributes hold lists or dtypes, which a caller may get wrong
  uint16_t attrs_size;
  uint16_t generator_offset;  // of RANDOM operators' tn_philox_state
  const void *defaults;       // an attributes struct with every default
  const tn__arg *args;
};

extern const tn_op tn__op_table[];
extern const int32_t tn__op_table_count;

// ---- what the generated typed calls are written with ------------------------------------------

// A number on the stack that passes for a 0-dim cpu tensor during one call.
typedef struct tn__immediate tn__immediate;

// |attrs| is the entry's attributes struct, which the call may canonicalise in place.
tn_tensor *tn__call_one(int32_t id, tn_tensor *const *inputs, int32_t input_count, void *attrs);
// results[0] is returned; results[k] goes to *more[k - 1] where that is not NULL, which is set to
// NULL first.
tn_tensor *tn__call_many(int32_t id, tn_tensor *const *inputs, int32_t input_count, void *attrs,
                         tn_tensor **const *more);
tn_list *tn__call_list(int32_t id, tn_tensor *const *inputs, int32_t input_count, void *attrs);
// In-place (outs = {inputs[0]}) and out forms.
tn_status tn__call_into(int32_t id, tn_tensor *const *inputs, int32_t input_count, void *attrs,
                        tn_tensor *const *outs, int32_t out_count);

#endif  // TENON_CORE_OP_TABLE_H_
