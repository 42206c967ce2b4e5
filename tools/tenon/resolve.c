// SPDX-License-Identifier: Apache-2.0
//
// resolve: who serves one operator, in which order, and why in that one. Backends that claim the
// operator are opened, as a call would open them.

#include <stdlib.h>
#include <string.h>
#include <tenon/tenon.h>

#include "commands.h"
#include "json.h"

enum { MOST_KERNELS = 64 };

static void json_kernel(json *out, const tn_kernel_info *kernel) {
  json_open(out, NULL, '{');
  json_text(out, "backend", kernel->backend);
  json_text(out, "rank", kernel->rank);
  json_bool(out, "deterministic", kernel->deterministic);
  json_bool(out, "capturable", kernel->capturable);
  json_bool(out, "casts", kernel->casts);
  json_bool(out, "asks", kernel->asks);
  json_text(out, "why", kernel->why);
  json_close(out, '}');
}

// The lines in parentheses, without them: what there is to say beside the kernels.
static void json_notes(json *out, char *text) {
  json_open(out, "notes", '[');
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    size_t length = strlen(line);
    if (line[0] != '(' || length < 2) continue;
    line[length - 1] = '\0';
    json_text(out, NULL, line + 1);
  }
  json_close(out, ']');
}

static void print_json(const char *name, tn_dtype dtype, tn_device device, char *text) {
  tn_kernel_info kernels[MOST_KERNELS];
  char device_name[48];
  const tn_op *op = tn_op_find(name);
  int32_t count = tn_op_kernels(name, dtype, device, kernels, MOST_KERNELS);
  json out = {stdout, false};
  json_open(&out, NULL, '{');
  json_text(&out, "op", tn_op_name(op));
  json_text(&out, "dtype", tenon_dtype_names[dtype]);
  json_text(&out, "device", tn_device_name(device, device_name, sizeof device_name));
  json_text(&out, "kind", tenon_kind_of(tn_op_traits_of(op)));
  json_open(&out, "chain", '[');
  for (int32_t i = 0; i < count && i < MOST_KERNELS; i++) json_kernel(&out, &kernels[i]);
  json_close(&out, ']');
  json_notes(&out, text);
  json_close(&out, '}');
  printf("\n");
}

static int no_such_dtype(const char *name) {
  fprintf(stderr, "tenon resolve: there is no dtype '%s'; there are", name);
  for (tn_dtype dtype = 1; dtype < TN_DTYPE_COUNT; dtype++) {
    fprintf(stderr, " %s", tenon_dtype_names[dtype]);
  }
  fprintf(stderr, "\n");
  return 2;
}

int tenon_resolve(int argc, char **argv) {
  bool as_json = tenon_take_flag(&argc, argv, "--json");
  if (argc < 3 || argc > 4 || argv[1][0] == '-') return tenon_usage("resolve");
  tn_dtype dtype = tn_dtype_parse(argv[2]);
  if (dtype == TN_DTYPE_NONE) return no_such_dtype(argv[2]);
  tn_device device = argc == 4 ? tn_device_parse(argv[3]) : tn_device_default();
  char *text = device.type == 0 ? NULL : tn_op_resolve(argv[1], dtype, device);
  if (text == NULL) {
    tn_error_print(stderr);
    return 1;
  }
  if (as_json) {
    print_json(argv[1], dtype, device, text);
  } else {
    printf("%s", text);
  }
  free(text);
  return 0;
}
