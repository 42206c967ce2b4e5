// SPDX-License-Identifier: Apache-2.0
//
// guest: kernels for the cpu device and no device of its own. neg is right; abs is wrong; relu
// takes small tensors alone and says so; exp is registered and declines everything.

#include <math.h>
#include <string.h>
#include <tenon/plugin.h>

static float *at(const tn_view *view, int64_t i) {
  int64_t offset = 0;
  for (int32_t d = view->rank - 1; d >= 0; d--) {
    offset += i % view->sizes[d] * view->strides[d];
    i /= view->sizes[d];
  }
  return (float *)view->data + offset;
}

static float negative(float x) { return -x; }
static float nearly_absolute(float x) { return fabsf(x) * 1.001f; }
static float rectified(float x) { return x < 0 ? 0 : x; }

typedef struct body {
  float (*apply)(float x);
} body;

static tn_status run(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)ctx;
  const tn_view *result = &args->views[0], *operand = &args->views[1];
  for (int64_t i = 0; i < result->numel; i++) {
    *at(result, i) = ((const body *)self)->apply(*at(operand, i));
  }
  return TN_OK;
}

static const char *takes_small(void *self, const tn_args *args) {
  (void)self;
  return args->views[1].numel <= 12 ? NULL : "more than a dozen elements";
}

static const char *takes_nothing(void *self, const tn_args *args) {
  (void)self, (void)args;
  return "it is Sunday";
}

static body neg_body = {negative}, abs_body = {nearly_absolute}, relu_body = {rectified};

#define ROW(name, body, asks)                                                                 \
  {                                                                                           \
    .op = name, .dtypes = TN_DTYPE_BIT(TN_F32), .rank = TN_RANK_TUNED,                        \
    .layout = TN_LAYOUT_STRIDED, .flags = TN_ROW_DETERMINISTIC, .supports = asks, .run = run, \
    .self = body                                                                              \
  }

static const tn_kernel_row rows[] = {
    ROW("neg", &neg_body, NULL),
    ROW("abs", &abs_body, NULL),
    ROW("relu", &relu_body, takes_small),
    ROW("exp", &relu_body, takes_nothing),
};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host;
  return registrar->add_kernels(registrar, "cpu", rows, sizeof rows / sizeof rows[0],
                                sizeof rows[0]);
}

TN_PLUGIN(init, .name = "guest", .version = "0.3", .operators = "neg,abs,relu,exp");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
