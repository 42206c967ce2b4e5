// SPDX-License-Identifier: Apache-2.0
//
// call_views: how a kernel sees its operands. Pointwise operands are broadcast to the result's
// shape and dimensions that every operand can walk as one are merged; a reduction's results get the
// input's rank with stride 0 where it reduces; all other operands are seen as they are. Operands
// are described before a kernel is selected, and once more where the selected one wants them cast
// or copied first.

#include <string.h>
#include <tenon/error.h>

#include "dispatch.h"
#include "dtype.h"
#include "op_ids.h"
#include "scalar.h"

static const int64_t unit_stride[1] = {1};
static const int64_t zero_stride[1] = {0};

// ---- single views ------------------------------------------------------------------------------

// A number in the key dtype, inside the view itself.
static tn_status describe_immediate(tn__call *call, tn_view *view, const tn_tensor *tensor,
                                    tn_dtype dtype) {
  tn_scalar value = tn__scalar_load(tensor->data, tensor->dtype);
  tn_status status = tn__scalar_store(value, dtype, &view->immediate);
  if (status != TN_OK) {
    return tn__op_error(call, status, "", "a number does not fit into %s", tn_dtype_name(dtype));
  }
  view->data = &view->immediate;
  view->dtype = dtype;
  view->flags = TN_VIEW_IMMEDIATE;
  view->storage_id = 0;
  view->version = 0;
  return TN_OK;
}

// Everything but the geometry.
static tn_status describe_operand(tn__call *call, tn_view *view, int32_t input) {
  const tn_tensor *tensor = call->operands[input];
  view->reserved = 0;
  view->device = call->device;
  if (tensor->rank == 0 && tensor->device.type == TN__DEVICE_TYPE_CPU) {
    tn_dtype dtype = tn__is_exempt(call->op->def, input) ? tensor->dtype : call->key;
    bool travels = (tensor->flags & TN__TENSOR_WRAPPED_NUMBER) ||
                   call->device.type != TN__DEVICE_TYPE_CPU || dtype != tensor->dtype;
    if (travels && call->op->id != TN__OP__cast) {
      return describe_immediate(call, view, tensor, dtype);
    }
  }
  view->data = tensor->data;
  view->dtype = tensor->dtype;
  view->flags = 0;
  view->storage_id = 0;
  view->version = 0;
  if (tensor->storage != NULL) {
    view->storage_id = tensor->storage->id;
    view->version = atomic_load_explicit(&tensor->storage->version, memory_order_relaxed);
  }
  return TN_OK;
}

static void describe_absent(tn_view *view) {
  memset(view, 0, sizeof *view);
  view->sizes = view->strides = zero_stride;
  view->flags = TN_VIEW_ABSENT;
}

static void describe_result(tn__call *call, tn_view *view, int32_t output) {
  view->data = NULL;
  view->dtype = call->results[output].dtype;
  view->flags = TN_VIEW_CONTIGUOUS;
  view->reserved = 0;
  view->device = call->device;
  view->storage_id = 0;
  view->version = 0;
}

// ---- merging -----------------------------------------------------------------------------------

// |count| rows of |rank| strides over common |sizes|: drops dimensions of size 1 and joins those
// that every row walks as one. Returns the new rank, at least 1.
static int32_t merge_dimensions(int32_t rank, int64_t *sizes, int64_t *const *strides,
                                int32_t count) {
  int32_t kept = 0;
  for (int32_t d = 0; d < rank; d++) {
    if (sizes[d] == 1) continue;
    bool joins = kept > 0;
    for (int32_t i = 0; joins && i < count; i++) {
      joins = strides[i][kept - 1] == strides[i][d] * sizes[d];
    }
    if (!joins) kept++;
    sizes[kept - 1] = joins ? sizes[kept - 1] * sizes[d] : sizes[d];
    for (int32_t i = 0; i < count; i++) strides[i][kept - 1] = strides[i][d];
  }
  if (kept > 0) return kept;
  sizes[0] = 1;
  for (int32_t i = 0; i < count; i++) strides[i][0] = 1;
  return 1;
}

