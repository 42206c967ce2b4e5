// SPDX-License-Identifier: Apache-2.0
//
// forgetful: kernels of nonzero for the cpu, each of which does something else wrong with the
// result that it is to create:
//
//   f32  creates none          f64  creates it twice      i64  creates another than there is
//   i32  a negative size       i16  too many dimensions   u8   creates it and then fails
//   i8   sizes that overflow   u16  no sizes at all       bool right: nothing is not zero

#include <tenon/plugin.h>

static tn_status create(tn_kernel_ctx *ctx, const tn_args *args, int64_t count, int64_t width) {
  const int64_t sizes[2] = {count, width};
  return ctx->host->result_create(ctx, args, 0, 2, sizes);
}

static tn_status nonzero(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  (void)self;
  static const int64_t ones[40] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                   1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  tn_status status;
  switch (args->views[1].dtype) {
    case TN_F32:
      return TN_OK;
    case TN_F64:
      status = create(ctx, args, 0, 1);
      return status == TN_OK ? create(ctx, args, 0, 1) : status;
    case TN_I64:
      return ctx->host->result_create(ctx, args, 7, 1, ones);
    case TN_I32:
      return create(ctx, args, -1, 1);
    case TN_I16:
      return ctx->host->result_create(ctx, args, 0, 40, ones);
    case TN_I8:
      return create(ctx, args, INT64_MAX / 4, 8);
    case TN_U16:
      return ctx->host->result_create(ctx, args, 0, 2, NULL);
    case TN_U8:
      status = create(ctx, args, 1, 1);
      if (status != TN_OK) return status;
      return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "it was created in vain");
    default:
      return create(ctx, args, 0, args->views[1].rank);
  }
}

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  (void)host;
  static const tn_kernel_row row = {.op = "nonzero",
                                    .dtypes = TN_DTYPES_REAL,
                                    .rank = TN_RANK_TUNED,
                                    .layout = TN_LAYOUT_CONTIGUOUS,
                                    .run = nonzero};
  return registrar->add_kernels(registrar, "cpu", &row, 1, sizeof row);
}

TN_PLUGIN(init, .name = "forgetful", .version = "1.0", .operators = "nonzero");
TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
