// SPDX-License-Identifier: Apache-2.0
//
// env: the variables that Tenon reads, what they mean, and what they are set to here.

#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "json.h"

typedef struct variable {
  const char *name;
  const char *meaning;
} variable;

static const variable variables[] = {
    {"TENON_BACKENDS", "backends in order of preference: cuda,cpu  ^cuda  x?  name=/abs/lib.so"},
    {"TENON_BACKEND_PATH", "more folders or files to look in, absolute, separated by ':'"},
    {"TENON_DEVICE", "the default device: cuda:1"},
    {"TENON_LOG", "what to log to standard error: loader:debug,dispatch:info"},
    {"TENON_NUM_THREADS", "threads of the pool"},
    {"TENON_SEED", "the seed of generators that the program does not seed"},
    {"TENON_DETERMINISTIC", "1: the same bits at any thread count, run after run"},
    {"TENON_CPU_ISA", "the cpu backend's loops: baseline, avx2 or avx512"},
    {"TENON_CPU_BLAS", "the cpu backend's matrix products: own or openblas"},
    {"TENON_OPENBLAS", "the OpenBLAS library to open, absolute"},
};
static const size_t variable_count = sizeof variables / sizeof variables[0];

int tenon_env(int argc, char **argv) {
  bool as_json = tenon_take_flag(&argc, argv, "--json");
  if (argc > 1) return tenon_usage("env");
  json out = {stdout, false};
  if (as_json) json_open(&out, NULL, '{');
  for (size_t i = 0; i < variable_count; i++) {
    const char *value = getenv(variables[i].name);
    if (as_json) {
      json_text(&out, variables[i].name, value == NULL ? "" : value);
    } else {
      printf("%s%s%s\n    %s\n", variables[i].name, value == NULL ? "" : "=",
             value == NULL ? " (unset)" : value, variables[i].meaning);
    }
  }
  if (as_json) {
    json_close(&out, '}');
    printf("\n");
  }
  return 0;
}
