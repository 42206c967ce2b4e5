// SPDX-License-Identifier: Apache-2.0
//
// many: ten providers of the cpu device from this one source, many_0 to many_9 by MANY_INDEX, with
// the same kernels of the lowest rank. What a kernel computes is off by MANY_INDEX / 8 on purpose,
// so that a test sees which one has run. When one is loaded, its constructor appends its digit to
// the file that TENON_TEST_MARKER names. many_3 declines sums of more than three elements, and
// many_4's rank for `neg` is higher than the others'.

#include <stdio.h>
#include <stdlib.h>
#include <tenon/plugin.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

static const float off = MANY_INDEX / 8.0f;

__attribute__((constructor)) static void loaded(void) {
  const char *marker = getenv("TENON_TEST_MARKER");
  FILE *file = marker == NULL ? NULL : fopen(marker, "a");
  if (file == NULL) return;
  fputs(TEXT(MANY_INDEX), file);
  fclose(file);
}

static tn_status add(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  float *out = args->views[0].data;
  const float *a = args->views[1].data, *b = args->views[2].data;
  for (int64_t i = 0; i < args->views[0].numel; i++) out[i] = a[i] + b[i] + off;
  return TN_OK;
}

static tn_status negate(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  float *out = args->views[0].data;
  const float *a = args->views[1].data;
  for (int64_t i = 0; i < args->views[0].numel; i++) out[i] = -a[i] + off;
  return TN_OK;
}

// out [n, m] = a [n, k] b [k, m] + MANY_INDEX / 8
static tn_status mm(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self, (void)ctx;
  float *out = args->views[0].data;
  const float *a = args->views[1].data, *b = args->views[2].data;
  int64_t rows = args->views[1].sizes[0], inner = args->views[1].sizes[1];
  int64_t columns = args->views[2].sizes[1];
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < columns; j++) {
      float sum = off;
      for (int64_t k = 0; k < inner; k++) sum += a[i * inner + k] * b[k * columns + j];
      out[i * columns + j] = sum;
    }
  }
  return TN_OK;
}

static const char *short_sums_only(void *self, const tn_args *args) {
  (void)self;
  return MANY_INDEX == 3 && args->views[1].numel > 3 ? "more than three elements" : NULL;
}

static const tn_kernel_row rows[] = {
    {.op = "add.Tensor",
     .dtypes = TN_DTYPE_BIT(TN_F32),
     .rank = TN_RANK_REFERENCE,
     .flags = TN_ROW_DETERMINISTIC,
     .supports = short_sums_only,
     .run = add},
    {.op = "neg",
     .dtypes = TN_DTYPE_BIT(TN_F32),
     .rank = TN_RANK_REFERENCE + (MANY_INDEX == 4),
     .run = negate},
    {.op = "mm", .dtypes = TN_DTYPE_BIT(TN_F32), .rank = TN_RANK_REFERENCE, .run = mm},
};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host;
  return registrar->add_kernels(registrar, "cpu", rows, sizeof rows / sizeof rows[0],
                                sizeof rows[0]);
}

TN_PLUGIN(init, .name = "many_" TEXT(MANY_INDEX), .version = "1", .operators = "add, neg,mm,gelu");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
