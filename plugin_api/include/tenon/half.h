// SPDX-License-Identifier: Apache-2.0
//
// half: the 16-bit floats as their bits. f16 is IEEE binary16 (5 exponent bits, 10 of fraction);
// bf16 is the upper half of a binary32. Widening is exact; narrowing rounds to nearest, ties to
// even, once. A NaN stays a (quiet) NaN with its sign. Nothing here depends on whether the thread
// flushes subnormals to zero, and each function is short enough to be vectorised by the compiler.

#ifndef TENON_HALF_H_
#define TENON_HALF_H_

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline uint32_t tn_f32_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float tn_f32_from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// ---- widening

static inline float tn_bf16_to_f32(uint16_t bits) { return tn_f32_from_bits((uint32_t)bits << 16); }

static inline float tn_f16_to_f32(uint16_t bits) {
  const uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
  const uint32_t magnitude = bits & 0x7fffu;
  const uint32_t normal = (magnitude << 13) + (112u << 23);  // exponent bias 15 becomes 127
  const uint32_t subnormal = tn_f32_bits((float)(int32_t)magnitude * 0x1p-24f);
  const uint32_t quiet = magnitude > 0x7c00u ? 0x400000u : 0u;
  const uint32_t special = 0x7f800000u | (magnitude & 0x3ffu) << 13 | quiet;
  const uint32_t wide = magnitude < 0x400u ? subnormal : magnitude < 0x7c00u ? normal : special;
  return tn_f32_from_bits(sign | wide);
}

// ---- narrowing

static inline uint16_t tn_f32_to_bf16(float value) {
  const uint32_t bits = tn_f32_bits(value);
  const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  const uint32_t quiet = bits >> 16 | 0x40u;
  return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

static inline uint16_t tn_f32_to_f16(float value) {
  const uint32_t bits = tn_f32_bits(value);
  const uint32_t sign = bits >> 16 & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t normal = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
  // The last bit of 0.5f is worth 2^-24, as that of a subnormal f16: the addition rounds.
  const uint32_t subnormal = tn_f32_bits(tn_f32_from_bits(magnitude) + 0.5f) - 0x3f000000u;
  const uint32_t nan = 0x7e00u | (magnitude >> 13 & 0x3ffu);
  uint32_t narrow = magnitude < 0x38800000u ? subnormal : normal;  // below 2^-14
  if (magnitude >= 0x477ff000u) narrow = 0x7c00u;                  // from 65520 on: infinity
  if (magnitude > 0x7f800000u) narrow = nan;
  return (uint16_t)(sign | narrow);
}

// |value| cut off to 24 bits with the last bit set where anything was cut off ("round to odd"), so
// that a second rounding gives what a single one would have.
static inline float tn_f64_to_f32_odd(double value) {
  const float nearest = (float)value;
  const double back = (double)nearest;
  uint32_t bits = tn_f32_bits(nearest);
  if (back == value || value != value) return nearest;
  if ((back < 0 ? -back : back) > (value < 0 ? -value : value)) bits--;
  return tn_f32_from_bits(bits | 1u);
}

static inline uint16_t tn_f64_to_f16(double value) {
  return tn_f32_to_f16(tn_f64_to_f32_odd(value));
}

static inline uint16_t tn_f64_to_bf16(double value) {
  return tn_f32_to_bf16(tn_f64_to_f32_odd(value));
}

#ifdef __cplusplus
}
#endif

#endif  // TENON_HALF_H_
