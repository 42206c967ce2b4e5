// SPDX-License-Identifier: Apache-2.0
//
// sort_order: see sort_order.h. The loops over elements are in sort_keys.inc.h, once for each size;
// those over words in sort_words.inc.h, once for each kind.

#include "sort_order.h"

#include <stdatomic.h>

enum {
  FEWEST_WORDS = 16,  // that are ranked
  FEW_WORDS = 40,     // that are put in order by insertion
  MOST_DIGITS = 3,
  WIDEST_DIGIT = 11,  // bits: the counts of a digit fit the first cache
};

// |count| digits of |width| bits each, the lowest at bit |low|.
typedef struct digits {
  int32_t low, width, count;
} digits;

// Digits for the uppermost of the bits in |differ|: as many and as wide as were found to pay for
// |count| words.
static digits plan_digits(uint64_t differ, int64_t count) {
  const int32_t top = 64 - __builtin_clzll(differ);
  const int32_t most = count < 8192 ? 2 : MOST_DIGITS;
  const int32_t widest = count < 512 ? 8 : count < 8192 ? 10 : WIDEST_DIGIT;
  int32_t passes = (top + widest - 1) / widest;
  if (passes > most) passes = most;
  int32_t width = (top + passes - 1) / passes;
  if (width > widest) width = widest;
  const int32_t covered = passes * width;
  return (digits){top > covered ? top - covered : 0, width, passes};
}

// Counts of each digit in each piece to the places where the piece's first word with it goes.
static void turn_to_places(uint32_t *counts, uint64_t bins, int64_t pieces) {
  uint32_t place = 0;
  for (uint64_t bin = 0; bin < bins; bin++) {
    for (int64_t piece = 0; piece < pieces; piece++) {
      uint32_t *at = &counts[(uint64_t)piece * bins + bin];
      const uint32_t count = *at;
      *at = place;
      place += count;
    }
  }
}

#define WORD cpu_narrow_word
#define KEY(word) ((word) >> 32)
#define NAME(x) x##_narrow
#include "sort_words.inc.h"
#undef WORD
#undef KEY
#undef NAME

#define WORD cpu_wide_word
#define KEY(word) ((word).key)
#define NAME(x) x##_wide
#include "sort_words.inc.h"
#undef WORD
#undef KEY
#undef NAME

// ---- elements ----------------------------------------------------------------------------------

#define WORD cpu_narrow_word
#define KEY(word) ((word) >> 32)
#define POSITION(word) ((word)&UINT32_MAX)
#define MAKE(key, position) ((uint64_t)(key) << 32 | (uint64_t)(position))

#define ELEMENT uint8_t
#define NAME(x) x##_1
#include "sort_keys.inc.h"
#undef ELEMENT
#undef NAME
#define ELEMENT uint16_t
#define NAME(x) x##_2
#include "sort_keys.inc.h"
#undef ELEMENT
#undef NAME
#define ELEMENT uint32_t
#define NAME(x) x##_4
#include "sort_keys.inc.h"
#undef ELEMENT
#undef NAME
#undef WORD
#undef KEY
#undef POSITION
#undef MAKE

#define WORD cpu_wide_word
#define KEY(word) ((word).key)
#define POSITION(word) ((word).position)
#define MAKE(k, p) ((cpu_wide_word){(k), (uint64_t)(p)})
#define ELEMENT uint64_t
#define NAME(x) x##_8
#include "sort_keys.inc.h"
#undef ELEMENT
#undef NAME
#undef WORD
#undef KEY
#undef POSITION
#undef MAKE

cpu_key_map cpu_key_map_of(tn_dtype dtype, bool descending) {
  const int32_t bytes = tn_dtype_size(dtype);
  const uint64_t all = ~(uint64_t)0 >> (64 - 8 * bytes);
  cpu_key_map map = {.bytes = bytes, .wide = bytes == 8, .turn = descending ? all : 0};
  map.floating = tn_dtype_is_floating(dtype);
  if (map.floating || tn_dtype_in(dtype, TN_DTYPES_SIGNED)) map.flip = all / 2 + 1;
  switch (dtype) {
    case TN_F16:
      map.infinity = 0x7c00;
      break;
    case TN_BF16:
      map.infinity = 0x7f80;
      break;
    case TN_F32:
      map.infinity = 0x7f800000;
      break;
    case TN_F64:
      map.infinity = UINT64_C(0x7ff0000000000000);
      break;
    default:
      break;
  }
  return map;
}

#define EVERY_SIZE(X) X(1) X(2) X(4) X(8)

void cpu_words_load(const cpu_key_map *map, cpu_lines from, int64_t first, int64_t count,
                    int64_t lines, void *words, int64_t pitch) {
  switch (map->bytes) {
#define X(bytes)                                                         \
  case bytes:                                                            \
    if (lines == 1) {                                                    \
      load_line_##bytes(map, from.data, from.step, first, count, words); \
    } else {                                                             \
      load_lines_##bytes(map, from, first, count, lines, words, pitch);  \
    }                                                                    \
    return;
    EVERY_SIZE(X)
#undef X
  }
}

void cpu_words_store(const cpu_key_map *map, const void *words, int64_t pitch, int64_t first,
                     int64_t count, int64_t lines, cpu_lines from, cpu_lines to, cpu_lines places) {
  switch (map->bytes) {
#define X(bytes)                                                                           \
  case bytes:                                                                              \
    if (lines == 1) {                                                                      \
      store_line_##bytes(map, words, first, count, from.data, from.step, to.data, to.step, \
                         places.data, places.step);                                        \
    } else {                                                                               \
      store_lines_##bytes(map, words, pitch, first, count, lines, from, to, places);       \
    }                                                                                      \
    return;
    EVERY_SIZE(X)
#undef X
  }
}

// ---- words of either kind ----------------------------------------------------------------------

void *cpu_words_sort(const cpu_key_map *map, void *words, void *spare, int64_t count) {
  if (map->wide) return sort_wide(words, spare, count);
  return sort_narrow(words, spare, count);
}

void *cpu_words_sort_shared(const cpu_key_map *map, tn_kernel_ctx *ctx, void *words, void *spare,
                            int64_t count) {
  const int64_t pieces = ctx->host->thread_count();
  if (pieces == 1 || count < CPU_GRAIN) return cpu_words_sort(map, words, spare, count);
  const uint64_t bytes = 2 * sizeof(uint64_t) + (sizeof(uint32_t) << WIDEST_DIGIT);
  uint64_t *room = ctx->host->scratch(ctx, sizeof(int64_t) + (uint64_t)pieces * bytes);
  if (room == NULL) {
    ctx->host->error(ctx, TN_OUT_OF_MEMORY, "no scratch memory for the counts of digits");
    return NULL;
  }
  int64_t *starts = (int64_t *)(room + pieces);
  uint32_t *places = (uint32_t *)(starts + pieces + 1);
  const int64_t chunk = (count + pieces - 1) / pieces;
  if (map->wide) {
    shared_wide job = {words,          spare,           count, chunk, .places = places,
                       .differ = room, .starts = starts};
    return sort_pieces_wide(&job, pieces);
  }
  shared_narrow job = {words,          spare,           count, chunk, .places = places,
                       .differ = room, .starts = starts};
  return sort_pieces_narrow(&job, pieces);
}

void cpu_words_keep_below(const cpu_key_map *map, const void *words, int64_t count,
                          const void *limit, void *kept, int64_t *kept_count) {
  if (map->wide) {
    keep_below_wide(words, count, limit, kept, kept_count);
  } else {
    keep_below_narrow(words, count, limit, kept, kept_count);
  }
}
