// SPDX-License-Identifier: Apache-2.0
//
// stream: the fence that ends a piece of streaming stores.

#include "stream.h"

#if defined(__SSE2__)
#include <emmintrin.h>
void cpu_stream_end(void) { _mm_sfence(); }
#else
void cpu_stream_end(void) {}
#endif
