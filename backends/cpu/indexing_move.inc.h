// SPDX-License-Identifier: Apache-2.0
//
// indexing_move.inc: indexed moves of elements, included by indexing.c for each element size
// (every_size).

// Rows [begin, end) of the index, |along.inner| elements each.
static void NAME(gather_rows)(void *closure, int64_t begin, int64_t end) {
  const cpu_indexing *job = closure;
  const ELEMENT *self = (const ELEMENT *)job->self.data;
  const int64_t inner = job->along.inner;
  for (int64_t row = begin; row < end; row++) {
    const ELEMENT *from = self + job->self.outer[row / job->along.length];
    const int64_t *indices = job->indices + row * inner;
    ELEMENT *to = (ELEMENT *)job->result + row * inner;
    for (int64_t j = 0; j < inner; j++) {
      to[j] = from[indices[j] * job->self.step + job->self.inner[j]];
    }
  }
}

// Lines [begin, end): (outer, inner) coordinates. A line's elements are written in order, so of
// equal indices the last one stays.
static void NAME(scatter_lines)(void *closure, int64_t begin, int64_t end) {
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
        to[indices[j] * job->self.step + job->self.inner[j]] =
            from[i * job->other.step + job->other.inner[j]];
      }
    }
    begin += last - first;
  }
}

// Rows [begin, end) of index_select's result, where a run is one element.
static void NAME(select_elements)(void *closure, int64_t begin, int64_t end) {
  const cpu_run_indexing *job = closure;
  for (int64_t row = begin; row < end; row++) {
    const int64_t outer = row / job->index_count, i = row % job->index_count;
    const ELEMENT *from = (const ELEMENT *)job->indexed + outer * job->length;
    ((ELEMENT *)job->rows)[row] = from[job->indices[i]];
  }
}

// Columns [begin, end): (outer, element of a run) coordinates. Slices are written in order, so of
// equal indices the last one's stays.
static void NAME(index_copy_columns)(void *closure, int64_t begin, int64_t end) {
  const cpu_run_indexing *job = closure;
  const int64_t run = job->run;
  while (begin < end) {
    const int64_t outer = begin / run, first = begin % run;
    const int64_t last = first + (end - begin) < run ? first + (end - begin) : run;
    ELEMENT *to = (ELEMENT *)job->indexed + outer * job->length * run;
    const ELEMENT *from = (const ELEMENT *)job->rows + outer * job->index_count * run;
    for (int64_t i = 0; i < job->index_count; i++) {
      ELEMENT *place = to + job->indices[i] * run;
      const ELEMENT *slice = from + i * run;
      for (int64_t j = first; j < last; j++) place[j] = slice[j];
    }
    begin += last - first;
  }
}
