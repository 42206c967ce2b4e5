// SPDX-License-Identifier: Apache-2.0
//
// matmul_complex.inc: rows of a complex matrix product, included by matmul.c with
//   ELEMENT         tn_complex64 or tn_complex128, of components PART
//   SIMPLE_NAME(x)  x with a suffix
// All are undefined at the end. A product is written out in its four real ones, without the C
// standard's extra treatment of infinities, which would cost a function call each.

// Rows [begin, end) of all matrices of the batch.
static void SIMPLE_NAME(multiply_rows)(void *closure, int64_t begin, int64_t end) {
  const simple_job *job = closure;
  const matrix a = job->work->a, b = job->work->b, c = job->work->c;
  const ELEMENT alpha = {(PART)job->alpha.c.real, (PART)job->alpha.c.imag};
  const ELEMENT beta = {(PART)job->beta.c.real, (PART)job->beta.c.imag};
  for (int64_t r = begin; r < end; r++) {
    const int64_t batch = r / c.rows, i = r % c.rows;
    const ELEMENT *row_a = (const ELEMENT *)a.data + batch * a.step + i * a.row;
    const ELEMENT *all_b = (const ELEMENT *)b.data + batch * b.step;
    ELEMENT *row_c = (ELEMENT *)c.data + batch * c.step + i * c.row;
    for (int64_t first = 0; first < c.cols; first += STRIP) {
      const int64_t width = c.cols - first < STRIP ? c.cols - first : STRIP;
      PART real[STRIP] = {0}, imag[STRIP] = {0};
      for (int64_t p = 0; p < a.cols; p++) {
        const ELEMENT x = row_a[p * a.col];
        const ELEMENT *row_b = all_b + p * b.row + first * b.col;
        for (int64_t j = 0; j < width; j++) {
          const ELEMENT y = row_b[j * b.col];
          real[j] += x.real * y.real - x.imag * y.imag;
          imag[j] += x.real * y.imag + x.imag * y.real;
        }
      }
      for (int64_t j = 0; j < width; j++) {
        ELEMENT *to = row_c + (first + j) * c.col;
        ELEMENT value = {alpha.real * real[j] - alpha.imag * imag[j],
                         alpha.real * imag[j] + alpha.imag * real[j]};
        if (beta.real != 0 || beta.imag != 0) {
          value.real += beta.real * to->real - beta.imag * to->imag;
          value.imag += beta.real * to->imag + beta.imag * to->real;
        }
        *to = value;
      }
    }
  }
}

#undef ELEMENT
#undef PART
#undef SIMPLE_NAME
