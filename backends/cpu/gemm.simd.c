// SPDX-License-Identifier: Apache-2.0
//
// gemm.simd: the blocked matrix product of gemm.h, once for each instruction set and element type.

#include "gemm.h"

#include <stdbool.h>
#include <stddef.h>

#include "register_tile.h"

#define REAL float
#define LANES (VECTOR_BYTES / 4)
#define NAME(x) TILE_NAME(x, f32, TN_ISA)
#include "gemm.inc.h"
#undef REAL
#undef LANES
#undef NAME

#define REAL double
#define LANES (VECTOR_BYTES / 8)
#define NAME(x) TILE_NAME(x, f64, TN_ISA)
#include "gemm.inc.h"