// Gives every present view the merged geometry.
static tn_status describe_merged(tn__call *call, int32_t rank, const int64_t *sizes,
                                 int64_t *const *strides) {
  int32_t count = (int32_t)call->args.view_count;
  int64_t *merged = tn__call_int_room(call, rank > 0 ? rank : 1);
  if (merged == NULL) return TN_OUT_OF_MEMORY;
  int64_t numel = 1;
  for (int32_t d = 0; d < rank; d++) {
    merged[d] = sizes[d];
    numel *= sizes[d];
  }
  int64_t *rows[64];
  int32_t row_count = 0;
  for (int32_t i = 0; i < count && row_count < 64; i++) {
    if (strides[i] != NULL) rows[row_count++] = strides[i];
  }
  int32_t merged_rank = numel == 0 ? rank : merge_dimensions(rank, merged, rows, row_count);
  for (int32_t i = 0; i < count; i++) {
    tn_view *view = &call->views[i];
    if (strides[i] == NULL) continue;
    view->rank = merged_rank;
    view->sizes = merged;
    view->strides = strides[i];
    view->numel = numel;
    if (tn__strides_contiguous(merged_rank, merged, strides[i])) {
      view->flags |= TN_VIEW_CONTIGUOUS;
    } else {
      view->flags &= ~(uint32_t)TN_VIEW_CONTIGUOUS;
    }
  }
  return TN_OK;
}

// ---- pointwise ---------------------------------------------------------------------------------

// Strides of a tensor broadcast to |rank| dimensions of |sizes|.
static void broadcast_strides(const tn_tensor *tensor, int32_t rank, const int64_t *sizes,
                              int64_t *strides) {
  int32_t lead = rank - tensor->rank;
  for (int32_t d = 0; d < rank; d++) {
    bool spread = d < lead || (tensor->sizes[d - lead] == 1 && sizes[d] != 1);
    strides[d] = spread ? 0 : tensor->strides[d - lead];
  }
}

static tn_status pointwise_general(tn__call *call) {
  const tn__result *result = &call->results[0];
  int32_t rank = result->rank, outs = call->output_count;
  int32_t count = (int32_t)call->args.view_count;
  int64_t *strides[64];
  if (count > 64) return tn__op_error(call, TN_INVALID_ARGUMENT, "", "more than 64 operands");
  for (int32_t i = 0; i < count; i++) {
    strides[i] = NULL;
    if (call->views[i].flags & TN_VIEW_ABSENT) continue;
    strides[i] = tn__call_int_room(call, rank > 0 ? rank : 1);
    if (strides[i] == NULL) return TN_OUT_OF_MEMORY;
    if (i >= outs) {
      broadcast_strides(call->operands[i - outs], rank, result->sizes, strides[i]);
    } else if (call->given != NULL && !((call->copied_outs >> i) & 1)) {
      memcpy(strides[i], call->given[i]->strides, sizeof(int64_t) * (uint64_t)rank);
    } else {
      tn__contiguous_strides(rank, result->sizes, strides[i]);
    }
  }
  return describe_merged(call, rank, result->sizes, strides);
}

// Whether every operand is one run of the result's elements, or one element.
static bool is_linear(const tn__call *call, int64_t numel) {
  for (int32_t i = 0; i < call->input_count; i++) {
    const tn_tensor *tensor = call->operands[i];
    if (tensor->numel != 1 && (tensor->numel != numel || !tn__is_contiguous(tensor))) return false;
  }
  if (call->given == NULL) return true;
  for (int32_t i = 0; i < call->output_count; i++) {
    if (!((call->copied_outs >> i) & 1) && !tn__is_contiguous(call->given[i])) return false;
  }
  return true;
}

static tn_status describe_pointwise(tn__call *call) {
  const tn__result *result = &call->results[0];
  int64_t numel = 1;
  for (int32_t d = 0; d < result->rank; d++) numel *= result->sizes[d];
  if (!is_linear(call, numel)) return pointwise_general(call);
  int64_t *sizes = tn__call_int_room(call, 1);
  if (sizes == NULL) return TN_OUT_OF_MEMORY;
  sizes[0] = numel;
  tn_view *view = call->views;
  for (int32_t i = 0; i < call->output_count; i++, view++) {
    view->sizes = sizes;
    view->strides = unit_stride;
    view->rank = 1;
    view->numel = numel;
  }
  for (int32_t i = 0; i < call->input_count; i++, view++) {
    if (view->flags & TN_VIEW_ABSENT) continue;
    bool run = call->operands[i]->numel == numel;
    view->sizes = sizes;
    view->strides = run ? unit_stride : zero_stride;
    view->rank = 1;
    view->numel = numel;
    if (run) view->flags |= TN_VIEW_CONTIGUOUS;
  }
  return TN_OK;
}

