// SPDX-License-Identifier: Apache-2.0
//
// tensor: making tensors, and the questions that can be asked of them.

#include <tenon/error.h>

#include <string.h>

#include "autograd.h"
#include "tensor_impl.h"

struct tn_tensor tn_none_tensor = {
    .refs = 1,
    .sizes = tn_none_tensor.inline_dims,
    .strides = tn_none_tensor.inline_dims,
};

// ---- making ------------------------------------------------------------------------------------

// Inlined by decree: whether the linker would inline it hangs on the size of the whole library.
static inline __attribute__((always_inline)) tn_tensor *tensor_allocate(int32_t rank,
                                                                        tn_dtype dtype,
                                                                        int32_t item_bytes,
                                                                        tn_device device) {
  tn__thread *thread = &tn__tls;
  tn_tensor *tensor = tn__small_allocate(thread, sizeof *tensor);
  if (tensor == NULL) {
    tn__out_of_memory("a tensor", sizeof *tensor);
    return NULL;
  }
  atomic_init(&tensor->refs, 1);
  tensor->dtype = (uint8_t)dtype;
  tensor->rank = (uint8_t)rank;
  tensor->flags = 0;
  tensor->item_bytes = (uint8_t)item_bytes;
  tensor->device = device;
  tensor->offset = 0;
  tensor->storage = NULL;
  tensor->grad = NULL;
  tensor->node = NULL;
  tensor->output = 0;
  tensor->requires_grad = false;
  tensor->retains_grad = false;
  tensor->base = NULL;
  atomic_init(&tensor->base_epoch, 0);
  tensor->epoch = 0;
  tensor->sizes = tensor->inline_dims;
  tensor->strides = tensor->inline_dims + TN__INLINE_RANK;
  if (rank > TN__INLINE_RANK) {
    tensor->sizes = tn__allocate(sizeof(int64_t) * 2 * (uint64_t)rank);
    if (tensor->sizes == NULL) {
      tn__small_free(thread, tensor, sizeof *tensor);
      tn__out_of_memory("a tensor", sizeof(int64_t) * 2 * (uint64_t)rank);
      return NULL;
    }
    tensor->strides = tensor->sizes + rank;
  }
  return tensor;
}

// What only some tensors have.
static __attribute__((noinline)) void let_go(tn_tensor *tensor) {
  if (tensor->grad != NULL) tn__grad_record_free(tensor);
  if (tensor->node != NULL) {
    if (tensor->retains_grad) tn__forget_retained(tensor);
    tn__node_release(tensor->node);
  }
  if (tensor->base != NULL) tn__release_raw(tensor->base);
  if (tensor->rank > TN__INLINE_RANK) tn__deallocate(tensor->sizes);
}

void tn__tensor_free(tn_tensor *tensor) {
  bool plain = tensor->grad == NULL && tensor->node == NULL && tensor->base == NULL &&
               tensor->rank <= TN__INLINE_RANK;
  if (!plain) let_go(tensor);
  tn__storage *storage = tensor->storage;
  tn__small_free(&tn__tls, tensor, sizeof *tensor);
  if (storage != NULL) tn__storage_release(storage);
}

// Gives up a tensor whose storage was never set.
static void tensor_abandon(tn_tensor *tensor) { tn__tensor_free(tensor); }

tn_tensor *tn__tensor_new(int32_t rank, const int64_t *sizes, tn_dtype dtype, tn_device device) {
  tn_tensor *tensor = tensor_allocate(rank, dtype, tn_dtype_size(dtype), device);
  if (tensor == NULL) return NULL;
  int64_t stride = 1;
  int64_t numel = 1;
  for (int32_t i = rank - 1; i >= 0; i--) {
    tensor->sizes[i] = sizes[i];
    tensor->strides[i] = stride;
    numel *= sizes[i];
    stride *= sizes[i] > 1 ? sizes[i] : 1;
  }
  tensor->numel = numel;
  tensor->flags = TN__TENSOR_CONTIGUOUS;
  tensor->storage = tn__storage_new((uint64_t)numel * tensor->item_bytes, device);
  if (tensor->storage == NULL) {
    tensor_abandon(tensor);
    return NULL;
  }
  tensor->data = tensor->storage->data;
  return tensor;
}

tn_tensor *tn__tensor_new_like(const tn_tensor *like, tn_dtype dtype) {
  int32_t rank = like->rank;
  int32_t item_bytes = dtype == like->dtype ? like->item_bytes : tn_dtype_size(dtype);
  tn_tensor *tensor = tensor_allocate(rank, dtype, item_bytes, like->device);
  if (tensor == NULL) return NULL;
  for (int32_t d = 0; d < rank; d++) {
    tensor->sizes[d] = like->sizes[d];
    tensor->strides[d] = like->strides[d];
  }
  tensor->numel = like->numel;
  tensor->flags = TN__TENSOR_CONTIGUOUS;
  tensor->storage = tn__storage_new((uint64_t)like->numel * tensor->item_bytes, like->device);
  if (tensor->storage == NULL) {
    tensor_abandon(tensor);
    return NULL;
  }
  tensor->data = tensor->storage->data;
  return tensor;
}

