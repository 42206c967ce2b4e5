// SPDX-License-Identifier: Apache-2.0
//
// flip.inc: a row of elements in reverse, included by flip.c for each element size (every_size).

static void NAME(reverse)(void *to, const void *from, int64_t length) {
  ELEMENT *out = to;
  const ELEMENT *last = (const ELEMENT *)from + length - 1;
  for (int64_t i = 0; i < length; i++) out[i] = last[-i];
}
