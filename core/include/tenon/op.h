// SPDX-License-Identifier: Apache-2.0
//
// op: every operator by name, with tagged values. Language bindings, harnesses and importers are
// written against this; C programs use the typed calls in ops.h.

#ifndef TENON_OP_H_
#define TENON_OP_H_

#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tn_op tn_op;

enum {
  TN_VALUE_NONE = 0,  // not given: the schema's default
  TN_VALUE_TENSOR = 1,
  TN_VALUE_TENSORS = 2,  // Tensor[] as an argument
  TN_VALUE_LIST = 3,     // Tensor[] as a result
  TN_VALUE_BOOL = 4,
  TN_VALUE_INT = 5,
  TN_VALUE_FLOAT = 6,
  TN_VALUE_SCALAR = 7,
  TN_VALUE_INTS = 8,
  TN_VALUE_BOOLS = 9,  // as integers 0 and 1
  TN_VALUE_DTYPE = 10,
  TN_VALUE_DEVICE = 11,
  TN_VALUE_STRING = 12,
  TN_VALUE_FLOATS = 13,
};

typedef struct tn_value {
  int32_t kind;
  int32_t reserved;
  union {
    tn_tensor *tensor;
    tn_tensors tensors;
    tn_list *list;
    bool b;
    int64_t i;
    double f;
    tn_scalar scalar;
    tn_ints ints;
    tn_floats floats;
    tn_dtype dtype;
    tn_device device;
    const char *string;
  } as;
} tn_value;

static inline tn_value tn_value_tensor(tn_tensor *tensor) {
  tn_value v = {TN_VALUE_TENSOR, 0, {tensor}};
  return v;
}
static inline tn_value tn_value_tensors(tn_tensors tensors) {
  tn_value v = {TN_VALUE_TENSORS, 0, {0}};
  v.as.tensors = tensors;
  return v;
}
static inline tn_value tn_value_int(int64_t value) {
  tn_value v = {TN_VALUE_INT, 0, {0}};
  v.as.i = value;
  return v;
}
static inline tn_value tn_value_float(double value) {
  tn_value v = {TN_VALUE_FLOAT, 0, {0}};
  v.as.f = value;
  return v;
}
static inline tn_value tn_value_bool(bool value) {
  tn_value v = {TN_VALUE_BOOL, 0, {0}};
  v.as.b = value;
  return v;
}
static inline tn_value tn_value_scalar(tn_scalar value) {
  tn_value v = {TN_VALUE_SCALAR, 0, {0}};
  v.as.scalar = value;
  return v;
}
static inline tn_value tn_value_ints(tn_ints value) {
  tn_value v = {TN_VALUE_INTS, 0, {0}};
  v.as.ints = value;
  return v;
}
static inline tn_value tn_value_floats(tn_floats value) {
  tn_value v = {TN_VALUE_FLOATS, 0, {0}};
  v.as.floats = value;
  return v;
}
static inline tn_value tn_value_dtype(tn_dtype value) {
  tn_value v = {TN_VALUE_DTYPE, 0, {0}};
  v.as.dtype = value;
  return v;
}
static inline tn_value tn_value_device(tn_device value) {
  tn_value v = {TN_VALUE_DEVICE, 0, {0}};
  v.as.device = value;
  return v;
}
static inline tn_value tn_value_string(const char *value) {
  tn_value v = {TN_VALUE_STRING, 0, {0}};
  v.as.string = value;
  return v;
}
static inline tn_value tn_value_none(void) {
  tn_value v = {TN_VALUE_NONE, 0, {0}};
  return v;
}

// The operator called |name|: "softmax", "add.Scalar", "add" (its Tensor overload), "add_" (the
// in-place form), "aten::add.Tensor". Other names work too, with the same suffixes:
// "multiply.Scalar", "clip_", "concat", "linalg.qr"; tn_op_name tells the operator's own. NULL when
// there is none; records nothing.
TN_API const tn_op *tn_op_find(const char *name);

// Whether one of the comma-separated patterns |globs| is about the operator called |name|. A
// pattern without a dot means every overload ("add" and "a*" match "add.Tensor"), one with a dot
// the whole name ("add.Tensor", "*.Scalar"); `*` is any text, `?` one character. "" matches
// nothing. errors: none | threads: any
TN_API bool tn_op_matches(const char *globs, const char *name);

// The operator's name nearest to the misspelt |name|, written into |buffer|, which it returns; ""
// where none is near.
// errors: none | threads: any
TN_API const char *tn_op_nearest(const char *name, char *buffer, size_t buffer_size);

// Walks the table, sorted by name. NULL out of range.
TN_API int32_t tn_op_count(void);
TN_API const tn_op *tn_op_at(int32_t index);

TN_API const char *tn_op_name(const tn_op *op);    // "add.Tensor"
TN_API const char *tn_op_schema(const tn_op *op);  // "add.Tensor(Tensor self, ...) -> Tensor"
TN_API int32_t tn_op_arg_count(const tn_op *op);
TN_API int32_t tn_op_result_count(const tn_op *op);

// What one argument is. |type| as in the schema: "Tensor?", "int[]"; |fallback| is the default's
// text, NULL where the argument is required.
typedef struct tn_op_arg {
  const char *name;
  const char *type;
  const char *fallback;
} tn_op_arg;
TN_API tn_status tn_op_arg_at(const tn_op *op, int32_t index, tn_op_arg *arg);

// Facts that harnesses ask for.
typedef struct tn_op_traits {
  bool view;            // the result shares its input's storage
  bool composite;       // runs as other operators where no kernel serves it
  bool differentiable;  // has a gradient, its own or its parts'
  bool random;          // draws random numbers
  bool inplace;         // has an in-place form, name_
  bool needs_kernel;    // cannot run without a backend
  bool out;             // has an out form, which tn_op_call_out calls
} tn_op_traits;
TN_API tn_op_traits tn_op_traits_of(const tn_op *op);

// Calls |op| with |arg_count| values in the schema's order; missing trailing ones are defaults.
// |results| receives tn_op_result_count(op) values, owned as any call's results.
// errors: INVALID_ARGUMENT for a wrong count or kind, and the operator's own
TN_API tn_status tn_op_call(const tn_op *op, const tn_value *args, int32_t arg_count,
                            tn_value *results);

// Calls the out form of |op|: the results go into |outs|, as many as it has results and each of its
// result's shape. No gradient is recorded.
// errors: UNIMPLEMENTED where there is no such form, READ_ONLY, INVALID_ARGUMENT for an overlap,
// and tn_op_call's | owns: nothing | threads: any
TN_API tn_status tn_op_call_out(const tn_op *op, tn_tensors outs, const tn_value *args,
                                int32_t arg_count);

#ifdef __cplusplus
}
#endif

#endif  // TENON_OP_H_
