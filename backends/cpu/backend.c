// SPDX-License-Identifier: Apache-2.0
//
// backend: how the host sees the cpu backend: a provider of kernels for the core's cpu device, and
// the one that brings the process's threads. It runs on any processor that the compiler's baseline
// does; faster loops are chosen when it starts, so it asks for no cpu feature.

#include "cpu.h"

const tn_host_api *cpu_host;

#define X(name)                                   \
  extern const tn_kernel_row cpu_##name##_rows[]; \
  extern const uint64_t cpu_##name##_row_count;
#include "families.def"
#undef X

static const cpu_family families[] = {
#define X(name) {cpu_##name##_rows, &cpu_##name##_row_count},
#include "families.def"
#undef X
    {NULL, NULL},
};

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  cpu_host = host;
  const cpu_isa isa = cpu_isa_choose(host);
#define X(name) cpu_##name##_start(isa);
#include "starts.def"
#undef X
  cpu_workers_start(host);
  tn_status status = TN_OK;
  // Where the host takes no pool, everything runs on its caller.
  if (TN_HAS(registrar, add_workers)) status = registrar->add_workers(registrar, &cpu_workers);
  for (const cpu_family *family = families; status == TN_OK && family->rows != NULL; family++) {
    status = registrar->add_kernels(registrar, "cpu", family->rows, *family->row_count,
                                    sizeof(tn_kernel_row));
  }
  return status;
}

TN_PLUGIN(init, .name = "cpu", .version = "0.1.0", .devices = "cpu", .threading = "openmp",
          .operators = "*",
          .options =
              "TENON_CPU_ISA=the cpu backend's loops: baseline, avx2 or avx512;"
              "TENON_CPU_BLAS=the cpu backend's matrix products: own or openblas;"
              "TENON_OPENBLAS=the OpenBLAS library to open, absolute");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
