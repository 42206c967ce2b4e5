// SPDX-License-Identifier: Apache-2.0
//
// layout: an operand as a tensor in memory that is not its own alone. The storage is larger than
// the operand and filled with canaries (NaN where the dtype has one, so that reading beyond the
// operand shows in the result too); the tensor is an as_strided view into it.

#include <stdlib.h>
#include <string.h>

#include "kit.h"
#include "numbers.h"

enum { MARGIN = 5 };  // elements before and after; odd, so that vectors are not aligned

const char *tn__layout_name(tn__layout layout) {
  static const char *const names[] = {"contiguous", "embedded", "spaced", "transposed",
                                      "reversed",   "expanded", "mixed"};
  return names[layout];
}

// Strides of a dense operand with |innermost| between neighbours along the fastest dimension.
static void dense_strides(const tn_operand *operand, bool first_fastest, int64_t innermost,
                          int64_t *strides) {
  int64_t stride = innermost;
  for (int32_t k = 0; k < operand->ndim; k++) {
    int32_t d = first_fastest ? k : operand->ndim - 1 - k;
    strides[d] = stride;
    stride *= operand->sizes[d] > 0 ? operand->sizes[d] : 1;
  }
}

static void choose_geometry(const tn_operand *operand, tn__layout layout, tn__placed *placed) {
  int64_t *strides = placed->strides;
  placed->offset = MARGIN;
  dense_strides(operand, layout == TN__LAYOUT_TRANSPOSED, layout == TN__LAYOUT_SPACED ? 2 : 1,
                strides);
  if (layout == TN__LAYOUT_EXPANDED && operand->ndim > 0) strides[0] = 0;
  if (layout == TN__LAYOUT_REVERSED && operand->numel > 0) {
    for (int32_t d = 0; d < operand->ndim; d++) {
      placed->offset += strides[d] * (operand->sizes[d] - 1);
      strides[d] = -strides[d];
    }
  }
}

static int64_t place_of(const tn__placed *placed, const tn_operand *operand, int64_t position) {
  int64_t index[TN_SPEC_MAX_DIMS], place = placed->offset;
  tn_reference_unravel(position, operand->ndim, operand->sizes, index);
  for (int32_t d = 0; d < operand->ndim; d++) place += index[d] * placed->strides[d];
  return place;
}

static void write_element(const tn_operand *operand, int64_t i, void *element) {
  tn__element_write(element, operand->dtype, operand->values[i]);
  if (operand->imag != NULL) tn__imag_write(element, operand->dtype, operand->imag[i]);
}

static bool fill_bytes(const tn_operand *operand, tn__placed *placed) {
  size_t size = (size_t)tn_dtype_size(operand->dtype);
  placed->base_numel = 2 * MARGIN + 2 * operand->numel;
  placed->bytes = malloc((size_t)placed->base_numel * size);
  if (placed->bytes == NULL) return false;
  for (int64_t i = 0; i < placed->base_numel; i++) {
    tn__element_write(placed->bytes + (size_t)i * size, operand->dtype, tn__canary(operand->dtype));
  }
  for (int64_t i = 0; i < operand->numel; i++) {
    write_element(operand, i, placed->bytes + (size_t)place_of(placed, operand, i) * size);
  }
  return true;
}

// Contiguous operands are tensors of their own, as most are.
static bool fill_whole(const tn_operand *operand, tn__placed *placed) {
  size_t size = (size_t)tn_dtype_size(operand->dtype);
  placed->base_numel = operand->numel;
  placed->offset = 0;
  placed->bytes = malloc((size_t)operand->numel * size + 1);
  if (placed->bytes == NULL) return false;
  for (int64_t i = 0; i < operand->numel; i++) {
    write_element(operand, i, placed->bytes + (size_t)i * size);
  }
  return true;
}

tn_status tn__place(const tn_operand *operand, tn__layout layout, tn_device device,
                    tn__placed *placed) {
  *placed = (tn__placed){0};
  bool whole = layout == TN__LAYOUT_CONTIGUOUS;
  choose_geometry(operand, layout, placed);
  if (whole ? !fill_whole(operand, placed) : !fill_bytes(operand, placed)) {
    return tn_error_set(TN_OUT_OF_MEMORY, "an operand");
  }
  tn_ints shape = tn_ints_of(operand->sizes, operand->ndim);
  tn_scope *scope = tn_scope_open();
  tn_tensor *host =
      tn_from_data(placed->bytes, whole ? shape : TN_SHAPE(placed->base_numel), operand->dtype);
  tn_tensor *base = host == NULL ? NULL : tn_to(host, device, operand->dtype);
  tn_tensor *view = base;
  if (!whole && base != NULL) {
    view = tn_as_strided(base, shape, tn_ints_of(placed->strides, operand->ndim),
                         .storage_offset = TN_INT(placed->offset));
  }
  placed->base = tn_retain(base);
  placed->view = tn_retain(view);
  tn_scope_close(scope);
  if (view != NULL) return TN_OK;
  return tn_ok() ? TN_INTERNAL : tn_error_peek()->status;
}

void tn__placed_release(tn__placed *placed) {
  tn_release(placed->view);
  tn_release(placed->base);
  free(placed->bytes);
  *placed = (tn__placed){0};
}

bool tn__placed_intact(const tn__placed *placed, const tn_operand *operand, bool written) {
  size_t size = (size_t)tn_dtype_size(operand->dtype), total = (size_t)placed->base_numel * size;
  uint8_t *now = malloc(total + 1);
  if (now == NULL) return false;
  bool intact = tn_copy_to_host(placed->base, now, total, operand->dtype) == TN_OK;
  if (written) {
    for (int64_t i = 0; i < operand->numel; i++) {
      size_t at = (size_t)place_of(placed, operand, i) * size;
      memcpy(now + at, placed->bytes + at, size);
    }
  }
  intact = intact && memcmp(now, placed->bytes, total) == 0;
  free(now);
  return intact;
}
