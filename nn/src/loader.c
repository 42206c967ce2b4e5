// SPDX-License-Identifier: Apache-2.0
//
// loader: rows of several tensors, batch by batch. The order is a tensor of row numbers, or absent:
// then a batch is a view. Invariant: all tensors have |rows| rows and share one device.

#include <stdlib.h>
#include <tenon/nn/data.h>

#include "call.h"

struct tn_loader {
  int64_t rows;
  int64_t batch_size;
  int64_t batch_count;
  tn_tensor *order;  // [rows] i64; NULL: as they are
  int64_t tensor_count;
  tn_tensor *tensors[];
};

static tn_status check_tensors(tn_tensors tensors) {
  if (tensors.count < 1 || tensors.data == NULL) {
    return tn_error_set(TN_INVALID_ARGUMENT, "tn_loader_create: there are no tensors");
  }
  for (int64_t i = 0; i < tensors.count; i++) {
    if (tn_tensor_ndim(tensors.data[i]) < 1) {
      return tn_error_set(TN_INVALID_ARGUMENT,
                          "tn_loader_create: tensor %lld is NULL or has no rows", (long long)i);
    }
    long long rows = (long long)tn_tensor_size(tensors.data[i], 0);
    long long expected = (long long)tn_tensor_size(tensors.data[0], 0);
    if (rows != expected) {
      return tn_error_set(TN_INVALID_ARGUMENT,
                          "tn_loader_create: tensor %lld has %lld rows, the first %lld",
                          (long long)i, rows, expected);
    }
    if (!tn_device_equal(tn_tensor_device(tensors.data[i]), tn_tensor_device(tensors.data[0]))) {
      return tn_error_set(TN_DEVICE_MISMATCH,
                          "tn_loader_create: tensor %lld is not on the first one's device",
                          (long long)i);
    }
  }
  return TN_OK;
}

tn_loader *tn_loader_create_with(tn_tensors tensors, int64_t batch_size,
                                 const tn_loader_options *options) {
  tn_loader_options o;
  tn__read_options(&o, sizeof o, options);
  if (check_tensors(tensors) != TN_OK) return NULL;
  if (batch_size < 1) {
    tn_error_set(TN_INVALID_ARGUMENT,
                 "tn_loader_create: batch_size must be at least 1, and is %lld",
                 (long long)batch_size);
    return NULL;
  }
  size_t list = (size_t)tensors.count * sizeof(tn_tensor *);
  tn_loader *loader = calloc(1, sizeof *loader + list);
  if (loader == NULL) {
    tn_error_set(TN_OUT_OF_MEMORY, "tn_loader_create: no memory");
    return NULL;
  }
  loader->rows = tn_tensor_size(tensors.data[0], 0);
  loader->batch_size = batch_size;
  loader->batch_count = loader->rows / batch_size;
  if (!o.drop_last && loader->rows % batch_size != 0) loader->batch_count++;
  loader->tensor_count = tensors.count;
  for (int64_t i = 0; i < tensors.count; i++) loader->tensors[i] = tn_retain(tensors.data[i]);
  return loader;
}

void tn_loader_release(tn_loader *loader) {
  if (loader == NULL) return;
  for (int64_t i = 0; i < loader->tensor_count; i++) tn_release(loader->tensors[i]);
  tn_release(loader->order);
  free(loader);
}

tn_status tn_loader_shuffle(tn_loader *loader) {
  if (loader == NULL) return tn_error_set(TN_INVALID_ARGUMENT, "tn_loader_shuffle: NULL");
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return tn__status_of(scope);
  tn_device device = tn_tensor_device(loader->tensors[0]);
  tn_tensor *order = tn_randperm(loader->rows, .device = device);
  tn_status status = tn__status_of(order);
  if (status == TN_OK) {
    tn_release(loader->order);
    loader->order = tn_retain(order);
  }
  tn_scope_close(scope);
  return status;
}

int64_t tn_loader_row_count(const tn_loader *loader) { return loader == NULL ? 0 : loader->rows; }

int64_t tn_loader_batch_count(const tn_loader *loader) {
  return loader == NULL ? 0 : loader->batch_count;
}

// The rows [start, start + length) of the order, of every tensor; all or none are kept by |batch|.
static tn_status collect_rows(const tn_loader *loader, int64_t start, int64_t length,
                              tn_tensor **batch) {
  tn_tensor *rows = loader->order == NULL ? NULL : tn_narrow(loader->order, 0, start, length);
  if (loader->order != NULL) TN_TRY(tn__status_of(rows));
  for (int64_t i = 0; i < loader->tensor_count; i++) {
    tn_tensor *tensor = loader->tensors[i];
    batch[i] =
        rows == NULL ? tn_narrow(tensor, 0, start, length) : tn_index_select(tensor, 0, rows);
    TN_TRY(tn__status_of(batch[i]));
  }
  for (int64_t i = 0; i < loader->tensor_count; i++) {
    batch[i] = tn_escape(batch[i]);
    TN_TRY(tn__status_of(batch[i]));
  }
  return TN_OK;
}

tn_status tn_loader_batch(tn_loader *loader, int64_t index, tn_tensor **batch) {
  if (loader == NULL || batch == NULL) {
    return tn_error_set(TN_INVALID_ARGUMENT, "tn_loader_batch: the %s is NULL",
                        loader == NULL ? "loader" : "array for the batch");
  }
  for (int64_t i = 0; i < loader->tensor_count; i++) batch[i] = NULL;
  if (index < 0 || index >= loader->batch_count) {
    return tn_error_set(TN_OUT_OF_RANGE, "tn_loader_batch: batch %lld of %lld", (long long)index,
                        (long long)loader->batch_count);
  }
  int64_t start = index * loader->batch_size;
  int64_t left = loader->rows - start;
  int64_t length = left < loader->batch_size ? left : loader->batch_size;
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return tn__status_of(scope);
  tn_status status = collect_rows(loader, start, length, batch);
  tn_scope_close(scope);
  if (status == TN_OK) return TN_OK;
  for (int64_t i = 0; i < loader->tensor_count; i++) batch[i] = NULL;
  return status;
}
