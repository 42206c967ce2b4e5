// SPDX-License-Identifier: Apache-2.0
//
// philox: the random numbers that every backend draws alike. Philox 4x32-10 (Salmon, Moraes, Dror,
// Shaw: "Parallel random numbers: as easy as 1, 2, 3", 2011) turns a 64-bit key and a 128-bit
// counter into four 32-bit words; there is no state to carry, so element i of a draw depends on
// (seed, offset, i) alone and any piece of a result can be computed anywhere.
//
// Which words an element uses:
//   32 bits an element   block offset + i / 4, word i % 4
//   64 bits an element   block offset + i / 2, words 2 (i % 2) and 2 (i % 2) + 1, low word first
// A draw of n elements uses fewer than n + 1 blocks. Uniforms and integers are the same bits
// everywhere; normals agree to the last few bits of the platform's logarithm, sine and cosine.
//
// A CUDA source defines TN_PHILOX_FUNCTION (say, `static __host__ __device__ inline`) first.

#ifndef TENON_PHILOX_H_
#define TENON_PHILOX_H_

#include <math.h>
#include <tenon/types.h>

#ifndef TN_PHILOX_FUNCTION
#define TN_PHILOX_FUNCTION static inline
#endif

typedef struct tn_philox_block {
  uint32_t word[4];
} tn_philox_block;

// The block at |counter| of the stream |seed|: ten rounds; the upper half of the counter is 0.
TN_PHILOX_FUNCTION tn_philox_block tn_philox(uint64_t seed, uint64_t counter) {
  uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32), c2 = 0, c3 = 0;
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    const uint64_t a = UINT64_C(0xD2511F53) * c0;
    const uint64_t b = UINT64_C(0xCD9E8D57) * c2;
    c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)b;
    c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)a;
    k0 += UINT32_C(0x9E3779B9);
    k1 += UINT32_C(0xBB67AE85);
  }
  const tn_philox_block block = {{c0, c1, c2, c3}};
  return block;
}

// ---- the words of element i of a draw

TN_PHILOX_FUNCTION uint32_t tn_philox_u32(tn_philox_state state, uint64_t i) {
  return tn_philox(state.seed, state.offset + i / 4).word[i % 4];
}

// Half |half| (0 or 1) of a block as 64 bits.
TN_PHILOX_FUNCTION uint64_t tn_philox_half(tn_philox_block block, uint64_t half) {
  return block.word[2 * half] | (uint64_t)block.word[2 * half + 1] << 32;
}

TN_PHILOX_FUNCTION uint64_t tn_philox_u64(tn_philox_state state, uint64_t i) {
  return tn_philox_half(tn_philox(state.seed, state.offset + i / 2), i % 2);
}

// ---- uniform on [0, 1): the upper 24 (53) bits times 2^-24 (2^-53), exact

TN_PHILOX_FUNCTION float tn_uniform_f32(uint32_t word) { return (float)(word >> 8) * 0x1p-24f; }
TN_PHILOX_FUNCTION double tn_uniform_f64(uint64_t word) { return (double)(word >> 11) * 0x1p-53; }

// ---- integers on [0, range): the upper 64 bits of word * range. Bias below range / 2^64.
// |range| 0 stands for 2^64.

TN_PHILOX_FUNCTION uint64_t tn_uniform_below(uint64_t word, uint64_t range) {
  if (range == 0) return word;
  const uint64_t wl = (uint32_t)word, wh = word >> 32;
  const uint64_t rl = (uint32_t)range, rh = range >> 32;
  const uint64_t middle = wh * rl + (wl * rl >> 32);
  return wh * rh + (middle >> 32) + ((wl * rh + (uint32_t)middle) >> 32);
}

// ---- standard normals, two from two words (Box and Muller, 1958):
//   radius = sqrt(-2 ln(1 - u)), angle = 2 pi v; radius cos(angle), radius sin(angle)
// Float elements 2j and 2j + 1 use the words of elements 2j and 2j + 1 (32 bits each) as u and v,
// double elements those of 64 bits each.

TN_PHILOX_FUNCTION void tn_normal_f32(uint32_t word_u, uint32_t word_v, float normal[2]) {
  const float radius = sqrtf(-2.0f * logf(1.0f - tn_uniform_f32(word_u)));
  const float angle = 6.28318530717958647692f * tn_uniform_f32(word_v);
  normal[0] = radius * cosf(angle);
  normal[1] = radius * sinf(angle);
}

TN_PHILOX_FUNCTION void tn_normal_f64(uint64_t word_u, uint64_t word_v, double normal[2]) {
  const double radius = sqrt(-2.0 * log(1.0 - tn_uniform_f64(word_u)));
  const double angle = 6.28318530717958647692 * tn_uniform_f64(word_v);
  normal[0] = radius * cos(angle);
  normal[1] = radius * sin(angle);
}

#endif  // TENON_PHILOX_H_