// ---- reductions --------------------------------------------------------------------------------

// A result's strides spread over the input's dimensions.
static void reduced_strides(const tn__call *call, int32_t output, int64_t *strides) {
  const tn__result *result = &call->results[output];
  const tn_tensor *self = call->operands[0];
  int64_t own[TN_MAX_DIMS];
  const int64_t *from = own;
  if (call->given != NULL && !((call->copied_outs >> output) & 1)) {
    from = call->given[output]->strides;
  } else {
    tn__contiguous_strides(result->rank, result->sizes, own);
  }
  bool keepdim = result->rank == self->rank;
  int32_t at = 0;
  for (int32_t d = 0; d < self->rank; d++) {
    bool reduced = ((result->reduced >> d) & 1) != 0;
    strides[d] = reduced ? 0 : from[at];
    if (!reduced || keepdim) at++;
  }
}

// Everything in one run reduced to one element: the walk has one dimension.
static tn_status describe_full_reduction(tn__call *call) {
  const tn_tensor *self = call->operands[0];
  for (uint32_t i = 0; i < call->args.view_count; i++) {
    tn_view *view = &call->views[i];
    bool input = i >= (uint32_t)call->output_count;
    view->rank = 1;
    view->sizes = &self->numel;
    view->strides = input || self->numel == 1 ? unit_stride : zero_stride;
    view->numel = self->numel;
    if (view->strides == unit_stride) {
      view->flags |= TN_VIEW_CONTIGUOUS;
    } else {
      view->flags &= ~(uint32_t)TN_VIEW_CONTIGUOUS;
    }
  }
  return TN_OK;
}

static bool reduces_fully(const tn__call *call) {
  const tn_tensor *self = call->operands[0];
  if (call->input_count != 1 || !tn__is_contiguous(self) || self->numel == 0) return false;
  uint32_t all = self->rank >= 32 ? UINT32_MAX : (UINT32_C(1) << self->rank) - 1;
  return (call->results[0].reduced & all) == all;
}

static tn_status describe_reduction(tn__call *call) {
  if (reduces_fully(call)) return describe_full_reduction(call);
  const tn_tensor *self = call->operands[0];
  int32_t rank = self->rank, count = (int32_t)call->args.view_count;
  int64_t *strides[TN__CALL_VIEWS] = {NULL};
  for (int32_t i = 0; i < count && i < TN__CALL_VIEWS; i++) {
    strides[i] = tn__call_int_room(call, rank > 0 ? rank : 1);
    if (strides[i] == NULL) return TN_OUT_OF_MEMORY;
    if (i < call->output_count) {
      reduced_strides(call, i, strides[i]);
    } else {
      memcpy(strides[i], self->strides, sizeof(int64_t) * (uint64_t)rank);
    }
  }
  return describe_merged(call, rank, self->sizes, strides);
}

// ---- everything else ---------------------------------------------------------------------------

// Input 0 broadcast to result 0, by strides of 0.
static tn_status describe_expanded(tn__call *call, tn_view *view) {
  const tn__result *result = &call->results[0];
  int64_t *strides = tn__call_int_room(call, result->rank > 0 ? result->rank : 1);
  if (strides == NULL) return TN_OUT_OF_MEMORY;
  broadcast_strides(call->operands[0], result->rank, result->sizes, strides);
  view->rank = result->rank;
  view->sizes = result->sizes;
  view->strides = strides;
  view->numel = call->views[0].numel;
  view->flags &= ~(uint32_t)TN_VIEW_CONTIGUOUS;
  if (tn__strides_contiguous(result->rank, result->sizes, strides)) {
    view->flags |= TN_VIEW_CONTIGUOUS;
  }
  return TN_OK;
}

