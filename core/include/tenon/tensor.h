// SPDX-License-Identifier: Apache-2.0
//
// tensor: what a tensor is made of, and how data comes in and goes out. Operators stand in ops.h.

#ifndef TENON_TENSOR_H_
#define TENON_TENSOR_H_

#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- questions. NULL and TN_NONE are answered with 0, NULL, false, TN_DTYPE_NONE; none records.
TN_API int32_t tn_tensor_ndim(const tn_tensor *tensor);
TN_API const int64_t *tn_tensor_sizes(const tn_tensor *tensor);         // [ndim]
TN_API const int64_t *tn_tensor_strides(const tn_tensor *tensor);       // [ndim], in elements
TN_API tn_ints tn_tensor_shape(const tn_tensor *tensor);                // sizes as a list
TN_API int64_t tn_tensor_size(const tn_tensor *tensor, int64_t dim);    // dim may be negative; -1
TN_API int64_t tn_tensor_stride(const tn_tensor *tensor, int64_t dim);  // when out of range
TN_API int64_t tn_tensor_numel(const tn_tensor *tensor);
TN_API int64_t tn_tensor_storage_offset(const tn_tensor *tensor);  // in elements
TN_API tn_dtype tn_tensor_dtype(const tn_tensor *tensor);
TN_API tn_device tn_tensor_device(const tn_tensor *tensor);
TN_API bool tn_tensor_is_contiguous(const tn_tensor *tensor);
TN_API bool tn_tensor_is_view(const tn_tensor *tensor);
TN_API bool tn_tensor_shares_storage(const tn_tensor *a, const tn_tensor *b);
TN_API uint64_t tn_tensor_version(const tn_tensor *tensor);  // grows with every in-place change
TN_API int32_t tn_tensor_refcount(const tn_tensor *tensor);

// ---- bytes

// The element at [0, ..., 0], for reading and writing by the host. Counts as an in-place change.
// NULL for an empty tensor records nothing.
// owns: borrowed, while the tensor lives
// errors: INVALID_ARGUMENT where the device's memory is not the host's, READ_ONLY
TN_API void *tn_tensor_data(tn_tensor *tensor);

// The same for reading only; never counts as a change. errors: INVALID_ARGUMENT
TN_API const void *tn_tensor_const_data(const tn_tensor *tensor);

// The one element of a one-element tensor, from any device (synchronises).
// errors: INVALID_ARGUMENT when it has not exactly one element; tn_item_int also for a value that
// is not an integer. The value is 0 when it fails.
TN_API tn_scalar tn_item_scalar(const tn_tensor *tensor);
TN_API double tn_item(const tn_tensor *tensor);
TN_API int64_t tn_item_int(const tn_tensor *tensor);

// Copies all elements, row-major and cast to |dtype|, into |out| of |size_bytes| (which must be
// exactly numel * size of dtype), from any device. errors: INVALID_ARGUMENT, OUT_OF_MEMORY
TN_API tn_status tn_copy_to_host(const tn_tensor *tensor, void *out, size_t size_bytes,
                                 tn_dtype dtype);

// A cpu tensor over memory of the caller's, which each then sees the other's writes in. |strides|
// in elements; TN_NO_DIMS for row-major. |deleter|(|context|) runs, on any thread, when the last
// view is gone; on failure nothing is taken and |deleter| does not run.
// owns: +1 result, shares data | errors: INVALID_ARGUMENT, INVALID_DTYPE, OUT_OF_MEMORY
TN_API tn_tensor *tn_from_blob(void *data, tn_ints shape, tn_ints strides, tn_dtype dtype,
                               void (*deleter)(void *context), void *context);

// The same over memory that must not be written: in-place calls give READ_ONLY.
TN_API tn_tensor *tn_from_const_blob(const void *data, tn_ints shape, tn_ints strides,
                                     tn_dtype dtype, void (*deleter)(void *context), void *context);

// A new cpu tensor with a copy of row-major |data|. owns: +1 | errors: as tn_from_blob
TN_API tn_tensor *tn_from_data(const void *data, tn_ints shape, tn_dtype dtype);

