// SPDX-License-Identifier: Apache-2.0
//
// outside_its_claim: its note claims sums, and it also brings a kernel for products.

#include <tenon/plugin.h>

static tn_status run(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx, (void)args;
  return TN_OK;
}

static const tn_kernel_row rows[] = {
    {.op = "add.Tensor", .dtypes = TN_DTYPES_FLOATING, .rank = TN_RANK_TUNED, .run = run},
    {.op = "mul.Tensor", .dtypes = TN_DTYPES_FLOATING, .rank = TN_RANK_TUNED, .run = run},
};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host;
  return registrar->add_kernels(registrar, "cpu", rows, 2, sizeof rows[0]);
}

TN_PLUGIN(init, .name = "outside_its_claim", .version = "1", .operators = "add");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
