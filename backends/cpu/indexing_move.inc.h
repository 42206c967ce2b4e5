// SPDX-License-Identifier: Apache-2.0
//
// indexing_move.inc: indexed moves of elements, included by indexing.c for each element size
// (every_size).

// gather_rows where each row is one element: the common case of the last dimension.
static void NAME(gather_elements)(const cpu_indexing *job, int64_t begin, int64_t end) {
  const int64_t length = job->along.length, step = job->self.step;
  ELEMENT *to = (ELEMENT *)job->result;
  while (begin < end) {
    const int64_t outer = begin / length, stop = (outer + 1) * length;
    const int64_t last = stop < end ? stop : end;
    const ELEMENT *from =
        (const ELEMENT *)job->self.data + job->self.outer[outer] + job->self.inner[0];
    for (int64_t i = begin; i < last; i++) to[i] = from[job->indices[i] * step];
    begin = last;
  }
}

// Rows [begin, end) of the index, |along.inner| elements each.
static void NAME(gather_rows)(void *closure, int64_t begin, int64_t end) {
  const cpu_indexing *job = closure;
  const ELEMENT *self = (const ELEMENT *)job->self.data;
  const int64_t inner = job->along.inner;
  if (inner == 1) {
    NAME(gather_elements)(job, begin, end);
    return;
  }
  for (int64_t row = begin; row < end; row++) {
    const ELEMENT *from = self + job->self.outer[row / job->along.length];
    const int64_t *indices = job->indices + row * inner;
    ELEMENT *to = (ELEMENT *)job->result + row * inner;
    for (int64_t j = 0; j < inner; j++) {
      to[j] = from[indices[j] * job->self.step + job->self.inner[j]];
    }
  }
}

// scatter_lines where lines lie one behind the other: of the last dimension.
static void NAME(scatter_last)(const cpu_indexing *job, int64_t begin, int64_t end) {
  const int64_t length = job->along.length;
  for (int64_t outer = begin; outer < end; outer++) {
    ELEMENT *to = (ELEMENT *)job->self.data + job->self.outer[outer] + job->self.inner[0];
    const ELEMENT *from =
        (const ELEMENT *)job->other.data + job->other.outer[outer] + job->other.inner[0];
    const int64_t *indices = job->indices + outer * length;
    for (int64_t i = 0; i < length; i++) {
      to[indices[i] * job->self.step] = from[i * job->other.step];
    }
  }
}

// Lines [begin, end): (outer, inner) coordinates. A line's elements are written in order, so of
// equal indices the last one stays.
static void NAME(scatter_lines)(void *closure, int64_t begin, int64_t end) {
  const cpu_indexing *job = closure;
  const int64_t inner = job->along.inner, length = job->along.length;
  if (inner == 1) {
    NAME(scatter_last)(job, begin, end);
    return;
  }
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
  const int64_t count = job->index_count;
  while (begin < end) {
    const int64_t outer = begin / count, first = begin - outer * count;
    const int64_t last = first + (end - begin) < count ? first + (end - begin) : count;
    const ELEMENT *from = (const ELEMENT *)job->indexed + outer * job->length;
    ELEMENT *to = (ELEMENT *)job->rows + outer * count;
    for (int64_t i = first; i < last; i++) to[i] = from[job->indices[i]];
    begin += last - first;
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