// Values written in place: tn_from_data(TN_F32S(1, 2, 3), TN_SHAPE(3), TN_F32).
#define TN_F32S(...) ((const float[]){__VA_ARGS__})
#define TN_F64S(...) ((const double[]){__VA_ARGS__})
#define TN_I64S(...) ((const int64_t[]){__VA_ARGS__})

// ---- moving and casting

// |tensor| on |device| as |dtype|; {0, 0} and TN_DTYPE_NONE leave that part as it is. The same
// tensor, retained, when nothing changes; TN_NONE stays TN_NONE. Differentiable.
// owns: +1 | errors: UNAVAILABLE, OUT_OF_MEMORY, INVALID_ARGUMENT
TN_API tn_tensor *tn_to(tn_tensor *tensor, tn_device device, tn_dtype dtype);

// The same, but a copy from or into pinned memory (<tenon/stream.h>) is only enqueued on the
// current stream when the call returns: until that has been waited for, do not write to |tensor|,
// and do not hand a result on the cpu to anything but what waits itself (reading, printing,
// saving). owns: +1 | errors: UNAVAILABLE, OUT_OF_MEMORY, INVALID_ARGUMENT
TN_API tn_tensor *tn_to_async(tn_tensor *tensor, tn_device device, tn_dtype dtype);

// tn_to with the device's name: tn_to_named(x, "cpu", TN_F64).
TN_API tn_tensor *tn_to_named(tn_tensor *tensor, const char *device, tn_dtype dtype);

// ---- dtypes

// "float32"; "?" for no dtype. The reverse also knows "f32" and its like, and C's and PyTorch's
// "float", "double", "half", "cfloat", "cdouble", "short", "int", "long".
TN_API const char *tn_dtype_name(tn_dtype dtype);
TN_API tn_dtype tn_dtype_parse(const char *name);  // TN_DTYPE_NONE when unknown; records nothing

// What arithmetic between two dtypes computes in: PyTorch's lattice; the Array API's table for
// u16, u32, u64 with other integers. errors: INVALID_DTYPE for u64 with a signed integer
TN_API tn_dtype tn_promote_types(tn_dtype a, tn_dtype b);

// The dtype in which an operator over |tensors| computes: dimensioned tensors win over 0-dim ones
// of the same category. errors: as tn_promote_types
TN_API tn_dtype tn_result_type(tn_tensors tensors);

// Whether a result of |from| may be written into a tensor of |to|, as in-place calls ask.
TN_API bool tn_can_cast(tn_dtype from, tn_dtype to);

// The dtype of factories that are given none: float32 at first. errors: INVALID_DTYPE
TN_API tn_dtype tn_default_dtype(void);
TN_API tn_status tn_set_default_dtype(tn_dtype dtype);

// The shape that two shapes broadcast to, into |out| of TN_MAX_DIMS; its rank, or -1.
// errors: INVALID_ARGUMENT
#define TN_MAX_DIMS 32
TN_API int32_t tn_broadcast_shapes(tn_ints a, tn_ints b, int64_t *out);

// ---- text

// How tensors print. Defaults are PyTorch's.
typedef struct tn_print_options {
  int32_t precision;   // 0: 4
  int32_t line_width;  // 0: 80
  int32_t edge_items;  // 0: 3
  int64_t threshold;   // 0: 1000 elements, beyond which the middle is left out
} tn_print_options;

// PyTorch's text for |tensor|, character by character: "tensor([1., 2.])". |options| may be NULL.
// owns: the caller, released with free() | errors: OUT_OF_MEMORY
TN_API char *tn_to_string(const tn_tensor *tensor, const tn_print_options *options);

// Prints that text and a newline. A NULL tensor prints "NULL". errors: as tn_to_string, IO_ERROR
TN_API tn_status tn_print(const tn_tensor *tensor, FILE *file);

#ifdef __cplusplus
}
#endif

#endif  // TENON_TENSOR_H_