static tn_status describe_plain(tn__call *call) {
  tn_view *view = call->views;
  for (int32_t i = 0; i < call->output_count; i++, view++) {
    tn__result *result = &call->results[i];
    int64_t numel = 1;
    for (int32_t d = 0; d < result->rank; d++) numel *= result->sizes[d];
    tn__contiguous_strides(result->rank, result->sizes, result->strides);
    view->rank = result->rank;
    view->sizes = result->sizes;
    view->strides = result->strides;
    view->numel = numel;
  }
  for (int32_t i = 0; i < call->input_count; i++, view++) {
    if (view->flags & TN_VIEW_ABSENT) continue;
    const tn_tensor *tensor = call->operands[i];
    view->rank = tensor->rank;
    view->sizes = tensor->sizes;
    view->strides = tensor->strides;
    view->numel = tensor->numel;
    if (tn__is_contiguous(tensor)) view->flags |= TN_VIEW_CONTIGUOUS;
  }
  bool expands = (call->op->def->flags & TN_OP_EXPANDS_FIRST) != 0;
  return expands ? describe_expanded(call, &call->views[call->output_count]) : TN_OK;
}

tn_status tn__call_describe(tn__call *call) {
  int32_t count = call->output_count + call->input_count;
  if (count > TN__CALL_VIEWS && call->views == call->inline_views) {
    call->views = tn__call_block(call, (uint64_t)count * sizeof(tn_view));
    if (call->views == NULL) return TN_OUT_OF_MEMORY;
  }
  call->args.struct_size = sizeof call->args;
  call->args.view_count = (uint32_t)count;
  call->args.views = call->views;
  call->args.output_count = (uint32_t)call->output_count;
  call->args.attrs_size = call->op->attrs_size;
  call->args.attrs = call->attrs;
  tn_view *view = call->views;
  for (int32_t i = 0; i < call->output_count; i++) describe_result(call, view++, i);
  for (int32_t i = 0; i < call->input_count; i++, view++) {
    if (tn__is_none(call->operands[i])) {
      describe_absent(view);
      continue;
    }
    tn_status status = describe_operand(call, view, i);
    if (__builtin_expect(status != TN_OK, 0)) return status;
  }
  uint32_t flags = call->op->def->flags;
  if (flags & TN_OP_POINTWISE) return describe_pointwise(call);
  if (flags & TN_OP_REDUCTION) return describe_reduction(call);
  return describe_plain(call);
}

// ---- what the kernel does not take as it is ----------------------------------------------------

static bool dimension_fits(int64_t stride, int64_t other_stride, int64_t size, int64_t other_size) {
  if (size > 1 && stride != 1) return false;
  return other_size <= 1 || other_stride >= (size > 1 ? size : 1);
}

// Whether the last two dimensions are as BLAS takes them.
static bool is_matrix(const tn_view *view) {
  int32_t r = view->rank;
  if (view->flags & TN_VIEW_CONTIGUOUS) return true;
  if (r < 2) return r == 0 || view->strides[0] == 1 || view->sizes[0] <= 1;
  int64_t rows = view->sizes[r - 2], columns = view->sizes[r - 1];
  int64_t row_stride = view->strides[r - 2], column_stride = view->strides[r - 1];
  return dimension_fits(column_stride, row_stride, columns, rows) ||
         dimension_fits(row_stride, column_stride, rows, columns);
}

static bool layout_fits(const tn_view *view, int32_t layout) {
  switch (layout) {
    case TN_LAYOUT_STRIDED:
      return true;
    case TN_LAYOUT_MATRIX:
      return is_matrix(view);
    default:
      return (view->flags & TN_VIEW_CONTIGUOUS) != 0;
  }
}

// |tensor| as new, contiguous memory of |dtype|, in the result's shape where |call| is pointwise.
static tn_tensor *compact(tn__call *call, tn_tensor *tensor, tn_dtype dtype) {
  if (!(call->op->def->flags & TN_OP_POINTWISE) || call->kernel->row.layout == TN_LAYOUT_STRIDED) {
    return tn__cast_raw(tensor, dtype);
  }
  const tn__result *result = &call->results[0];
  tn_tensor *copy = tn__tensor_new(result->rank, result->sizes, dtype, call->device);
  if (copy != NULL && tn__cast_into(copy, tensor) != TN_OK) {
    tn__release_raw(copy);
    return NULL;
  }
  return copy;
}

