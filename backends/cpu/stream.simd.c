// SPDX-License-Identifier: Apache-2.0
//
// stream: copies by streaming stores, as wide as the instruction set (TN_ISA) has them.

#include "stream.h"

#include "pointwise.h"

#if defined(__SSE2__)
#include <immintrin.h>

#if defined(__AVX512F__)
#define VECTOR __m512i
#define LOAD_VECTOR _mm512_load_si512
#define STREAM_VECTOR _mm512_stream_si512
#elif defined(__AVX__)
#define VECTOR __m256i
#define LOAD_VECTOR _mm256_load_si256
#define STREAM_VECTOR _mm256_stream_si256
#else
#define VECTOR __m128i
#define LOAD_VECTOR _mm_load_si128
#define STREAM_VECTOR _mm_stream_si128
#endif

enum { PER_LINE = CPU_LINE_BYTES / (int)sizeof(VECTOR) };

static void copy(char *to, const char *from, int64_t size) {
  int64_t done = 0;
  if (((uintptr_t)to & (CPU_LINE_BYTES - 1)) == 0) {
    for (; done + CPU_LINE_BYTES <= size; done += CPU_LINE_BYTES) {
      VECTOR *target = (VECTOR *)(void *)(to + done);
      const VECTOR *source = (const VECTOR *)(const void *)(from + done);
      for (int i = 0; i < PER_LINE; i++) STREAM_VECTOR(target + i, LOAD_VECTOR(source + i));
    }
  }
  memcpy(to + done, from + done, (size_t)(size - done));
}

const cpu_stream_copy CPU_PASTE(cpu_stream_copy, TN_ISA) = copy;
#else
const cpu_stream_copy CPU_PASTE(cpu_stream_copy, TN_ISA) = NULL;
#endif
