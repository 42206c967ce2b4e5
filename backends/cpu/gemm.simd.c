// SPDX-License-Identifier: Apache-2.0
//
// gemm.simd: the blocked matrix product of gemm.h, once for each instruction set.
//
// The register tile is as tall as the registers allow beside two vectors of B: 12 of 32 registers'
// pairs with AVX-512, 6 of 16 with AVX2 and SSE2, 8 of 32 with NEON.

#include "gemm.h"

#include <stdbool.h>
#include <stddef.h>

#define PASTE_(name, type, isa) name##_##type##_##isa
#define PASTE(name, type, isa) PASTE_(name, type, isa)

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#define TILE_ROWS 12
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#define TILE_ROWS 6
#elif defined(__aarch64__)
#define VECTOR_BYTES 16
#define TILE_ROWS 8
#else
#define VECTOR_BYTES 16
#define TILE_ROWS 6
#endif

#define GEMM_TILE_HEIGHTS_6(X) X(1) X(2) X(3) X(4) X(5) X(6)
#if TILE_ROWS == 12
#define GEMM_TILE_HEIGHTS(X) GEMM_TILE_HEIGHTS_6(X) X(7) X(8) X(9) X(10) X(11) X(12)
#elif TILE_ROWS == 8
#define GEMM_TILE_HEIGHTS(X) GEMM_TILE_HEIGHTS_6(X) X(7) X(8)
#else
#define GEMM_TILE_HEIGHTS(X) GEMM_TILE_HEIGHTS_6(X)
#endif

#define REAL float
#define LANES (VECTOR_BYTES / 4)
#define NAME(x) PASTE(x, f32, TN_ISA)
#include "gemm.inc.h"
#undef REAL
#undef LANES
#undef NAME

#define REAL double
#define LANES (VECTOR_BYTES / 8)
#define NAME(x) PASTE(x, f64, TN_ISA)
#include "gemm.inc.h"
