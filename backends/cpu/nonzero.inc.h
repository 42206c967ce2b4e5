// SPDX-License-Identifier: Apache-2.0
//
// nonzero.inc: places of elements that are not zero, included by nonzero.c for each size of an
// element, with
//   ELEMENT  an unsigned type of that size    NAME(x)  x_<bytes>
//   HOLDS(element)  whether it is not zero, with the signs of floats masked off by |job->mask|

static int64_t NAME(count)(const nonzero_job *job, int64_t begin, int64_t end) {
  const ELEMENT *from = job->from;
  int64_t count = 0;
  for (int64_t i = begin; i < end; i++) count += HOLDS(from[i]);
  return count;
}

// Writes the positions of the |count| elements of [begin, ...) that are not zero.
static void NAME(find)(const nonzero_job *job, int64_t begin, int64_t count, int64_t *positions) {
  const ELEMENT *from = job->from;
  int64_t found = 0;
  for (int64_t i = begin; found < count; i++) {
    positions[found] = i;
    found += HOLDS(from[i]);
  }
}

// Copies the |count| elements of [begin, ...) whose flag is set.
static void NAME(pick)(const uint8_t *flags, const void *from, int64_t begin, int64_t count,
                       void *to) {
  int64_t found = 0;
  for (int64_t i = begin; found < count; i++) {
    ((ELEMENT *)to)[found] = ((const ELEMENT *)from)[i];
    found += flags[i] != 0;
  }
}
