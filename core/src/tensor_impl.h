// SPDX-License-Identifier: Apache-2.0
//
// tensor_impl: what tensors and storages are made of, for the core's own files. A storage is bytes
// on one device, shared by views; a tensor is a window on it (offset, sizes, strides, dtype) with a
// gradient record that exists only where somebody asked. Metadata never changes after creation
// but by documented in-place calls. Invariant: data == storage->data + offset * size of dtype.

#ifndef TENON_CORE_TENSOR_IMPL_H_
#define TENON_CORE_TENSOR_IMPL_H_

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <tenon/base.h>
#include <tenon/scope.h>
#include <tenon/tensor.h>

#include "op_table.h"
#include "thread.h"

typedef struct tn__grad_record tn__grad_record;  // autograd.h

enum {
  TN__STORAGE_READ_ONLY = 1u << 0,
  TN__STORAGE_INLINE = 1u << 1,  // data stands behind the struct in the same block
  TN__STORAGE_PINNED = 1u << 2,  // deleter_context is a block of pinned.c
};

typedef struct tn__storage {
  _Atomic int32_t refs;
  uint32_t flags;  // TN__STORAGE_*
  tn_device device;
  void *data;
  uint64_t size_bytes;
  union {                     // what to give back; 0 and NULL for foreign memory
    uint64_t block_bytes;     // on the cpu; INLINE: the whole block
    struct tn__block *block;  // on other devices: the allocator's record
  };
  _Atomic uint64_t id;             // never used again; 0: others may write here unseen, so what is
                                   // derived from these bytes may not be kept
  _Atomic uint64_t version;        // grows with every in-place change
  const char *_Atomic writer;      // who made the last one; unset while there was none
  void (*deleter)(void *context);  // foreign memory; NULL: the allocator's
  void *deleter_context;
} tn__storage;

enum {
  TN__TENSOR_CONTIGUOUS = 1u << 0,
  TN__TENSOR_WRAPPED_NUMBER = 1u << 1,  // a scalar in disguise: promotes like one
  TN__TENSOR_IMMEDIATE = 1u << 2,       // stands in a tn__immediate on the stack: no storage
};

enum { TN__INLINE_RANK = 6 };

struct tn_tensor {
  _Atomic int32_t refs;
  uint8_t dtype;
  uint8_t rank;
  uint8_t flags;  // TN__TENSOR_*
  uint8_t item_bytes;
  tn_device device;
  int64_t offset;  // in elements
  int64_t numel;
  void *data;
  tn__storage *storage;   // NULL for immediates and TN_NONE
  int64_t *sizes;         // [rank], then strides: inline_dims or a block of its own
  int64_t *strides;       // [rank]
  tn__grad_record *grad;  // NULL until a gradient is kept or a leaf hooked
  struct tn__node *node;  // the recorded call that made it, retained; NULL for a leaf
  tn_tensor *base;        // the root that this is a differentiable view of, retained; or NULL
  int16_t output;         // which of the node's results
  bool requires_grad;
  bool retains_grad;  // a result that stands on its node's list of those
  // base's epoch when this view's history was made; stored last, so that who loads it may read that
  _Atomic uint32_t base_epoch;
  uint32_t epoch;  // grows when an in-place call on a view rewrites this base's history
  int64_t inline_dims[2 * TN__INLINE_RANK];
};

struct tn__immediate {
  struct tn_tensor tensor;
  tn_complex128 value;
};

// dtype, rank, flags and the size of an element, in one word to compare.
static inline uint32_t tn__kind_of(const tn_tensor *tensor) {
  uint32_t kind;
  memcpy(&kind, (const char *)tensor + offsetof(tn_tensor, dtype), sizeof kind);
  return kind;
}
_Static_assert(offsetof(tn_tensor, item_bytes) == offsetof(tn_tensor, dtype) + 3,
               "the parts of a tensor's kind stand side by side");

static inline bool tn__is_none(const tn_tensor *tensor) { return tensor == TN_NONE; }
static inline bool tn__is_absent(const tn_tensor *tensor) {
  return tensor == NULL || tn__is_none(tensor);
}
static inline bool tn__is_contiguous(const tn_tensor *tensor) {
  return (tensor->flags & TN__TENSOR_CONTIGUOUS) != 0;
}

// Makes |immediate| a 0-dim cpu tensor of |value|: bool, i64, u64, f64 or c128 by its kind. A value
// of kind NONE gives TN_NONE. owns: nothing; lives as long as |immediate|
tn_tensor *tn__immediate_init(tn__immediate *immediate, tn_scalar value);

