// SPDX-License-Identifier: Apache-2.0
//
// twins: one source, several plugins that each own a device of their own name and know how to fill,
// cast and add there: third-party devices side by side in one process.

#include <tenon/op_args.h>

#include "../host_device.h"

static const tn_device_table device = HOST_DEVICE(TWIN);

static float value_of(const tn_view *view, int64_t i) {
  return (view->flags & TN_VIEW_IMMEDIATE) ? view->immediate.f32 : ((const float *)view->data)[i];
}

static tn_status run_add(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  const tn_view *result = &args->views[TN_ARG_add_Tensor_result];
  for (int64_t i = 0; i < result->numel; i++) {
    ((float *)result->data)[i] = value_of(&args->views[TN_ARG_add_Tensor_self], i) +
                                 value_of(&args->views[TN_ARG_add_Tensor_other], i);
  }
  return TN_OK;
}

static const tn_kernel_row rows[] = {{.op = "add.Tensor",
                                      .dtypes = TN_DTYPE_BIT(TN_F32),
                                      .rank = TN_RANK_GENERIC,
                                      .layout = TN_LAYOUT_CONTIGUOUS,
                                      .attrs_size = sizeof(tn_add_Tensor_attrs),
                                      .run = run_add}};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host;
  tn_status status = registrar->add_device(registrar, &device, NULL);
  if (status != TN_OK) return status;
  return registrar->add_kernels(registrar, TWIN, rows, 1, sizeof rows[0]);
}

TN_PLUGIN(init, .name = TWIN, .version = "1", .devices = TWIN,
          .options = "TENON_TWIN_MOOD=how the twin feels: good or bad");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
