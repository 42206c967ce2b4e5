// SPDX-License-Identifier: Apache-2.0
//
// flip.inc: a row of elements in reverse, included by flip.c for each element size (every_size).
// What is turned around may be several smaller elements, so nothing is known of how it is aligned.

typedef ELEMENT NAME(loose) __attribute__((aligned(1)));

static void NAME(reverse)(void *to, const void *from, int64_t length) {
  NAME(loose) *out = to;
  const NAME(loose) *last = (const NAME(loose) *)from + length - 1;
  for (int64_t i = 0; i < length; i++) out[i] = last[-i];
}
