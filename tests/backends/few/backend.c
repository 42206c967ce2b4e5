// SPDX-License-Identifier: Apache-2.0
//
// few: a device that has few kernels: `add` for f32, and `mul` for f32 of at most four elements.
// The addresses that it hands out are shifted, so that whoever takes them for host memory crashes.
// It also serves the cpu device: with `neg` for f32.

#include <sys/mman.h>
#include <tenon/op_args.h>

#include "../host_device.h"

enum { SHIFT_BITS = 46 };

static void *shifted(void *data) { return (void *)((uintptr_t)data + (UINT64_C(1) << SHIFT_BITS)); }
static void *real(const void *data) {
  return (void *)((uintptr_t)data - (UINT64_C(1) << SHIFT_BITS));
}

// From mmap: a search for leaks would not know a heap's block by its shifted address.
static tn_status allocate(void *self, int32_t index, uint64_t size_bytes, void **data) {
  (void)self, (void)index;
  void *block = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return TN_OUT_OF_MEMORY;
  *data = shifted(block);
  return TN_OK;
}

static void release(void *self, int32_t index, void *data, uint64_t size_bytes) {
  (void)self, (void)index;
  munmap(real(data), size_bytes);
}

static tn_status copy_in(void *self, int32_t index, void *stream, void *to, const void *from,
                         uint64_t size_bytes) {
  return host_device_copy(self, index, stream, real(to), from, size_bytes);
}
static tn_status copy_out(void *self, int32_t index, void *stream, void *to, const void *from,
                          uint64_t size_bytes) {
  return host_device_copy(self, index, stream, to, real(from), size_bytes);
}
static tn_status copy_within(void *self, int32_t index, void *stream, void *to, const void *from,
                             uint64_t size_bytes) {
  return host_device_copy(self, index, stream, real(to), real(from), size_bytes);
}

static float *operand(const tn_args *args, uint32_t i) {
  tn_view *view = &args->views[i];
  return view->flags & TN_VIEW_IMMEDIATE ? view->data : real(view->data);
}

static tn_status add(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  float *out = operand(args, 0);
  const float *a = operand(args, 1), *b = operand(args, 2);
  for (int64_t i = 0; i < args->views[0].numel; i++) out[i] = a[i] + b[i];
  return TN_OK;
}

static tn_status mul(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  float *out = operand(args, 0);
  const float *a = operand(args, 1), *b = operand(args, 2);
  for (int64_t i = 0; i < args->views[0].numel; i++) out[i] = a[i] * b[i];
  return TN_OK;
}

static tn_status negate(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  float *out = args->views[0].data;
  const float *a = args->views[1].data;
  for (int64_t i = 0; i < args->views[0].numel; i++) out[i] = -a[i];
  return TN_OK;
}

static const char *tensors_only(const tn_args *args) {
  bool number = ((args->views[1].flags | args->views[2].flags) & TN_VIEW_IMMEDIATE) != 0;
  return number ? "a number among the operands" : NULL;
}

static const char *plain_sums_only(void *self, const tn_args *args) {
  (void)self;
  const tn_add_Tensor_attrs *attrs = args->attrs;
  bool plain = attrs->alpha.kind == TN_SCALAR_INT && attrs->alpha.as.i == 1;
  return plain ? tensors_only(args) : "an alpha that is not 1";
}

static const char *small_products_only(void *self, const tn_args *args) {
  (void)self;
  return args->views[0].numel > 4 ? "more than four elements" : tensors_only(args);
}

static const tn_kernel_row rows[] = {
    {.op = "add.Tensor",
     .dtypes = TN_DTYPE_BIT(TN_F32),
     .rank = TN_RANK_GENERIC,
     .attrs_size = sizeof(tn_add_Tensor_attrs),
     .supports = plain_sums_only,
     .run = add},
    {.op = "mul.Tensor",
     .dtypes = TN_DTYPE_BIT(TN_F32),
     .rank = TN_RANK_GENERIC,
     .supports = small_products_only,
     .run = mul},
};

static const tn_kernel_row cpu_row = {
    .op = "neg", .dtypes = TN_DTYPE_BIT(TN_F32), .rank = TN_RANK_REFERENCE, .run = negate};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host;
  static tn_device_table device = HOST_DEVICE("few");
  device.allocate = allocate;
  device.release = release;
  device.copy_from_host = copy_in;
  device.copy_to_host = copy_out;
  device.copy_within = copy_within;
  tn_status status = registrar->add_device(registrar, &device, NULL);
  if (status != TN_OK) return status;
  status =
      registrar->add_kernels(registrar, "few", rows, sizeof rows / sizeof rows[0], sizeof rows[0]);
  if (status != TN_OK) return status;
  return registrar->add_kernels(registrar, "cpu", &cpu_row, 1, sizeof cpu_row);
}

TN_PLUGIN(init, .name = "few", .version = "1", .devices = "few", .serves = "few,cpu",
          .operators = "add,mul,neg");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
