// SPDX-License-Identifier: Apache-2.0
//
// embedding_bag.inc: bags for one element type, included by embedding_bag.c with
//   T                  the type of an element
//   REAL               the type to compute in
//   LOAD(x), ROUND(x)  from T to REAL and back
//   NAME(x)            x with a suffix
// All are undefined at the end.

enum { NAME(STRIP) = 64 };  // columns of a row that are added up at a time

// Columns [first, first + count) of one bag: rows [begin, end) of the indices.
static void NAME(sum_strip)(const bags *b, int64_t bag, int64_t first, int64_t count) {
  const T *weights = b->sample_weights;
  T *result = (T *)b->result + bag * b->columns + first;
  REAL sums[NAME(STRIP)] = {0};
  for (int64_t i = b->offsets[bag]; i < end_of(b, bag); i++) {
    if (b->indices[i] == b->padding_idx) continue;
    const T *row = (const T *)b->table + b->indices[i] * b->columns + first;
    if (weights == NULL) {
      for (int64_t k = 0; k < count; k++) sums[k] += LOAD(row[k]);
    } else {
      const REAL weight = LOAD(weights[i]);
      for (int64_t k = 0; k < count; k++) sums[k] += weight * LOAD(row[k]);
    }
  }
  const int64_t size = b->sizes[bag];
  if (b->mode == MODE_MEAN && size > 0) {
    for (int64_t k = 0; k < count; k++) sums[k] /= (REAL)size;
  }
  for (int64_t k = 0; k < count; k++) result[k] = ROUND(sums[k]);
}

static void NAME(max_strip)(const bags *b, int64_t bag, int64_t first, int64_t count) {
  T *result = (T *)b->result + bag * b->columns + first;
  int64_t *places = b->places + bag * b->columns + first;
  bool any = false;
  memset(result, 0, (size_t)count * sizeof(T));
  memset(places, 0, (size_t)count * sizeof *places);
  for (int64_t i = b->offsets[bag]; i < end_of(b, bag); i++) {
    if (b->indices[i] == b->padding_idx) continue;
    const T *row = (const T *)b->table + b->indices[i] * b->columns + first;
    for (int64_t k = 0; k < count; k++) {
      const REAL value = LOAD(row[k]), top = LOAD(result[k]);
      if (any && !(value > top) && !(value != value && top == top)) continue;
      result[k] = row[k];
      places[k] = b->indices[i];
    }
    any = true;
  }
}

static void NAME(join_bags)(void *closure, int64_t begin, int64_t end) {
  const bags *b = closure;
  for (int64_t bag = begin; bag < end; bag++) {
    for (int64_t first = 0; first < b->columns; first += NAME(STRIP)) {
      const int64_t left = b->columns - first;
      const int64_t count = left < NAME(STRIP) ? left : NAME(STRIP);
      if (b->mode == MODE_MAX) {
        NAME(max_strip)(b, bag, first, count);
      } else {
        NAME(sum_strip)(b, bag, first, count);
      }
    }
  }
}

#undef T
#undef REAL
#undef LOAD
#undef ROUND
#undef NAME
