// SPDX-License-Identifier: Apache-2.0
//
// matmul_integer.inc: rows of an integer matrix product, included by matmul.c with
//   ELEMENT         an unsigned type; sums wrap in it
//   SIMPLE_NAME(x)  x with a suffix
// Both are undefined at the end. A strip of a row's sums is kept while the rows of B pass by.

// Rows [begin, end) of all matrices of the batch.
static void SIMPLE_NAME(multiply_rows)(void *closure, int64_t begin, int64_t end) {
  const simple_job *job = closure;
  const matrix a = job->work->a, b = job->work->b, c = job->work->c;
  const uint64_t alpha = job->alpha.u, beta = job->beta.u;
  for (int64_t r = begin; r < end; r++) {
    const int64_t batch = r / c.rows, i = r % c.rows;
    const ELEMENT *row_a = (const ELEMENT *)a.data + batch * a.step + i * a.row;
    const ELEMENT *all_b = (const ELEMENT *)b.data + batch * b.step;
    ELEMENT *row_c = (ELEMENT *)c.data + batch * c.step + i * c.row;
    for (int64_t first = 0; first < c.cols; first += STRIP) {
      const int64_t width = c.cols - first < STRIP ? c.cols - first : STRIP;
      uint64_t sums[STRIP] = {0};
      for (int64_t p = 0; p < a.cols; p++) {
        const uint64_t factor = row_a[p * a.col];
        const ELEMENT *row_b = all_b + p * b.row + first * b.col;
        for (int64_t j = 0; j < width; j++) sums[j] += factor * row_b[j * b.col];
      }
      for (int64_t j = 0; j < width; j++) {
        ELEMENT *to = row_c + (first + j) * c.col;
        const uint64_t kept = beta == 0 ? 0 : beta * *to;
        *to = (ELEMENT)(alpha * sums[j] + kept);
      }
    }
  }
}

#undef ELEMENT
#undef SIMPLE_NAME
