// SPDX-License-Identifier: Apache-2.0
//
// witness: which backend's kernel served a call. A wrapper around every operator notes it for the
// calls that the kit makes itself; it is put there when the kernels of one backend are certified,
// and stays, passing calls on, until the process ends.

#include <stdio.h>
#include <string.h>
#include <tenon/wrapper.h>

#include "kit.h"

static _Thread_local char served_by[40], because[200];

static tn_status watch(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self;
  tn_status status = api->next(call);
  if (status != TN_OK || api->depth(call) > 0) return status;
  const char *provider = api->provider(call), *reason = api->reason(call);
  snprintf(served_by, sizeof served_by, "%s", provider == NULL ? "" : provider);
  snprintf(because, sizeof because, "%s", reason == NULL ? "" : reason);
  return status;
}

tn_status tn__witness_call(void) {
  static bool called;  // a run is one at a time
  if (called) return TN_OK;
  const tn_wrapper wrapper = {.struct_size = sizeof wrapper,
                              .rank = INT32_MIN,
                              .name = "conformance",
                              .operators = "*",
                              .call = watch};
  tn_status status = tn_wrapper_add(&wrapper);
  called = status == TN_OK;
  return status;
}

void tn__witness_forget(void) { served_by[0] = because[0] = '\0'; }
const char *tn__witness_served_by(void) { return served_by; }
const char *tn__witness_because(void) { return because; }

bool tn__provider_claims(const char *provider, const char *op, tn_dtype key, tn_device device) {
  enum { MOST = 32 };
  tn_kernel_info kernels[MOST];
  int32_t count = tn_op_kernels(op, key, device, kernels, MOST);
  for (int32_t i = 0; i < count && i < MOST; i++) {
    if (strcmp(kernels[i].backend, provider) == 0) return true;
  }
  tn_error_clear();
  return false;
}
