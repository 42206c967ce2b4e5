// SPDX-License-Identifier: Apache-2.0
//
// searchsorted.inc: places by bisection, included by searchsorted.c for each size of an element,
// with
//   ELEMENT  the unsigned type of that size    NAME(x)  x_<bytes>

#include "sort_key.inc.h"

// How many of the |job->length| elements of |sequence| are below |key|, or not above it.
static int64_t NAME(place)(const search_job *job, const ELEMENT *sequence, const int64_t *sorter,
                           ELEMENT key) {
  int64_t low = 0, left = job->length;
  while (left > 0) {
    const int64_t half = left / 2, middle = low + half;
    const ELEMENT at = NAME(key)(&job->map, sequence[sorter == NULL ? middle : sorter[middle]]);
    const bool beyond = job->right ? at <= key : at < key;
    low = beyond ? middle + 1 : low;
    left = beyond ? left - half - 1 : half;
  }
  return low;
}

static void NAME(search)(void *closure, int64_t begin, int64_t end) {
  const search_job *job = closure;
  for (int64_t i = begin; i < end; i++) {
    const int64_t line = job->row > 0 ? i / job->row * job->length : 0;
    const int64_t place = NAME(place)(job, (const ELEMENT *)job->sequence + line,
                                      job->sorter == NULL ? NULL : job->sorter + line,
                                      NAME(key)(&job->map, ((const ELEMENT *)job->values)[i]));
    if (job->narrow) {
      ((int32_t *)job->places)[i] = (int32_t)place;
    } else {
      ((int64_t *)job->places)[i] = place;
    }
  }
}
