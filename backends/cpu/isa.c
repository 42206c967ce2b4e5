// SPDX-License-Identifier: Apache-2.0
//
// isa: which instruction set the float loops use on this machine, and how large its cache is. The
// variants beyond the baseline exist on x86-64 only; asking for one that the machine lacks is
// answered with the best that it has.

#include <stdio.h>
#include <unistd.h>

#if defined(__x86_64__) && defined(__LP64__)
#include <cpuid.h>
#endif

#include "cpu.h"

static const char *const isa_names[CPU_ISA_COUNT] = {
#define X(isa) [CPU_ISA_##isa] = #isa,
    CPU_ISA_TABLE(X)
#undef X
};

#if defined(__x86_64__) && defined(__LP64__)
// Not every compiler knows this feature's name.
static bool has_f16c(void) {
  unsigned eax, ebx, ecx, edx;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
}
#endif

static cpu_isa best_isa(void) {
#if defined(__x86_64__) && defined(__LP64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !has_f16c()) {
    return CPU_ISA_baseline;
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    return CPU_ISA_avx512;
  }
  return CPU_ISA_avx2;
#else
  return CPU_ISA_baseline;
#endif
}

cpu_isa cpu_isa_choose(const tn_host_api *host) {
  const cpu_isa best = best_isa();
  const char *wanted = host->option("TENON_CPU_ISA");
  if (wanted == NULL) return best;
  for (int isa = 0; isa < CPU_ISA_COUNT; isa++) {
    if (strcmp(wanted, isa_names[isa]) != 0) continue;
    if (isa <= (int)best) return (cpu_isa)isa;
    host->log(1, "cpu", "this machine has no %s; using %s", wanted, isa_names[best]);
    return best;
  }
  host->log(1, "cpu", "TENON_CPU_ISA=%s is no instruction set of this build; using %s", wanted,
            isa_names[best]);
  return best;
}

// What one core can use. Some processors have several last-level caches; the C library may then add
// them up, so the kernel's own table is asked first.
int64_t cpu_last_level_cache_bytes(void) {
  FILE *file = fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "re");
  long kibibytes = 0;
  if (file != NULL) {
    if (fscanf(file, "%ldK", &kibibytes) != 1) kibibytes = 0;
    fclose(file);
  }
  if (kibibytes > 0 && kibibytes < (1L << 30)) return kibibytes * INT64_C(1024);
#ifdef _SC_LEVEL3_CACHE_SIZE
  const long level3 = sysconf(_SC_LEVEL3_CACHE_SIZE);
  if (level3 > 0) return level3;
  const long level2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (level2 > 0) return level2;
#endif
  return INT64_C(32) << 20;  // a common size, where the system does not say
}
