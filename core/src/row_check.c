// SPDX-License-Identifier: Apache-2.0
//
// row_check: see row_check.h. A plugin may add a thousand rows; those of one operator are few, so
// each new one is compared with the list of its operator's.

#include "row_check.h"

#include <stdlib.h>
#include <string.h>

#include "need.h"
#include "thread.h"

struct tn__seen_row {
  const char *device;
  uint64_t dtypes;
  int32_t rank;
  int32_t before;  // of the same operator, from 1; 0: none
};

static tn_status not_claimed(const tn__backend *backend, const char *device, const tn_op *op) {
  const tn_plugin_facts *facts = &backend->facts;
  if (!tn__backend_serves(backend, device)) {
    return tn__error(TN_INVALID_ARGUMENT,
                     &(tn__error_details){op->name, NULL, facts->name,
                                          "add the device type to .serves in TN_PLUGIN"},
                     "it has a kernel for '%s' on device type '%s', which its note does not say "
                     "that it serves",
                     op->name, device);
  }
  return tn__error(
      TN_INVALID_ARGUMENT,
      &(tn__error_details){op->name, NULL, facts->name, "widen .operators in TN_PLUGIN"},
      "it has a kernel for '%s', which its note does not claim: \"%s\"", op->name,
      facts->operators);
}

static tn_dtype first_dtype(uint64_t dtypes) {
  tn_dtype dtype = 1;
  while (dtype < TN_DTYPE_COUNT && !tn_dtype_in(dtype, dtypes)) dtype++;
  return dtype;
}

static tn_status compare_with_seen(const tn__row_check *check, const char *device, const tn_op *op,
                                   const tn_kernel_row *row) {
  for (int32_t i = check->last[op->id]; i != 0; i = check->seen[i - 1].before) {
    const tn__seen_row *other = &check->seen[i - 1];
    uint64_t both = other->dtypes & row->dtypes;
    if (both == 0 || other->rank != row->rank || strcmp(other->device, device) != 0) continue;
    return tn__error(TN_INVALID_ARGUMENT,
                     &(tn__error_details){op->name, NULL, NULL,
                                          "give one of them another rank, or take one away"},
                     "it has two kernels for '%s' with dtype %s on '%s' at rank %d", op->name,
                     tn_dtype_name(first_dtype(both)), device, row->rank);
  }
  return TN_OK;
}

static tn_status make_room(tn__row_check *check) {
  if (check->last == NULL) {
    check->last = tn__calloc((size_t)tn__op_table_count, sizeof *check->last);
    if (check->last == NULL) return tn__out_of_memory("a check of kernels", 0);
  }
  if (check->count < check->capacity) return TN_OK;
  int32_t capacity = check->capacity == 0 ? 64 : 2 * check->capacity;
  tn__seen_row *grown = tn__realloc(check->seen, (size_t)capacity * sizeof *grown);
  if (grown == NULL) return tn__out_of_memory("a check of kernels", (uint64_t)capacity);
  check->seen = grown;
  check->capacity = capacity;
  return TN_OK;
}

tn_status tn__row_check_add(tn__row_check *check, const tn__backend *backend, const char *device,
                            const tn_op *op, const tn_kernel_row *row) {
  if (!tn__backend_serves(backend, device) || !tn__backend_claims(backend, op->name)) {
    return not_claimed(backend, device, op);
  }
  tn_status status = make_room(check);
  if (status == TN_OK) status = compare_with_seen(check, device, op, row);
  if (status != TN_OK) return status;
  check->seen[check->count++] = (tn__seen_row){device, row->dtypes, row->rank, check->last[op->id]};
  check->last[op->id] = check->count;
  return TN_OK;
}

void tn__row_check_free(tn__row_check *check) {
  free(check->seen);
  free(check->last);
}
