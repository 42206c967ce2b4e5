// SPDX-License-Identifier: Apache-2.0
//
// sort_words.inc: words in order, included by sort_order.c for narrow and for wide words, with
//   WORD  the type    NAME(x)  x_narrow, x_wide    KEY(word)  the key, as uint64_t
//
// A radix sort from the lowest of a few digits up, over the bits in which keys differ at all. At
// most MOST_DIGITS of the uppermost bits are sorted that way: what is equal in those is next to
// each other then, rarely more than a few words, and is sorted by itself.

// Puts each word where the number of those that go before it says: no branch depends on the data.
static void NAME(rank)(const WORD *words, WORD *to, int64_t count) {
  uint8_t places[FEWEST_WORDS] = {0};
  for (int64_t i = 1; i < count; i++) {
    uint8_t place = 0;
    for (int64_t j = 0; j < i; j++) {
      const bool after = KEY(words[j]) > KEY(words[i]);
      places[j] = (uint8_t)(places[j] + after);
      place = (uint8_t)(place + !after);
    }
    places[i] = place;
  }
  for (int64_t i = 0; i < count; i++) to[places[i]] = words[i];
}

// Stable, for few words.
static void NAME(insert)(WORD *words, int64_t count) {
  for (int64_t i = 1; i < count; i++) {
    const WORD word = words[i];
    int64_t at = i;
    for (; at > 0 && KEY(words[at - 1]) > KEY(word); at--) words[at] = words[at - 1];
    words[at] = word;
  }
}

// The bits in which the keys of words[begin, end) and the one before them differ from each other;
// |falls| becomes true where one is below the one before it.
static uint64_t NAME(differing)(const WORD *words, int64_t begin, int64_t end, bool *falls) {
  uint64_t differ = 0, fall = 0;
  for (int64_t i = begin > 0 ? begin : 1; i < end; i++) {
    differ |= KEY(words[i]) ^ KEY(words[i - 1]);
    fall |= KEY(words[i]) < KEY(words[i - 1]);
  }
  if (fall) *falls = true;
  return differ;
}

static void NAME(count_digits)(const WORD *words, int64_t count, digits plan, uint32_t *counts) {
  memset(counts, 0, sizeof(uint32_t) * (size_t)plan.count << plan.width);
  const uint64_t mask = ((uint64_t)1 << plan.width) - 1;
  for (int64_t i = 0; i < count; i++) {
    uint64_t key = KEY(words[i]) >> plan.low;
    for (int32_t d = 0; d < plan.count; d++, key >>= plan.width) {
      counts[((uint64_t)d << plan.width) + (key & mask)]++;
    }
  }
}

// Moves |count| words to where |places| says, which has the next place for each digit.
static void NAME(deal)(const WORD *words, int64_t count, int32_t shift, uint64_t mask,
                       uint32_t *places, WORD *to) {
  for (int64_t i = 0; i < count; i++) to[places[KEY(words[i]) >> shift & mask]++] = words[i];
}

static WORD *NAME(by_digits)(WORD *words, WORD *spare, int64_t count, digits plan) {
  uint32_t counts[MOST_DIGITS << WIDEST_DIGIT];
  NAME(count_digits)(words, count, plan, counts);
  const uint64_t bins = (uint64_t)1 << plan.width;
  for (int32_t d = 0; d < plan.count; d++) {
    const int32_t shift = plan.low + d * plan.width;
    uint32_t *places = counts + (uint64_t)d * bins;
    if (places[KEY(words[0]) >> shift & (bins - 1)] == count) continue;
    turn_to_places(places, bins, 1);
    NAME(deal)(words, count, shift, bins - 1, places, spare);
    WORD *sorted = spare;
    spare = words;
    words = sorted;
  }
  return words;
}

static WORD *NAME(sort)(WORD *words, WORD *spare, int64_t count);

// Sorts each run of words that are equal above bit |low|, in [begin, end), which cuts none.
static void NAME(finish_runs)(WORD *words, WORD *spare, int64_t begin, int64_t end, int32_t low) {
  for (int64_t next; begin < end; begin = next) {
    const uint64_t top = KEY(words[begin]) >> low;
    for (next = begin + 1; next < end && KEY(words[next]) >> low == top; next++) {
    }
    const int64_t run = next - begin;
    if (run == 1) continue;
    const WORD *sorted = NAME(sort)(words + begin, spare + begin, run);
    if (sorted != words + begin) memcpy(words + begin, sorted, sizeof(WORD) * (size_t)run);
  }
}

static WORD *NAME(sort)(WORD *words, WORD *spare, int64_t count) {
  if (count <= FEWEST_WORDS) {
    NAME(rank)(words, spare, count);
    return spare;
  }
  if (count <= FEW_WORDS) {
    NAME(insert)(words, count);
    return words;
  }
  bool falls = false;
  const uint64_t differ = NAME(differing)(words, 0, count, &falls);
  if (!falls) return words;
  const digits plan = plan_digits(differ, count);
  WORD *sorted = NAME(by_digits)(words, spare, count, plan);
  if (plan.low > 0) {
    NAME(finish_runs)(sorted, sorted == words ? spare : words, 0, count, plan.low);
  }
  return sorted;
}

