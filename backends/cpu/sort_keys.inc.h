// SPDX-License-Identifier: Apache-2.0
//
// sort_keys.inc: elements to words and back, included by sort_order.c for each size of an element,
// with
//   ELEMENT  the unsigned type of that size    WORD  its words    NAME(x)  x_<bytes>
//   MAKE(key, position), KEY(word), POSITION(word)

#include "sort_key.inc.h"

static void NAME(load_line)(const cpu_key_map *map, const ELEMENT *from, int64_t step,
                            int64_t first, int64_t count, WORD *words) {
  const ELEMENT flip = (ELEMENT)map->flip, turn = (ELEMENT)map->turn;
  const ELEMENT infinity = (ELEMENT)map->infinity;
  from += first * step;
  if (map->floating) {
    for (int64_t i = 0; i < count; i++) {
      words[i] = MAKE((ELEMENT)(NAME(float_key)(from[i * step], flip, infinity) ^ turn), first + i);
    }
  } else {
    for (int64_t i = 0; i < count; i++) {
      words[i] = MAKE((ELEMENT)(from[i * step] ^ flip ^ turn), first + i);
    }
  }
}

// Row by row, so that what lies in one cache line is read while it is there.
static void NAME(load_lines)(const cpu_key_map *map, cpu_lines lines, int64_t first, int64_t count,
                             int64_t line_count, WORD *words, int64_t pitch) {
  for (int64_t i = 0; i < count; i++) {
    const ELEMENT *from = (const ELEMENT *)lines.data + (first + i) * lines.step;
    for (int64_t b = 0; b < line_count; b++) {
      words[b * pitch + i] = MAKE(NAME(key)(map, from[b]), first + i);
    }
  }
}

// Keys of floats name no element where it is a zero or a NaN: |from| has the bits.
static void NAME(store_line)(const cpu_key_map *map, const WORD *words, int64_t first,
                             int64_t count, const ELEMENT *from, int64_t from_step, ELEMENT *to,
                             int64_t to_step, int64_t *places, int64_t places_step) {
  const ELEMENT flip = (ELEMENT)map->flip, turn = (ELEMENT)map->turn, nan = (ELEMENT) ~(ELEMENT)0;
  to += first * to_step;
  places += first * places_step;
  for (int64_t i = 0; i < count; i++) {
    const WORD word = words[i];
    const ELEMENT key = (ELEMENT)((ELEMENT)KEY(word) ^ turn);
    ELEMENT bits = (ELEMENT)(key ^ flip);
    if (map->floating) {
      if (!(key & flip)) bits = (ELEMENT)~key;
      if (key == flip || key == nan) bits = from[(int64_t)POSITION(word) * from_step];
    }
    to[i * to_step] = bits;
    places[i * places_step] = (int64_t)POSITION(word);
  }
}

static void NAME(store_lines)(const cpu_key_map *map, const WORD *words, int64_t pitch,
                              int64_t first, int64_t count, int64_t line_count, cpu_lines from,
                              cpu_lines to, cpu_lines places) {
  for (int64_t i = 0; i < count; i++) {
    for (int64_t b = 0; b < line_count; b++) {
      NAME(store_line)
      (map, words + b * pitch + i, first + i, 1, (const ELEMENT *)from.data + b, from.step,
       (ELEMENT *)to.data + b, to.step, (int64_t *)places.data + b, places.step);
    }
  }
}
