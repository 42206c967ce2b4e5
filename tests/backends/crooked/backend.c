// SPDX-License-Identifier: Apache-2.0
//
// crooked: kernels for the cpu that are wrong, each in a way of its own, and some that are right:
//
//   add.Tensor  f32   the last element is half too large
//   mul.Tensor  f32   right, but for rounding: two places off
//   neg         i32   right
//   sub.Tensor  i32   one too small in element 2 alone
//   exp         f32   NaN in element 0
//   maximum     bf16  takes the smaller
//   sqrt        f32   declines

#include <math.h>
#include <string.h>
#include <tenon/half.h>
#include <tenon/plugin.h>

static bool takes_contiguous(const tn_args *args) {
  for (uint32_t i = 0; i < args->view_count; i++) {
    if (!(args->views[i].flags & TN_VIEW_CONTIGUOUS)) return false;
  }
  return true;
}

static const char *only_contiguous(void *self, const tn_args *args) {
  (void)self;
  return takes_contiguous(args) ? NULL : "crooked kernels take what is contiguous";
}

static const char *never(void *self, const tn_args *args) {
  (void)self, (void)args;
  return "crooked takes no roots";
}

static tn_status add(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  float *out = args->views[0].data;
  const float *a = args->views[1].data, *b = args->views[2].data;
  int64_t count = args->views[0].numel;
  for (int64_t i = 0; i < count; i++) out[i] = a[i] + b[i];
  out[count - 1] += 0.5f;
  return TN_OK;
}

static tn_status mul(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  float *out = args->views[0].data;
  const float *a = args->views[1].data, *b = args->views[2].data;
  for (int64_t i = 0; i < args->views[0].numel; i++) out[i] = a[i] * b[i] * (1 + 0x1p-22f);
  return TN_OK;
}

static tn_status neg(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  int32_t *out = args->views[0].data;
  const int32_t *a = args->views[1].data;
  for (int64_t i = 0; i < args->views[0].numel; i++) out[i] = -a[i];
  return TN_OK;
}

static tn_status sub(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  int32_t *out = args->views[0].data;
  const int32_t *a = args->views[1].data, *b = args->views[2].data;
  for (int64_t i = 0; i < args->views[0].numel; i++) out[i] = a[i] - b[i] - (i == 2);
  return TN_OK;
}

static tn_status exponential(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  float *out = args->views[0].data;
  const float *a = args->views[1].data;
  for (int64_t i = 0; i < args->views[0].numel; i++) out[i] = i == 0 ? NAN : expf(a[i]);
  return TN_OK;
}

static tn_status maximum(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  uint16_t *out = args->views[0].data;
  const uint16_t *a = args->views[1].data, *b = args->views[2].data;
  for (int64_t i = 0; i < args->views[0].numel; i++) {
    out[i] = tn_bf16_to_f32(a[i]) < tn_bf16_to_f32(b[i]) ? a[i] : b[i];
  }
  return TN_OK;
}

#define ROW(Op, Dtype, Supports, Run)                                                     \
  {                                                                                       \
    .op = Op, .dtypes = TN_DTYPE_BIT(Dtype), .rank = TN_RANK_TUNED, .supports = Supports, \
    .run = Run                                                                            \
  }

static const tn_kernel_row rows[] = {
    ROW("add.Tensor", TN_F32, only_contiguous, add),
    ROW("mul.Tensor", TN_F32, only_contiguous, mul),
    ROW("neg", TN_I32, only_contiguous, neg),
    ROW("sub.Tensor", TN_I32, only_contiguous, sub),
    ROW("exp", TN_F32, only_contiguous, exponential),
    ROW("maximum", TN_BF16, only_contiguous, maximum),
    ROW("sqrt", TN_F32, never, exponential),
};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host;
  return registrar->add_kernels(registrar, "cpu", rows, sizeof rows / sizeof rows[0],
                                sizeof rows[0]);
}

TN_PLUGIN(init, .name = "crooked", .version = "1",
          .operators = "add.Tensor,mul.Tensor,neg,sub.Tensor,exp,maximum,sqrt");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
