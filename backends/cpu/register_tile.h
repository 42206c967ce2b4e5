// SPDX-License-Identifier: Apache-2.0
//
// register_tile: how large a tile of sums each instruction set can keep in registers, for the
// *.simd.c files that multiply matrices. The tile is as tall as the registers allow beside two
// vectors of the right operand: 24 of 32 registers with AVX-512, 12 of 16 with AVX2 and SSE2, 16 of
// 32 with NEON.

#ifndef TENON_CPU_REGISTER_TILE_H_
#define TENON_CPU_REGISTER_TILE_H_

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

// X(height) for every height up to TILE_ROWS.
#define TILE_HEIGHTS_6(X) X(1) X(2) X(3) X(4) X(5) X(6)
#if TILE_ROWS == 12
#define TILE_HEIGHTS(X) TILE_HEIGHTS_6(X) X(7) X(8) X(9) X(10) X(11) X(12)
#elif TILE_ROWS == 8
#define TILE_HEIGHTS(X) TILE_HEIGHTS_6(X) X(7) X(8)
#else
#define TILE_HEIGHTS(X) TILE_HEIGHTS_6(X)
#endif

// A name that ends in the element type and the instruction set.
#define TILE_NAME_(name, type, isa) name##_##type##_##isa
#define TILE_NAME(name, type, isa) TILE_NAME_(name, type, isa)

#endif  // TENON_CPU_REGISTER_TILE_H_
