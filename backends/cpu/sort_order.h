// SPDX-License-Identifier: Apache-2.0
//
// sort_order: elements of any real dtype in order. An element becomes a word: an unsigned key,
// whose order is that of the elements, and the position that it came from. Two kinds of words serve
// all dtypes: narrow ones, a 32-bit key over a 32-bit position in one uint64, and wide ones for
// elements of 8 bytes. Words are sorted by radix, and elements are made from keys again.
//
// Invariant: equal elements have equal keys and every order here is stable, so what comes out is
// one and the same however the work is split.

#ifndef TENON_CPU_SORT_ORDER_H_
#define TENON_CPU_SORT_ORDER_H_

#include "cpu.h"

typedef uint64_t cpu_narrow_word;  // key << 32 | position
typedef struct cpu_wide_word {
  uint64_t key, position;
} cpu_wide_word;

// Positions in narrow words, and counts of digits, are of 32 bits.
#define CPU_SORT_LONGEST ((int64_t)UINT32_MAX)

// From elements of one dtype to keys. Integers: bits ^ flip. Floats: sign and magnitude made
// two's-complement-like, -0 as 0, every NaN as the greatest key. Then all bits turn for descending.
typedef struct cpu_key_map {
  int32_t bytes;  // of an element: 1, 2, 4, 8
  bool floating;
  bool wide;          // whether the words are
  uint64_t flip;      // the sign bit of signed integers and floats, 0 for the others
  uint64_t infinity;  // floats: its bits
  uint64_t turn;      // all ones of an element where the order is descending, else 0
} cpu_key_map;

cpu_key_map cpu_key_map_of(tn_dtype dtype, bool descending);

static inline uint64_t cpu_word_bytes(const cpu_key_map *map) {
  return map->wide ? sizeof(cpu_wide_word) : sizeof(cpu_narrow_word);
}

// Neighbouring lines of one tensor: element i of line b stands at [i * step + b].
typedef struct cpu_lines {
  void *data;
  int64_t step;
} cpu_lines;

// words[b * pitch + i] = the word of element first + i of line b, for i < count, b < lines.
void cpu_words_load(const cpu_key_map *map, cpu_lines from, int64_t first, int64_t count,
                    int64_t lines, void *words, int64_t pitch);

// Element i of line b of |to| and |places| from words[b * pitch + i]; |from| are the lines that the
// words were loaded from. |words| may be what |places| holds, for one line.
void cpu_words_store(const cpu_key_map *map, const void *words, int64_t pitch, int64_t first,
                     int64_t count, int64_t lines, cpu_lines from, cpu_lines to, cpu_lines places);

// Sorts |count| words, using |spare| words of the same number. Returns where they are: |words| or
// |spare|. |count| is at most CPU_SORT_LONGEST.
void *cpu_words_sort(const cpu_key_map *map, void *words, void *spare, int64_t count);

// The same on all threads. Scratch memory comes from |ctx|; NULL when there is none, with the error
// recorded.
void *cpu_words_sort_shared(const cpu_key_map *map, tn_kernel_ctx *ctx, void *words, void *spare,
                            int64_t count);

// Moves the words of words[0, count) whose key is below that of |limit| (NULL: all) behind
// kept[0, *kept_count), in their order.
void cpu_words_keep_below(const cpu_key_map *map, const void *words, int64_t count,
                          const void *limit, void *kept, int64_t *kept_count);

#endif  // TENON_CPU_SORT_ORDER_H_
