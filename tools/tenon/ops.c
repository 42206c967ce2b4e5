// SPDX-License-Identifier: Apache-2.0
//
// ops: the operators, and who has a kernel for which dtype of each.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/tenon.h>

#include "commands.h"
#include "json.h"

const char *const tenon_dtype_names[TN_DTYPE_COUNT] = {
    [TN_BOOL] = "bool", [TN_U8] = "u8",   [TN_I8] = "i8",   [TN_U16] = "u16", [TN_I16] = "i16",
    [TN_U32] = "u32",   [TN_I32] = "i32", [TN_U64] = "u64", [TN_I64] = "i64", [TN_F16] = "f16",
    [TN_BF16] = "bf16", [TN_F32] = "f32", [TN_F64] = "f64", [TN_C64] = "c64", [TN_C128] = "c128",
};

const char *tenon_kind_of(tn_op_traits traits) {
  if (traits.view) return "view";
  if (traits.needs_kernel) return "kernel";
  return "composite";
}

static void json_kernels(json *out, const tn_op *op, tn_device device, const char *device_name) {
  json_open(out, "kernels", '{');
  json_open(out, device_name, '{');
  for (tn_dtype dtype = 1; dtype < TN_DTYPE_COUNT; dtype++) {
    tn_kernel_info kernels[32];
    int32_t count = tn_op_kernels(tn_op_name(op), dtype, device, kernels, 32);
    if (count <= 0) continue;
    json_open(out, tenon_dtype_names[dtype], '[');
    for (int32_t i = 0; i < count && i < 32; i++) json_text(out, NULL, kernels[i].backend);
    json_close(out, ']');
  }
  json_close(out, '}');
  json_close(out, '}');
}

static void json_op(json *out, const tn_op *op, tn_device device, const char *device_name) {
  tn_op_traits traits = tn_op_traits_of(op);
  json_open(out, NULL, '{');
  json_text(out, "name", tn_op_name(op));
  json_text(out, "schema", tn_op_schema(op));
  json_open(out, "traits", '{');
  json_bool(out, "view", traits.view);
  json_bool(out, "composite", traits.composite);
  json_bool(out, "differentiable", traits.differentiable);
  json_bool(out, "random", traits.random);
  json_bool(out, "inplace", traits.inplace);
  json_bool(out, "needs_kernel", traits.needs_kernel);
  json_close(out, '}');
  json_kernels(out, op, device, device_name);
  json_close(out, '}');
}

static void print_op(const tn_op *op, tn_device device) {
  tn_op_traits traits = tn_op_traits_of(op);
  printf("%-32s %-9s %s ", tn_op_name(op), tenon_kind_of(traits),
         traits.differentiable ? "grad" : "    ");
  bool any = false;
  for (tn_dtype dtype = 1; dtype < TN_DTYPE_COUNT; dtype++) {
    if (!tn_op_has_kernel(tn_op_name(op), dtype, device)) continue;
    printf(" %s", tenon_dtype_names[dtype]);
    any = true;
  }
  printf("%s\n", any || !traits.needs_kernel ? "" : " (no kernel)");
}

// Whether |globs| are about some operator; says which is nearest where they are not.
static bool is_about_some(const char *globs) {
  for (int32_t i = 0; i < tn_op_count(); i++) {
    if (tn_op_matches(globs, tn_op_name(tn_op_at(i)))) return true;
  }
  char nearest[96];
  tn_op_nearest(globs, nearest, sizeof nearest);
  fprintf(stderr, "tenon ops: no operator matches '%s'", globs);
  if (nearest[0] != '\0') fprintf(stderr, "; the nearest is '%s'", nearest);
  fprintf(stderr, "\n");
  return false;
}

int tenon_ops(int argc, char **argv) {
  bool as_json = tenon_take_flag(&argc, argv, "--json");
  if (argc > 2) return tenon_usage("ops");
  if (argc == 2 && !is_about_some(argv[1])) return 2;
  tn_device device = tn_device_default();
  // What is wrong with the settings is wrong for every operator.
  if (device.type == 0 || tn_op_kernels(tn_op_name(tn_op_at(0)), TN_F32, device, NULL, 0) < 0) {
    tn_error_print(stderr);
    return 1;
  }
  char device_name[48];
  tn_device_name(device, device_name, sizeof device_name);
  json out = {stdout, false};
  if (as_json) json_open(&out, NULL, '[');
  for (int32_t i = 0; i < tn_op_count(); i++) {
    const tn_op *op = tn_op_at(i);
    if (argc == 2 && !tn_op_matches(argv[1], tn_op_name(op))) continue;
    if (as_json) {
      json_op(&out, op, device, device_name);
    } else {
      print_op(op, device);
    }
  }
  if (as_json) {
    json_close(&out, ']');
    printf("\n");
  }
  if (tn_ok()) return 0;
  tn_error_print(stderr);
  return 1;
}
