// SPDX-License-Identifier: Apache-2.0
//
// registers_twice: two kernels for one operator, dtype and device at one rank.

#include <tenon/plugin.h>

static tn_status run(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx, (void)args;
  return TN_OK;
}

static const tn_kernel_row floats = {
    .op = "mul.Tensor", .dtypes = TN_DTYPES_FLOATING, .rank = TN_RANK_TUNED, .run = run};
static const tn_kernel_row doubles = {
    .op = "mul.Tensor", .dtypes = TN_DTYPE_BIT(TN_F64), .rank = TN_RANK_TUNED, .run = run};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host;
  tn_status status = registrar->add_kernels(registrar, "cpu", &floats, 1, sizeof floats);
  if (status != TN_OK) return status;
  return registrar->add_kernels(registrar, "cpu", &doubles, 1, sizeof doubles);
}

TN_PLUGIN(init, .name = "registers_twice", .version = "1", .operators = "mul");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
