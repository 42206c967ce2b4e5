// SPDX-License-Identifier: Apache-2.0
//
// op_def: how an operator is declared. A file in core/ops/ includes this header (and the generated
// <tenon/op_args.h>, <tenon/ops.h>), writes the functions its operator needs, and ends in one
// `const tn_op_def tn_op_<name>`. `./dev regen` reads the schema, which is one literal on one line,
// the `.forms`, the `.aliases` and the `///` comment above the definition; nothing else is edited
// by hand.
//
// How an operator gets its results, in this order:
//   alias      VIEW: infer describes sizes, strides and offset over input 0's storage
//   kernel     the first that accepts, of the chain for (operator, device, key dtype)
//   compose    written with other operators
// When a gradient must be recorded: with a vjp, the body runs unrecorded and one node is recorded;
// without one, compose runs recorded; with neither, the result's backward is an error, unless the
// operator is NONDIFFERENTIABLE, whose results never require a gradient.

#ifndef TENON_CORE_OP_DEF_H_
#define TENON_CORE_OP_DEF_H_

#include <tenon/base.h>
#include <tenon/error.h>
#include <tenon/op_args.h>
#include <tenon/tensor.h>

enum { TN__MAX_RESULTS = 8 };

// Which dtype the operator computes in: the key dtype, which selects the kernel.
typedef enum tn_promote {
  TN_PROMOTE_NONE = 0,          // the first tensor's (or what infer sets)
  TN_PROMOTE_COMMON = 1,        // the promoted dtype of all tensors that are not exempt
  TN_PROMOTE_INT_TO_FLOAT = 2,  // the same; integers and bool become the default float dtype
} tn_promote;

enum {
  TN_OP_POINTWISE = 1u << 0,  // broadcasts; kernels get merged dimensions, same sizes everywhere
  TN_OP_REDUCTION = 1u << 1,  // kernels get results with the input's rank, strides 0 where reduced
  TN_OP_VIEW = 1u << 2,       // aliases input 0
  TN_OP_RANDOM = 1u << 3,     // has a Generator argument, filled before a kernel is selected
  TN_OP_NONDIFFERENTIABLE = 1u << 4,
  TN_OP_DATA_SHAPE = 1u << 5,     // the kernel creates its results (nonzero)
  TN_OP_RAW_INPUTS = 1u << 6,     // no common device is asked for (copies between devices)
  TN_OP_VJP_GEOMETRY = 1u << 7,   // its vjp may ask for every input's sizes, strides and offset
  TN_OP_EXPANDS_FIRST = 1u << 8,  // kernels get input 0 broadcast to result 0 (addmm)
};

// Forms generated beside the base operator; written in `.forms` for regen to read.
enum {
  TN_FORM_INPLACE = 1u << 0,  // tn_add_(self, ...): into input 0
  TN_FORM_OUT = 1u << 1,      // tn_add_out(out, self, ...)
};

// What one result is, before it exists.
typedef struct tn__result {
  tn_dtype dtype;  // preset to the key dtype
  int32_t rank;
  int64_t sizes[TN_MAX_DIMS];
  int64_t strides[TN_MAX_DIMS];  // views only
  int64_t offset;                // views only: in elements, absolute in the storage
  uint32_t reduced;              // reductions only: bit d for each dimension of input 0 that goes
} tn__result;

typedef struct tn__call tn__call;  // one call on its way through the dispatcher; op_call state

// What infer sees and fills in. It never reads data. It may write canonical values into |attrs|
// (dims made non-negative, defaults resolved), so that kernels and vjps see only those.
typedef struct tn_infer {
  tn__call *call;
  tn_tensor *const *inputs;  // schema order, lists flattened, TN_NONE for absent
  int32_t input_count;
  int32_t result_count;
  void *attrs;
  tn_dtype key;      // as `promote` says; infer may change it
  tn_device device;  // where the results go; factories set it from attrs
  tn__result *results;
} tn_infer;

typedef struct tn_compose {
  tn__call *call;
  tn_tensor *const *inputs;
  int32_t input_count;
  const void *attrs;
  tn_tensor *results[TN__MAX_RESULTS];  // set each; a NULL result is a failure
  tn_list *list;                        // for operators that return Tensor[]
} tn_compose;

typedef struct tn_vjp tn_vjp;

// Saved for input i's gradient: saves[i] (the last given entry serves all later inputs).
#define TN_SAVE_INPUT(index) (1u << (index))
#define TN_SAVE_OUTPUT(index) (1u << (16 + (index)))

typedef struct tn_op_def tn_op_def;
struct tn_op_def {
  const char *schema;  // ATen's, one literal on one line
  // Other names of the operator and its overloads, "concat,concatenate"; regen reads this, and
  // tn_op_find looks them up. Written at one overload only.
  const char *aliases;
  uint32_t flags;  // TN_OP_*
  uint32_t forms;  // TN_FORM_*
  tn_promote promote;
  uint32_t exempt;        // bit i: input i takes no part in promotion (masks, indices)
  tn_dtype result_dtype;  // of every result; TN_DTYPE_NONE: the key dtype
  uint64_t dtypes;        // key dtypes that the operator admits; 0: all

