// SPDX-License-Identifier: Apache-2.0
//
// philox_words: runs of the words of a draw (see <tenon/philox.h>), each block computed once. Runs
// start at a multiple of four elements (two, of 64 bits).

#ifndef TENON_CPU_PHILOX_WORDS_H_
#define TENON_CPU_PHILOX_WORDS_H_

#include <tenon/philox.h>

// words[i] = the 32-bit word of element first + i.
static inline void cpu_philox_u32(tn_philox_state state, int64_t first, int64_t count,
                                  uint32_t *words) {
  const uint64_t block = state.offset + (uint64_t)first / 4;
  for (int64_t i = 0; i < count; i += 4) {
    const tn_philox_block four = tn_philox(state.seed, block + (uint64_t)i / 4);
    for (int64_t j = 0; j < 4 && i + j < count; j++) words[i + j] = four.word[j];
  }
}

// words[i] = the 64-bit word of element first + i.
static inline void cpu_philox_u64(tn_philox_state state, int64_t first, int64_t count,
                                  uint64_t *words) {
  const uint64_t block = state.offset + (uint64_t)first / 2;
  for (int64_t i = 0; i < count; i += 2) {
    const tn_philox_block four = tn_philox(state.seed, block + (uint64_t)i / 2);
    for (int64_t j = 0; j < 2 && i + j < count; j++) {
      words[i + j] = tn_philox_half(four, (uint64_t)j);
    }
  }
}

#endif  // TENON_CPU_PHILOX_WORDS_H_
