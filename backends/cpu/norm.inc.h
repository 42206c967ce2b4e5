// SPDX-License-Identifier: Apache-2.0
//
// norm.inc: the loops of norm.h for one element type, included by norm.simd.c with
//   REAL     float or double
//   NAME(x)  x with a suffix for type and instruction set
// Both are undefined at the end. A long sum is made in blocks of BLOCK elements, each in LANES
// partial sums of REAL.

enum { NAME(LANES) = 16, NAME(BLOCK) = 1024 };
#define LANES NAME(LANES)
#define BLOCK NAME(BLOCK)

static double NAME(joined)(const REAL *lanes) {
  double total = 0;
  for (int lane = 0; lane < LANES; lane++) total += (double)lanes[lane];
  return total;
}

static double NAME(block_sum)(const REAL *x, int64_t n) {
  REAL lanes[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) lanes[lane] += x[i + lane];
  }
  for (int lane = 0; i < n; i++, lane++) lanes[lane] += x[i];
  return NAME(joined)(lanes);
}

static double NAME(block_squares)(const REAL *x, int64_t n, REAL mean) {
  REAL lanes[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) {
      const REAL d = x[i + lane] - mean;
      lanes[lane] += d * d;
    }
  }
  for (int lane = 0; i < n; i++, lane++) lanes[lane] += (x[i] - mean) * (x[i] - mean);
  return NAME(joined)(lanes);
}

// Each sum has a loop of its own: lanes of two in one loop do not stay in vector registers.
static double NAME(block_product)(const REAL *g, const REAL *x, int64_t n, REAL mean) {
  REAL lanes[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) {
      lanes[lane] += g[i + lane] * (x[i + lane] - mean);
    }
  }
  for (int lane = 0; i < n; i++, lane++) lanes[lane] += g[i] * (x[i] - mean);
  return NAME(joined)(lanes);
}

static int64_t NAME(block_length)(int64_t left) { return left < BLOCK ? left : BLOCK; }

// ---- planes ------------------------------------------------------------------------------------

static void NAME(plane_sums)(const void *from, int64_t planes, int64_t space, double *sums) {
  const REAL *x = from;
  if (space == 1) {
    for (int64_t p = 0; p < planes; p++) sums[p] += (double)x[p];
    return;
  }
  for (int64_t p = 0; p < planes; p++, x += space) {
    for (int64_t at = 0; at < space; at += BLOCK) {
      sums[p] += NAME(block_sum)(x + at, NAME(block_length)(space - at));
    }
  }
}

// The mean is rounded to REAL for the deviations; what that leaves out is put right afterwards by
// the caller, who knows it to be sum (x - m)^2 = sum (x - mean)^2 + n (mean - m)^2.
static void NAME(plane_squares)(const void *from, int64_t planes, int64_t space, const double *mean,
                                double *squares) {
  const REAL *x = from;
  if (space == 1) {
    for (int64_t p = 0; p < planes; p++) {
      const double d = (double)x[p] - mean[p];
      squares[p] += d * d;
    }
    return;
  }
  for (int64_t p = 0; p < planes; p++, x += space) {
    const double slip = mean[p] - (double)(REAL)mean[p];
    double total = 0;
    for (int64_t at = 0; at < space; at += BLOCK) {
      total += NAME(block_squares)(x + at, NAME(block_length)(space - at), (REAL)mean[p]);
    }
    squares[p] += total - slip * slip * (double)space;
  }
}

static void NAME(plane_products)(const void *grad, const void *from, int64_t planes, int64_t space,
                                 const double *mean, double *sums, double *products) {
  const REAL *g = grad, *x = from;
  if (space == 1) {
    for (int64_t p = 0; p < planes; p++) {
      sums[p] += (double)g[p];
      products[p] += (double)g[p] * ((double)x[p] - mean[p]);
    }
    return;
  }
  for (int64_t p = 0; p < planes; p++, x += space, g += space) {
    for (int64_t at = 0; at < space; at += BLOCK) {
      const int64_t n = NAME(block_length)(space - at);
      sums[p] += NAME(block_sum)(g + at, n);
      products[p] += NAME(block_product)(g + at, x + at, n, (REAL)mean[p]);
    }
  }
}

static void NAME(plane_affine)(const void *from, void *to, int64_t planes, int64_t space,
                               const double *mean, const double *scale, const double *shift) {
  const REAL *x = from;
  REAL *y = to;
  for (int64_t p = 0; p < planes; p++, x += space, y += space) {
    const REAL m = (REAL)mean[p], a = (REAL)scale[p], b = (REAL)shift[p];
    CPU_INDEPENDENT
    for (int64_t i = 0; i < space; i++) y[i] = (x[i] - m) * a + b;
  }
}

