// SPDX-License-Identifier: Apache-2.0
//
// A backend to copy: the device "mine", whose memory is host memory, and three kernels. Replace the
// device's functions by those of your chip, and add a row for each kernel that you have. The host
// has broadcast and merged the dimensions of pointwise operands, cast them to one dtype, and
// allocated the result; a kernel walks what it is given. Everything here may be called from
// several threads at once.

#include <stdlib.h>
#include <string.h>
#include <tenon/op_args.h>
#include <tenon/plugin.h>

// ---- the device --------------------------------------------------------------------------------

static tn_status count(void *self, int32_t *count, char *reason, uint64_t reason_size) {
  (void)self, (void)reason, (void)reason_size;  // with none, say why in |reason| and return TN_OK
  *count = 1;
  return TN_OK;
}

static tn_status properties(void *self, int32_t index, tn_device_properties *properties) {
  (void)self, (void)index;
  strcpy(properties->name, "host memory under another name");
  return TN_OK;
}

static tn_status allocate(void *self, int32_t index, uint64_t size_bytes, void **data) {
  (void)self, (void)index;
  *data = aligned_alloc(64, (size_bytes + 63) / 64 * 64);
  return *data == NULL ? TN_OUT_OF_MEMORY : TN_OK;
}

static void release(void *self, int32_t index, void *data, uint64_t size_bytes) {
  (void)self, (void)index, (void)size_bytes;
  free(data);
}

// One function for all three directions, since the memory is the host's.
static tn_status copy(void *self, int32_t index, void *stream, void *to, const void *from,
                      uint64_t size_bytes) {
  (void)self, (void)index, (void)stream;
  memcpy(to, from, size_bytes);
  return TN_OK;
}

static const tn_device_table device = {
    .struct_size = sizeof(tn_device_table),
    .flags = TN_DEVICE_HOST_MEMORY,  // leave this out where the host cannot reach it
    .name = "mine",
    .count = count,
    .properties = properties,
    .allocate = allocate,
    .release = release,
    .copy_from_host = copy,
    .copy_to_host = copy,
    .copy_within = copy,
};

// ---- walking operands --------------------------------------------------------------------------

// The address of element |i|, in row-major order, of a view with any strides.
static float *at(const tn_view *view, int64_t i) {
  int64_t offset = 0;
  for (int32_t d = view->rank - 1; d >= 0; d--) {
    offset += i % view->sizes[d] * view->strides[d];
    i /= view->sizes[d];
  }
  return (float *)view->data + offset;
}

// ---- kernels -----------------------------------------------------------------------------------

// result = self + alpha * other. Attributes have a struct for each operator in <tenon/op_args.h>,
// and the indices of its operands.
static tn_status run_add(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  const tn_add_Tensor_attrs *attrs = args->attrs;
  const tn_scalar alpha = attrs->alpha;
  const float factor = (float)(alpha.kind == TN_SCALAR_FLOAT ? alpha.as.f : (double)alpha.as.i);
  const tn_view *result = &args->views[TN_ARG_add_Tensor_result];
  const tn_view *a = &args->views[TN_ARG_add_Tensor_self];
  const tn_view *b = &args->views[TN_ARG_add_Tensor_other];
  for (int64_t i = 0; i < result->numel; i++) *at(result, i) = *at(a, i) + factor * *at(b, i);
  return TN_OK;
}

// result = self * other
static tn_status run_mul(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  const tn_view *result = &args->views[TN_ARG_mul_Tensor_result];
  const tn_view *a = &args->views[TN_ARG_mul_Tensor_self];
  const tn_view *b = &args->views[TN_ARG_mul_Tensor_other];
  for (int64_t i = 0; i < result->numel; i++) *at(result, i) = *at(a, i) * *at(b, i);
  return TN_OK;
}

// result = value, everywhere. A kernel may refuse what it cannot do, and says why.
static tn_status run_fill(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  const tn_fill_Scalar_attrs *attrs = args->attrs;
  if (attrs->value.kind == TN_SCALAR_COMPLEX) {
    return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "a float cannot hold a complex number");
  }
  const double value =
      attrs->value.kind == TN_SCALAR_FLOAT ? attrs->value.as.f : (double)attrs->value.as.i;
  const tn_view *result = &args->views[TN_ARG_fill_Scalar_result];
  for (int64_t i = 0; i < result->numel; i++) *at(result, i) = (float)value;
  return TN_OK;
}

#define ROW(name, attributes, function)                                                   \
  {                                                                                       \
    .op = name, .dtypes = TN_DTYPE_BIT(TN_F32), .rank = TN_RANK_REFERENCE,                \
    .layout = TN_LAYOUT_STRIDED, .flags = TN_ROW_DETERMINISTIC, .attrs_size = attributes, \
    .run = function                                                                       \
  }

static const tn_kernel_row rows[] = {
    ROW("add.Tensor", sizeof(tn_add_Tensor_attrs), run_add),
    ROW("mul.Tensor", 0, run_mul),
    ROW("fill.Scalar", sizeof(tn_fill_Scalar_attrs), run_fill),
};

// ---- the plugin --------------------------------------------------------------------------------

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host;
  tn_status status = registrar->add_device(registrar, &device, NULL);
  if (status != TN_OK) return status;
  return registrar->add_kernels(registrar, "mine", rows, sizeof rows / sizeof rows[0],
                                sizeof rows[0]);
}

// Facts that the host reads from the file before it runs any of it.
TN_PLUGIN(init, .name = "mine", .version = "1.0", .devices = "mine", .operators = "add,mul,fill");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
