// SPDX-License-Identifier: Apache-2.0
//
// stream: writing past the caches. A result that is larger than the last-level cache pushes its
// own operands out, and each of its lines is first read only to be overwritten. Streaming stores
// do neither, but must fill whole lines: callers compute into a small block and stream that.

#ifndef TENON_CPU_STREAM_H_
#define TENON_CPU_STREAM_H_

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#define CPU_CAN_STREAM 1
#else
#define CPU_CAN_STREAM 0
#endif

// Copies |size| bytes; quickest where |to| starts a 64-byte line. |from| is 16-byte aligned.
static inline void cpu_stream_copy(char *to, const char *from, int64_t size) {
#if CPU_CAN_STREAM
  if (((uintptr_t)to & 15) == 0) {
    const __m128i *source = (const __m128i *)(const void *)from;
    __m128i *target = (__m128i *)(void *)to;
    const int64_t vectors = size / 16;
    for (int64_t i = 0; i < vectors; i++) {
      _mm_stream_si128(target + i, _mm_load_si128(source + i));
    }
    to += vectors * 16;
    from += vectors * 16;
    size -= vectors * 16;
  }
#endif
  memcpy(to, from, (size_t)size);
}

// Orders what was streamed before what follows; once after a piece of work.
static inline void cpu_stream_end(void) {
#if CPU_CAN_STREAM
  _mm_sfence();
#endif
}

#endif  // TENON_CPU_STREAM_H_