static void NAME(plane_gradient)(const void *grad, const void *from, void *to, int64_t planes,
                                 int64_t space, const double *mean, const double *a,
                                 const double *b, const double *c) {
  const REAL *g = grad, *x = from;
  REAL *dx = to;
  for (int64_t p = 0; p < planes; p++, x += space, g += space, dx += space) {
    const REAL m = (REAL)mean[p], ap = (REAL)a[p], bp = (REAL)b[p], cp = (REAL)c[p];
    CPU_INDEPENDENT
    for (int64_t i = 0; i < space; i++) dx[i] = g[i] * ap + (x[i] - m) * bp + cp;
  }
}

// ---- rows --------------------------------------------------------------------------------------

static void NAME(row_affine)(const void *from, void *to, int64_t count, double mean, double scale,
                             const void *weights, const void *biases) {
  const REAL *x = from, *w = weights, *b = biases;
  const REAL m = (REAL)mean, s = (REAL)scale;
  REAL *y = to;
  if (w != NULL && b != NULL) {
    CPU_INDEPENDENT
    for (int64_t i = 0; i < count; i++) y[i] = (x[i] - m) * s * w[i] + b[i];
  } else if (w != NULL) {
    CPU_INDEPENDENT
    for (int64_t i = 0; i < count; i++) y[i] = (x[i] - m) * s * w[i];
  } else if (b != NULL) {
    CPU_INDEPENDENT
    for (int64_t i = 0; i < count; i++) y[i] = (x[i] - m) * s + b[i];
  } else {
    CPU_INDEPENDENT
    for (int64_t i = 0; i < count; i++) y[i] = (x[i] - m) * s;
  }
}

static double NAME(weighted_sum)(const REAL *g, const REAL *w, int64_t n) {
  REAL lanes[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) lanes[lane] += g[i + lane] * w[i + lane];
  }
  for (int lane = 0; i < n; i++, lane++) lanes[lane] += g[i] * w[i];
  return NAME(joined)(lanes);
}

static double NAME(weighted_product)(const REAL *g, const REAL *x, const REAL *w, int64_t n,
                                     REAL mean) {
  REAL lanes[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) {
      lanes[lane] += g[i + lane] * w[i + lane] * (x[i + lane] - mean);
    }
  }
  for (int lane = 0; i < n; i++, lane++) lanes[lane] += g[i] * w[i] * (x[i] - mean);
  return NAME(joined)(lanes);
}

static void NAME(row_gradient)(const void *grad, const void *from, void *to, int64_t count,
                               double mean, double rstd, const void *weights) {
  const REAL *g = grad, *x = from, *w = weights;
  REAL *dx = to;
  double sum = 0, product = 0;
  for (int64_t at = 0; at < count; at += BLOCK) {
    const int64_t n = NAME(block_length)(count - at);
    if (w != NULL) {
      sum += NAME(weighted_sum)(g + at, w + at, n);
      product += NAME(weighted_product)(g + at, x + at, w + at, n, (REAL)mean);
    } else {
      sum += NAME(block_sum)(g + at, n);
      product += NAME(block_product)(g + at, x + at, n, (REAL)mean);
    }
  }
  const REAL m = (REAL)mean, a = (REAL)rstd, c = (REAL)(-rstd * sum / (double)count);
  const REAL b = (REAL)(-rstd * rstd * rstd * product / (double)count);
  if (w != NULL) {
    CPU_INDEPENDENT
    for (int64_t i = 0; i < count; i++) dx[i] = g[i] * w[i] * a + (x[i] - m) * b + c;
  } else {
    CPU_INDEPENDENT
    for (int64_t i = 0; i < count; i++) dx[i] = g[i] * a + (x[i] - m) * b + c;
  }
}

static void NAME(row_products)(const void *grad, const void *from, int64_t count, double mean,
                               double rstd, void *sums, void *products) {
  const REAL *g = grad, *x = from;
  const REAL m = (REAL)mean, s = (REAL)rstd;
  REAL *sum = sums, *product = products;
  CPU_INDEPENDENT
  for (int64_t k = 0; k < count; k++) {
    sum[k] += g[k];
    product[k] += g[k] * ((x[k] - m) * s);
  }
}

static void NAME(column_totals)(const void *partials, int64_t parts, int64_t stride,
                                int64_t columns, double *totals) {
  const REAL *from = partials;
  for (int64_t k = 0; k < columns; k++) totals[k] = 0;
  for (int64_t part = 0; part < parts; part++, from += stride) {
    for (int64_t k = 0; k < columns; k++) totals[k] += (double)from[k];
  }
}

// ---- single numbers ----------------------------------------------------------------------------

static double NAME(load)(const void *from, int64_t index) {
  return (double)((const REAL *)from)[index];
}

static void NAME(store)(void *to, int64_t index, double value) {
  ((REAL *)to)[index] = (REAL)value;
}

const cpu_norm_loops NAME(cpu_norm) = {
    NAME(plane_sums),     NAME(plane_squares), NAME(plane_products), NAME(plane_affine),
    NAME(plane_gradient), NAME(row_affine),    NAME(row_gradient),   NAME(row_products),
    NAME(column_totals),  NAME(load),          NAME(store)};

#undef LANES
#undef BLOCK
#undef REAL
#undef NAME