// A tensor of the heap with an immediate's value; other tensors are retained. owns: +1, no scope
tn_tensor *tn__materialize_immediate(tn_tensor *tensor);

// ---- making tensors. None of these is recorded; results are +1 and owned by no scope (raw) unless
// they say otherwise. NULL with an error recorded when they fail.

// An uninitialised tensor. |sizes| are checked for overflow by the caller (tn__checked_numel).
tn_tensor *tn__tensor_new(int32_t rank, const int64_t *sizes, tn_dtype dtype, tn_device device);
// The same with the sizes of |like|, which is contiguous.
tn_tensor *tn__tensor_new_like(const tn_tensor *like, tn_dtype dtype);
tn_tensor *tn__tensor_new_strided(int32_t rank, const int64_t *sizes, const int64_t *strides,
                                  tn_dtype dtype, tn_device device);
// A window on |storage| (retained).
tn_tensor *tn__tensor_on(tn__storage *storage, int32_t rank, const int64_t *sizes,
                         const int64_t *strides, int64_t offset, tn_dtype dtype);
// A second tensor over the same elements, without gradient record.
tn_tensor *tn__tensor_alias(const tn_tensor *tensor);

// Reference counts, without scopes.
static inline void tn__retain_raw(tn_tensor *tensor) {
  atomic_fetch_add_explicit(&tensor->refs, 1, memory_order_relaxed);
}
void tn__tensor_free(tn_tensor *tensor);
static inline void tn__release_raw(tn_tensor *tensor) {
  if (atomic_load_explicit(&tensor->refs, memory_order_relaxed) == 1 ||
      atomic_fetch_sub_explicit(&tensor->refs, 1, memory_order_acq_rel) == 1) {
    tn__tensor_free(tensor);
  }
}

// Hands a raw result to the open scope, or to the caller where there is none. NULL gives NULL;
// when the scope cannot grow the tensor is released and NULL returned.
tn_tensor *tn__give(tn_tensor *tensor);

// ---- for composed operators: results given as any call's (tn__give), unrecorded
tn_tensor *tn__empty(tn_ints sizes, tn_dtype dtype, tn_device device);
tn_tensor *tn__empty_strided(tn_ints sizes, tn_ints strides, tn_dtype dtype, tn_device device);
// Always fresh. non_blocking: see tn__tensor_copy (copy.h).
tn_tensor *tn__to_copy(tn_tensor *self, tn_device device, tn_dtype dtype, bool non_blocking);
// Broadcasts, casts, across devices.
tn_status tn__copy_into(tn_tensor *self, tn_tensor *src, bool non_blocking);
tn_list *tn__list_new(tn_tensor *const *tensors, int64_t count);  // retains each

// ---- storages. Raw: +1, no scope.
tn__storage *tn__storage_new(uint64_t size_bytes, tn_device device);
tn__storage *tn__storage_foreign(void *data, uint64_t size_bytes, tn_device device, uint32_t flags,
                                 void (*deleter)(void *context), void *context);
// Gives foreign memory that only Tenon writes an id.
void tn__storage_number(tn__storage *storage);
void tn__storage_free(tn__storage *storage);
static inline void tn__storage_release(tn__storage *storage) {
  if (atomic_load_explicit(&storage->refs, memory_order_relaxed) == 1 ||
      atomic_fetch_sub_explicit(&storage->refs, 1, memory_order_acq_rel) == 1) {
    tn__storage_free(storage);
  }
}
// Notes a change in place by |writer|, an operator or call whose name is never freed.
static inline void tn__bump_version(tn_tensor *tensor, const char *writer) {
  atomic_store_explicit(&tensor->storage->writer, writer, memory_order_relaxed);
  atomic_fetch_add_explicit(&tensor->storage->version, 1, memory_order_release);
}

// ---- geometry
// The product of sizes, or -1 when it is negative or (times |item_bytes|) overflows.
int64_t tn__numel(int32_t rank, const int64_t *sizes, int64_t item_bytes);
void tn__contiguous_strides(int32_t rank, const int64_t *sizes, int64_t *strides);
bool tn__strides_contiguous(int32_t rank, const int64_t *sizes, const int64_t *strides);
// The lowest and highest element, relative to [0, ..., 0], that a view of |rank| >= 0 touches.
void tn__extent(int32_t rank, const int64_t *sizes, const int64_t *strides, int64_t *low,
                int64_t *high);

// Whether the host may dereference data on |device|, and whether it may do so without waiting for a
// stream first.
bool tn__device_is_host(tn_device device);
bool tn__device_is_prompt(tn_device device);

#endif  // TENON_CORE_TENSOR_IMPL_H_