  // An overload that takes a Scalar where |base| takes a Tensor: the scalar travels as an immediate
  // and the base runs. Such a definition has a schema, forms and this, nothing else.
  const tn_op_def *base;

  // NULL for POINTWISE: the broadcast shape.
  tn_status (*infer)(tn_infer *infer);
  // May look at inputs and attrs (not canonical: infer has not run) and must set results.
  tn_status (*compose)(tn_compose *compose);

  uint32_t saves[4];
  uint32_t save_count;  // entries of `saves` that are given
  // grad_out[k]: TN_NONE where no gradient arrived. Sets grad_in[i] where tn_vjp_needs(vjp, i); all
  // start as TN_NONE. Gradients may be broadcast against or of another dtype than the input:
  // the engine sums them to its shape and casts. Runs in a scope of its own.
  tn_status (*vjp)(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in);

  // REDUCTION over no elements: 0 or 1 fills the result; otherwise `has_identity` is false and the
  // call is an error.
  double identity;
  bool has_identity;

  // POINTWISE without an infer of its own: whether the attributes go with the key dtype.
  tn_status (*check)(tn__call *call, const void *attrs, tn_dtype key);
};

// ---- for infer ---------------------------------------------------------------------------------

// Records an error about |argument| with the operator's name, every shape, dtype and device.
tn_status tn__op_error(tn__call *call, tn_status status, const char *argument, const char *format,
                       ...) TN_PRINTF(4, 5);

// Makes |dim| non-negative for |rank| (a 0-dim tensor counts as rank 1).
// errors: OUT_OF_RANGE
tn_status tn__canonical_dim(tn__call *call, const char *argument, int64_t *dim, int32_t rank);

// Makes the dims in |dims| non-negative and sorted, in memory of the call; empty or absent means
// all when |empty_is_all|. |mask| receives one bit for each. errors: OUT_OF_RANGE, INVALID_ARGUMENT
// for a repeated dim
tn_status tn__canonical_dims(tn__call *call, const char *argument, tn_ints *dims, int32_t rank,
                             bool empty_is_all, uint32_t *mask);

// Copies |count| integers into memory that lives as long as the call. NULL when there is none.
int64_t *tn__call_ints(tn__call *call, const int64_t *data, int64_t count);

// The product of sizes. errors: INVALID_ARGUMENT for a negative size or an overflow
tn_status tn__checked_numel(tn__call *call, const char *argument, tn_ints sizes, int64_t *numel);

// A result with |tensor|'s shape / the given shape.
void tn__result_like(tn__result *result, const tn_tensor *tensor);
tn_status tn__result_shape(tn_infer *infer, int32_t index, tn_ints sizes);

// Shape of a reduction over |mask|, with keepdim or without.
void tn__result_reduced(tn__result *result, const tn_tensor *self, uint32_t mask, bool keepdim);

// Ready-made infers.
tn_status tn__infer_same(tn_infer *infer);       // every result like input 0
tn_status tn__infer_pointwise(tn_infer *infer);  // the broadcast shape of all inputs

// Checks used by many: input i is of integer dtype / has rank in [low, high].
// errors: INVALID_DTYPE; INVALID_ARGUMENT
tn_status tn__expect_index(tn_infer *infer, int32_t input, const char *argument);
tn_status tn__expect_rank(tn_infer *infer, int32_t input, const char *argument, int32_t low,
                          int32_t high);

// ---- for vjp -----------------------------------------------------------------------------------

bool tn_vjp_needs(const tn_vjp *vjp, int32_t input);
int32_t tn_vjp_input_count(const tn_vjp *vjp);
// Saved tensors, borrowed; recorded as the originals were, so that gradients have gradients.
tn_tensor *tn_vjp_input(tn_vjp *vjp, int32_t input);
tn_tensor *tn_vjp_output(tn_vjp *vjp, int32_t output);
// The canonical attributes of the forward call.
const void *tn_vjp_attrs(const tn_vjp *vjp);
// Shapes are remembered for every input that needs a gradient, and for every output.
tn_ints tn_vjp_input_sizes(const tn_vjp *vjp, int32_t input);
tn_dtype tn_vjp_input_dtype(const tn_vjp *vjp, int32_t input);
tn_device tn_vjp_input_device(const tn_vjp *vjp, int32_t input);
tn_ints tn_vjp_output_sizes(const tn_vjp *vjp, int32_t output);
// Of VJP_GEOMETRY operators, whose input sizes are remembered for inputs without a gradient too.
tn_ints tn_vjp_input_strides(const tn_vjp *vjp, int32_t input);
int64_t tn_vjp_input_offset(const tn_vjp *vjp, int32_t input);

#endif  // TENON_CORE_OP_DEF_H_
