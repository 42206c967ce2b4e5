// SPDX-License-Identifier: Apache-2.0
//
// indexing_add.inc: indexed sums, included by indexing.c for each dtype (every_dtype). Work is
// split so that no two pieces write the same element, and every element's terms come in order.

// Lines [begin, end): (outer, inner) coordinates.
static void NAME(scatter_add_lines)(void *closure, int64_t begin, int64_t end) {
  const cpu_indexing *job = closure;
  const int64_t inner = job->along.inner, length = job->along.length;
  while (begin < end) {
    const int64_t outer = begin / inner, first = begin % inner;
    const int64_t last = first + (end - begin) < inner ? first + (end - begin) : inner;
    ELEMENT *to = (ELEMENT *)job->self.data + job->self.outer[outer];
    const ELEMENT *from = (const ELEMENT *)job->other.data + job->other.outer[outer];
    for (int64_t i = 0; i < length; i++) {
      const int64_t *indices = job->indices + (outer * length + i) * inner;
      for (int64_t j = first; j < last; j++) {
        ELEMENT *sum = to + indices[j] * job->self.step + job->self.inner[j];
        const ELEMENT term = from[i * job->other.step + job->other.inner[j]];
        *sum = ADD_SCALED(*sum, job->alpha, term);
      }
    }
    begin += last - first;
  }
}

// Columns [begin, end): (outer, element of a run) coordinates.
static void NAME(index_add_columns)(void *closure, int64_t begin, int64_t end) {
  const cpu_run_indexing *job = closure;
  const int64_t run = job->run;
  while (begin < end) {
    const int64_t outer = begin / run, first = begin % run;
    const int64_t last = first + (end - begin) < run ? first + (end - begin) : run;
    ELEMENT *to = (ELEMENT *)job->indexed + outer * job->length * run;
    const ELEMENT *from = (const ELEMENT *)job->rows + outer * job->index_count * run;
    for (int64_t i = 0; i < job->index_count; i++) {
      ELEMENT *sums = to + job->indices[i] * run;
      const ELEMENT *terms = from + i * run;
      for (int64_t j = first; j < last; j++) sums[j] = ADD_SCALED(sums[j], job->alpha, terms[j]);
    }
    begin += last - first;
  }
}

// Rows [begin, end) of a table (outer is 1): every piece looks through all indices for its own.
static void NAME(add_to_rows)(void *closure, int64_t begin, int64_t end) {
  const cpu_run_indexing *job = closure;
  const int64_t run = job->run;
  for (int64_t i = 0; i < job->index_count; i++) {
    const int64_t index = job->indices[i];
    if (index < begin || index >= end || index == job->skipped) continue;
    ELEMENT *sums = (ELEMENT *)job->indexed + index * run;
    const ELEMENT *terms = (const ELEMENT *)job->rows + i * run;
    for (int64_t j = 0; j < run; j++) sums[j] = ADD_SCALED(sums[j], job->alpha, terms[j]);
  }
}