static void set_geometry(tn_tensor *tensor, const int64_t *sizes, const int64_t *strides,
                         int64_t offset) {
  int64_t numel = 1;
  for (int32_t i = 0; i < tensor->rank; i++) {
    tensor->sizes[i] = sizes[i];
    tensor->strides[i] = strides[i];
    numel *= sizes[i];
  }
  tensor->numel = numel;
  tensor->offset = offset;
  if (tn__strides_contiguous(tensor->rank, sizes, strides)) tensor->flags |= TN__TENSOR_CONTIGUOUS;
}

tn_tensor *tn__tensor_new_strided(int32_t rank, const int64_t *sizes, const int64_t *strides,
                                  tn_dtype dtype, tn_device device) {
  int64_t low, high;
  tn__extent(rank, sizes, strides, &low, &high);
  tn_tensor *tensor = tensor_allocate(rank, dtype, tn_dtype_size(dtype), device);
  if (tensor == NULL) return NULL;
  set_geometry(tensor, sizes, strides, -low);
  tensor->storage = tn__storage_new((uint64_t)(high - low + 1) * tensor->item_bytes, device);
  if (tensor->storage == NULL) {
    tensor_abandon(tensor);
    return NULL;
  }
  tensor->data = (char *)tensor->storage->data + tensor->offset * tensor->item_bytes;
  return tensor;
}

tn_tensor *tn__tensor_on(tn__storage *storage, int32_t rank, const int64_t *sizes,
                         const int64_t *strides, int64_t offset, tn_dtype dtype) {
  tn_tensor *tensor = tensor_allocate(rank, dtype, tn_dtype_size(dtype), storage->device);
  if (tensor == NULL) return NULL;
  set_geometry(tensor, sizes, strides, offset);
  atomic_fetch_add_explicit(&storage->refs, 1, memory_order_relaxed);
  tensor->storage = storage;
  tensor->data =
      storage->data == NULL ? NULL : (char *)storage->data + tensor->offset * tensor->item_bytes;
  return tensor;
}

tn_tensor *tn__tensor_alias(const tn_tensor *tensor) {
  tn_tensor *alias = tn__tensor_on(tensor->storage, tensor->rank, tensor->sizes, tensor->strides,
                                   tensor->offset, tensor->dtype);
  if (alias != NULL) alias->flags = tensor->flags;
  return alias;
}

// ---- immediates --------------------------------------------------------------------------------

tn_tensor *tn__immediate_init(tn__immediate *immediate, tn_scalar value) {
  tn_tensor *tensor = &immediate->tensor;
  switch (value.kind) {
    case TN_SCALAR_BOOL: {
      uint8_t truth = value.as.i != 0;
      memcpy(&immediate->value, &truth, sizeof truth);
      tensor->dtype = TN_BOOL;
      break;
    }
    case TN_SCALAR_INT:
      memcpy(&immediate->value, &value.as.i, sizeof value.as.i);
      tensor->dtype = TN_I64;
      break;
    case TN_SCALAR_UINT:
      memcpy(&immediate->value, &value.as.u, sizeof value.as.u);
      tensor->dtype = TN_U64;
      break;
    case TN_SCALAR_FLOAT:
      memcpy(&immediate->value, &value.as.f, sizeof value.as.f);
      tensor->dtype = TN_F64;
      break;
    case TN_SCALAR_COMPLEX:
      immediate->value = value.as.c;
      tensor->dtype = TN_C128;
      break;
    default:
      return TN_NONE;
  }
  atomic_init(&tensor->refs, 1);
  tensor->rank = 0;
  tensor->flags = TN__TENSOR_CONTIGUOUS | TN__TENSOR_WRAPPED_NUMBER | TN__TENSOR_IMMEDIATE;
  tensor->item_bytes = (uint8_t)tn_dtype_size(tensor->dtype);
  tensor->device = TN_DEVICE_CPU;
  tensor->offset = 0;
  tensor->numel = 1;
  tensor->data = &immediate->value;
  tensor->storage = NULL;
  tensor->sizes = tensor->inline_dims;
  tensor->strides = tensor->inline_dims;
  tensor->grad = NULL;
  tensor->node = NULL;
  tensor->requires_grad = false;
  tensor->base = NULL;
  return tensor;
}

