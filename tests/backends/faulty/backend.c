// SPDX-License-Identifier: Apache-2.0
//
// faulty: a device whose kernels each break another promise, and a row that nobody can use:
// add says why it fails, mul fails without a word, sub declines everything, neg is for an operator
// of the future, and the device has little memory.

#include <stdatomic.h>

#include "../host_device.h"

static tn_status little_memory(void *self, int32_t index, uint64_t size_bytes, void **data) {
  if (size_bytes > 1 << 20) return TN_OUT_OF_MEMORY;
  return host_device_allocate(self, index, size_bytes, data);
}

static tn_status run_add(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)args;
  return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "the adder is out of ink, %d bottles left", 0);
}

static tn_status run_mul(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx, (void)args;
  return TN_INTERNAL;
}

static const char *declines(void *self, const tn_args *args) {
  (void)self, (void)args;
  return "it is Sunday";
}

static const tn_kernel_row rows[] = {
    {.op = "add.Tensor", .dtypes = TN_DTYPE_BIT(TN_F32), .rank = TN_RANK_TUNED, .run = run_add},
    {.op = "mul.Tensor", .dtypes = TN_DTYPE_BIT(TN_F32), .rank = TN_RANK_TUNED, .run = run_mul},
    {.op = "sub.Tensor",
     .dtypes = TN_DTYPE_BIT(TN_F32),
     .rank = TN_RANK_TUNED,
     .run = run_mul,
     .supports = declines},
    {.op = "neg_of_the_future", .dtypes = TN_DTYPE_BIT(TN_F32), .rank = 1, .run = run_mul},
};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host;
  tn_device_table device = HOST_DEVICE("faulty");
  device.allocate = little_memory;
  tn_status status = registrar->add_device(registrar, &device, NULL);
  if (status != TN_OK) return status;
  return registrar->add_kernels(registrar, "faulty", rows, sizeof rows / sizeof rows[0],
                                sizeof rows[0]);
}

TN_PLUGIN(init, .name = "faulty", .version = "1", .devices = "faulty");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