static bool is_one_piece(const tn__call *call, const tn_view *view) {
  return (call->op->def->flags & TN_OP_POINTWISE) == 0 || (view->flags & TN_VIEW_CONTIGUOUS) ||
         call->kernel->row.layout == TN_LAYOUT_STRIDED;
}

// Whether input |i| must be cast or copied for the selected kernel.
static bool needs_copy(const tn__call *call, int32_t i) {
  const tn_view *view = &call->views[call->output_count + i];
  const tn_kernel_row *row = &call->kernel->row;
  if (view->flags & TN_VIEW_ABSENT) return false;
  if (view->flags & TN_VIEW_IMMEDIATE) return !is_one_piece(call, view);
  if (view->dtype != call->key && !tn__is_exempt(call->op->def, i) && !(row->flags & TN_ROW_CASTS))
    return true;
  return !layout_fits(view, row->layout) || !is_one_piece(call, view);
}

static tn_status copy_operand(tn__call *call, tn_tensor **operands, int32_t i) {
  const tn_view *view = &call->views[call->output_count + i];
  bool cast = !tn__is_exempt(call->op->def, i) && !(call->kernel->row.flags & TN_ROW_CASTS);
  tn_tensor *copy = compact(call, operands[i], cast ? call->key : view->dtype);
  if (copy == NULL) return tn_error_peek()->status;
  if (call->temporary_count == TN__CALL_TEMPORARIES) {
    tn__release_raw(copy);
    return tn__op_error(call, TN_UNIMPLEMENTED, "", "more than %d operands would have to be copied",
                        TN__CALL_TEMPORARIES);
  }
  call->temporaries[call->temporary_count++] = copy;
  operands[i] = copy;
  return TN_OK;
}

// Results that the kernel cannot write where they are asked for.
static uint32_t unwritable_outs(const tn__call *call) {
  uint32_t outs = 0;
  if (call->given == NULL) return 0;
  for (int32_t i = 0; i < call->output_count; i++) {
    if (call->kernel->row.layout != TN_LAYOUT_STRIDED && !tn__is_contiguous(call->given[i])) {
      outs |= 1u << i;
    }
  }
  return outs;
}

static tn_status fit_operands(tn__call *call) {
  bool changed = false;
  for (int32_t i = 0; i < call->input_count && !changed; i++) changed = needs_copy(call, i);
  uint32_t copied = unwritable_outs(call) | call->copied_outs;
  if (!changed && copied == call->copied_outs) return TN_OK;
  call->copied_outs = copied;
  tn_tensor **operands =
      tn__call_block(call, sizeof(tn_tensor *) * (uint64_t)(call->input_count + 1));
  if (operands == NULL) return TN_OUT_OF_MEMORY;
  memcpy(operands, call->inputs, sizeof(tn_tensor *) * (uint64_t)call->input_count);
  for (int32_t i = 0; i < call->input_count; i++) {
    if (!needs_copy(call, i)) continue;
    tn_status status = copy_operand(call, operands, i);
    if (status != TN_OK) return status;
  }
  call->operands = operands;
  return tn__call_describe(call);
}

static tn_status allocate_outs(tn__call *call) {
  for (int32_t i = 0; i < call->output_count; i++) {
    tn_view *view = &call->views[i];
    bool given = call->given != NULL && !((call->copied_outs >> i) & 1);
    if (given) {
      call->outs[i] = call->given[i];
    } else {
      const tn__result *result = &call->results[i];
      call->outs[i] = tn__tensor_new(result->rank, result->sizes, result->dtype, call->device);
      if (call->outs[i] == NULL) return tn__call_out_of_memory(call);
    }
    view->data = call->outs[i]->data;
    view->storage_id = call->outs[i]->storage->id;
  }
  return TN_OK;
}

tn_status tn__call_prepare(tn__call *call) {
  tn_status status = fit_operands(call);
  if (status != TN_OK) return status;
  if (call->op->def->flags & TN_OP_DATA_SHAPE) return TN_OK;
  return allocate_outs(call);
}