static void NAME(keep_below)(const WORD *words, int64_t count, const WORD *limit, WORD *kept,
                             int64_t *kept_count) {
  int64_t at = *kept_count;
  if (limit == NULL) {
    memcpy(kept + at, words, sizeof(WORD) * (size_t)count);
    *kept_count = at + count;
    return;
  }
  const uint64_t key = KEY(*limit);
  for (int64_t i = 0; i < count; i++) {
    kept[at] = words[i];
    at += KEY(words[i]) < key;
  }
  *kept_count = at;
}

// ---- on all threads ----------------------------------------------------------------------------

typedef struct NAME(shared) {
  WORD *words, *spare;
  int64_t count, chunk;  // words, and of them in each piece
  int32_t shift, low;
  uint64_t bins;
  uint32_t *places;  // [pieces][bins]
  uint64_t *differ;  // [pieces]
  int64_t *starts;   // [pieces + 1]: where the runs begin that a piece finishes
  atomic_bool falls;
} NAME(shared);

static int64_t NAME(piece_end)(const NAME(shared) * job, int64_t piece) {
  const int64_t end = (piece + 1) * job->chunk;
  return end < job->count ? end : job->count;
}

static void NAME(compare_pieces)(void *closure, int64_t begin, int64_t end) {
  NAME(shared) *job = closure;
  for (int64_t piece = begin; piece < end; piece++) {
    bool falls = false;
    job->differ[piece] =
        NAME(differing)(job->words, piece * job->chunk, NAME(piece_end)(job, piece), &falls);
    if (falls) atomic_store_explicit(&job->falls, true, memory_order_relaxed);
  }
}

static void NAME(count_pieces)(void *closure, int64_t begin, int64_t end) {
  const NAME(shared) *job = closure;
  const uint64_t mask = job->bins - 1;
  for (int64_t piece = begin; piece < end; piece++) {
    uint32_t *counts = job->places + (uint64_t)piece * job->bins;
    memset(counts, 0, sizeof(uint32_t) * job->bins);
    const int64_t last = NAME(piece_end)(job, piece);
    for (int64_t i = piece * job->chunk; i < last; i++) {
      counts[KEY(job->words[i]) >> job->shift & mask]++;
    }
  }
}

static void NAME(deal_pieces)(void *closure, int64_t begin, int64_t end) {
  const NAME(shared) *job = closure;
  for (int64_t piece = begin; piece < end; piece++) {
    const int64_t first = piece * job->chunk, last = NAME(piece_end)(job, piece);
    NAME(deal)
    (job->words + first, last - first, job->shift, job->bins - 1,
     job->places + (uint64_t)piece * job->bins, job->spare);
  }
}

static void NAME(finish_pieces)(void *closure, int64_t begin, int64_t end) {
  const NAME(shared) *job = closure;
  for (int64_t piece = begin; piece < end; piece++) {
    NAME(finish_runs)
    (job->words, job->spare, job->starts[piece], job->starts[piece + 1], job->low);
  }
}

// A run belongs to the piece in which it begins. Found before the pieces start, since a piece that
// looked for its beginning itself would read what its neighbour is putting in order.
static void NAME(share_runs)(NAME(shared) * job, int64_t pieces) {
  const WORD *words = job->words;
  int64_t start = 0;
  for (int64_t piece = 0; piece < pieces; piece++) {
    const int64_t first = piece * job->chunk < job->count ? piece * job->chunk : job->count;
    if (first > start) start = first;
    while (start > 0 && start < job->count &&
           KEY(words[start]) >> job->low == KEY(words[start - 1]) >> job->low) {
      start++;
    }
    job->starts[piece] = start;
  }
  job->starts[pieces] = job->count;
}

static WORD *NAME(sort_pieces)(NAME(shared) * job, int64_t pieces) {
  cpu_parallel_for(pieces, 1, NAME(compare_pieces), job);
  uint64_t differ = 0;
  for (int64_t i = 0; i < pieces; i++) differ |= job->differ[i];
  if (!atomic_load(&job->falls)) return job->words;
  const digits plan = plan_digits(differ, job->count);
  job->bins = (uint64_t)1 << plan.width;
  for (int32_t d = 0; d < plan.count; d++) {
    job->shift = plan.low + d * plan.width;
    cpu_parallel_for(pieces, 1, NAME(count_pieces), job);
    turn_to_places(job->places, job->bins, pieces);
    cpu_parallel_for(pieces, 1, NAME(deal_pieces), job);
    WORD *sorted = job->spare;
    job->spare = job->words;
    job->words = sorted;
  }
  job->low = plan.low;
  if (plan.low > 0) {
    NAME(share_runs)(job, pieces);
    cpu_parallel_for(pieces, 1, NAME(finish_pieces), job);
  }
  return job->words;
}