tn_tensor *tn__materialize_immediate(tn_tensor *tensor) {
  if (!(tensor->flags & TN__TENSOR_IMMEDIATE)) {
    tn__retain_raw(tensor);
    return tensor;
  }
  tn_tensor *copy = tn__tensor_new(0, NULL, tensor->dtype, TN_DEVICE_CPU);
  if (copy == NULL) return NULL;
  memcpy(copy->data, tensor->data, tensor->item_bytes);
  copy->flags |= TN__TENSOR_WRAPPED_NUMBER;
  return copy;
}

// ---- questions ---------------------------------------------------------------------------------

int32_t tn_tensor_ndim(const tn_tensor *tensor) { return tensor == NULL ? 0 : tensor->rank; }
const int64_t *tn_tensor_sizes(const tn_tensor *tensor) {
  return tensor == NULL ? NULL : tensor->sizes;
}
const int64_t *tn_tensor_strides(const tn_tensor *tensor) {
  return tensor == NULL ? NULL : tensor->strides;
}
tn_ints tn_tensor_shape(const tn_tensor *tensor) {
  if (tensor == NULL) return (tn_ints){NULL, 0};
  return (tn_ints){tensor->sizes, tensor->rank};
}

static int64_t along(const tn_tensor *tensor, const int64_t *values, int64_t dim) {
  if (dim < 0) dim += tensor->rank;
  return dim < 0 || dim >= tensor->rank ? -1 : values[dim];
}
int64_t tn_tensor_size(const tn_tensor *tensor, int64_t dim) {
  return tensor == NULL ? -1 : along(tensor, tensor->sizes, dim);
}
int64_t tn_tensor_stride(const tn_tensor *tensor, int64_t dim) {
  return tensor == NULL ? -1 : along(tensor, tensor->strides, dim);
}
int64_t tn_tensor_numel(const tn_tensor *tensor) { return tensor == NULL ? 0 : tensor->numel; }
int64_t tn_tensor_storage_offset(const tn_tensor *tensor) {
  return tensor == NULL ? 0 : tensor->offset;
}
tn_dtype tn_tensor_dtype(const tn_tensor *tensor) {
  return tensor == NULL ? TN_DTYPE_NONE : tensor->dtype;
}
tn_device tn_tensor_device(const tn_tensor *tensor) {
  return tensor == NULL ? TN_DEVICE_DEFAULT : tensor->device;
}
bool tn_tensor_is_contiguous(const tn_tensor *tensor) {
  return !tn__is_absent(tensor) && tn__is_contiguous(tensor);
}
bool tn_tensor_is_view(const tn_tensor *tensor) { return tensor != NULL && tensor->base != NULL; }
bool tn_tensor_shares_storage(const tn_tensor *a, const tn_tensor *b) {
  return !tn__is_absent(a) && !tn__is_absent(b) && a->storage == b->storage;
}
uint64_t tn_tensor_version(const tn_tensor *tensor) {
  return tn__is_absent(tensor)
             ? 0
             : atomic_load_explicit(&tensor->storage->version, memory_order_acquire);
}
int32_t tn_tensor_refcount(const tn_tensor *tensor) {
  return tensor == NULL ? 0 : atomic_load_explicit(&tensor->refs, memory_order_relaxed);
}

// ---- bytes -------------------------------------------------------------------------------------

static tn_status expect_host(const tn_tensor *tensor, const char *call) {
  if (tn__is_absent(tensor)) {
    if (tensor == NULL) tn__null_operand(call, "tensor");
    if (tn_ok()) tn__error(TN_INVALID_ARGUMENT, NULL, "%s: no tensor was given", call);
    return TN_INVALID_ARGUMENT;
  }
  if (tn__device_is_host(tensor->device)) return TN_OK;
  char name[48];
  return tn__error(TN_INVALID_ARGUMENT,
                   &(tn__error_details){call, "tensor", NULL, "copy it with tn_to first"},
                   "%s: the memory of device '%s' is not the host's", call,
                   tn_device_name(tensor->device, name, sizeof name));
}

const void *tn_tensor_const_data(const tn_tensor *tensor) {
  return expect_host(tensor, "tn_tensor_const_data") == TN_OK ? tensor->data : NULL;
}

void *tn_tensor_data(tn_tensor *tensor) {
  if (expect_host(tensor, "tn_tensor_data") != TN_OK) return NULL;
  if (tensor->storage->flags & TN__STORAGE_READ_ONLY) {
    tn__error(TN_READ_ONLY, NULL,
              "tn_tensor_data: the memory of this tensor may not be written; read it with "
              "tn_tensor_const_data or clone it");
    return NULL;
  }
  tn__bump_version(tensor, "tn_tensor_data");
  return tensor->data;
}

// ---- foreign data ------------------------------------------------------------------------------

static tn_status check_blob(const void *data, tn_ints shape, tn_ints strides, tn_dtype dtype) {
  if (dtype <= TN_DTYPE_NONE || dtype >= TN_DTYPE_COUNT) {
    return tn__error(TN_INVALID_DTYPE, NULL, "tn_from_blob: %d is not a dtype", dtype);
  }
  if (shape.count < 0 || shape.count > TN_MAX_DIMS) {
    return tn__error(TN_INVALID_ARGUMENT, NULL,
                     "tn_from_blob: %lld dimensions; at most %d are possible",
                     (long long)shape.count, TN_MAX_DIMS);
  }
  if (strides.count > 0 && strides.count != shape.count) {
    return tn__error(TN_INVALID_ARGUMENT, NULL,
                     "tn_from_blob: %lld strides were given for %lld dimensions",
                     (long long)strides.count, (long long)shape.count);
  }
  int64_t numel = tn__numel((int32_t)shape.count, shape.data, tn_dtype_size(dtype));
  if (numel < 0) {
    return tn__error(TN_INVALID_ARGUMENT, NULL,
                     "tn_from_blob: the sizes are negative or their product overflows");
  }
  if (data == NULL && numel > 0) {
    return tn__error(TN_INVALID_ARGUMENT, NULL, "tn_from_blob: data is NULL for %lld elements",
                     (long long)numel);
  }
  return TN_OK;
}

// How far a view of foreign memory reaches from |data|; false on overflow.
static bool checked_extent(tn_ints shape, const int64_t *strides, int64_t item_bytes, int64_t *low,
                           int64_t *high) {
  *low = *high = 0;
  for (int64_t i = 0; i < shape.count; i++) {
    if (shape.data[i] == 0) {
      *low = 0;
      *high = -1;
      return true;
    }
    int64_t reach, bytes;
    if (__builtin_mul_overflow(shape.data[i] - 1, strides[i], &reach)) return false;
    int64_t *end = reach < 0 ? low : high;
    if (__builtin_add_overflow(*end, reach, end)) return false;
    if (__builtin_mul_overflow(*end, item_bytes, &bytes)) return false;
  }
  return true;
}

static tn_tensor *from_blob(void *data, tn_ints shape, tn_ints strides, tn_dtype dtype,
                            uint32_t flags, void (*deleter)(void *context), void *context) {
  if (check_blob(data, shape, strides, dtype) != TN_OK) return NULL;
  int64_t own_strides[TN_MAX_DIMS];
  const int64_t *used = strides.data;
  if (strides.count <= 0) {
    tn__contiguous_strides((int32_t)shape.count, shape.data, own_strides);
    used = own_strides;
  }
  int64_t low, high, item_bytes = tn_dtype_size(dtype);
  if (!checked_extent(shape, used, item_bytes, &low, &high)) {
    tn__error(TN_INVALID_ARGUMENT, NULL, "tn_from_blob: what the strides reach overflows");
    return NULL;
  }
  void *start = data == NULL ? NULL : (char *)data + low * item_bytes;
  tn__storage *storage = tn__storage_foreign(start, (uint64_t)((high - low + 1) * item_bytes),
                                             TN_DEVICE_CPU, flags, NULL, NULL);
  if (storage == NULL) return NULL;
  tn_tensor *tensor = tn__tensor_on(storage, (int32_t)shape.count, shape.data, used, -low, dtype);
  // Only from here on can the deleter run: on failure nothing was taken.
  tensor = tn__give(tensor);
  if (tensor != NULL) {
    storage->deleter = deleter;
    storage->deleter_context = context;
  }
  tn__storage_release(storage);
  return tensor;
}

tn_tensor *tn_from_blob(void *data, tn_ints shape, tn_ints strides, tn_dtype dtype,
                        void (*deleter)(void *context), void *context) {
  return from_blob(data, shape, strides, dtype, 0, deleter, context);
}

tn_tensor *tn_from_const_blob(const void *data, tn_ints shape, tn_ints strides, tn_dtype dtype,
                              void (*deleter)(void *context), void *context) {
  // Writes are refused from here on, so that dropping const is safe.
  return from_blob((void *)(uintptr_t)data, shape, strides, dtype, TN__STORAGE_READ_ONLY, deleter,
                   context);
}

tn_tensor *tn_from_data(const void *data, tn_ints shape, tn_dtype dtype) {
  if (check_blob(data, shape, TN_NO_DIMS, dtype) != TN_OK) return NULL;
  tn_tensor *tensor = tn__tensor_new((int32_t)shape.count, shape.data, dtype, TN_DEVICE_CPU);
  if (tensor == NULL) return NULL;
  if (tensor->numel > 0) memcpy(tensor->data, data, (size_t)tensor->numel * tensor->item_bytes);
  return tn__give(tensor);
}
