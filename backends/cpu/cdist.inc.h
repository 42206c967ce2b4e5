// SPDX-License-Identifier: Apache-2.0
//
// cdist.inc: distances of two rows and their derivatives, for one element type, included by cdist.c
// with
//   REAL     float or double
//   NAME(x)  x with a suffix
// Both are undefined at the end. The usual norms have loops of their own; others call pow.

enum { NAME(LANES) = 8 };

static double NAME(sum_of_squares)(const REAL *a, const REAL *b, int64_t n) {
  REAL lanes[NAME(LANES)] = {0};
  double total = 0;
  int64_t k = 0;
  for (; k + NAME(LANES) <= n; k += NAME(LANES)) {
    for (int lane = 0; lane < NAME(LANES); lane++) {
      const REAL d = a[k + lane] - b[k + lane];
      lanes[lane] += d * d;
    }
  }
  for (int lane = 0; lane < NAME(LANES); lane++) total += (double)lanes[lane];
  for (; k < n; k++) total += (double)(a[k] - b[k]) * (double)(a[k] - b[k]);
  return total;
}

static double NAME(distance)(const REAL *a, const REAL *b, int64_t n, double p) {
  double total = 0;
  if (p == 2) return sqrt(NAME(sum_of_squares)(a, b, n));
  if (p == 0) {
    for (int64_t k = 0; k < n; k++) total += a[k] != b[k];
    return total;
  }
  if (p == 1) {
    for (int64_t k = 0; k < n; k++) total += fabs((double)a[k] - (double)b[k]);
    return total;
  }
  if (isinf(p)) {
    for (int64_t k = 0; k < n; k++) {
      const double d = fabs((double)a[k] - (double)b[k]);
      if (d > total || d != d) total = d;
    }
    return total;
  }
  for (int64_t k = 0; k < n; k++) total += pow(fabs((double)a[k] - (double)b[k]), p);
  return pow(total, 1 / p);
}

// sums[k] += grad times the derivative of |distance| by a[k].
static void NAME(add_slopes)(const REAL *a, const REAL *b, int64_t n, double p, double grad,
                             double distance, double *sums) {
  if (p == 0 || (distance == 0 && p != 1)) return;
  if (p == 2) {
    const double share = grad / distance;
    for (int64_t k = 0; k < n; k++) sums[k] += share * ((double)a[k] - (double)b[k]);
    return;
  }
  for (int64_t k = 0; k < n; k++) {
    const double d = (double)a[k] - (double)b[k], sign = d > 0 ? 1 : d < 0 ? -1 : d;
    if (p == 1) {
      sums[k] += grad * sign;
    } else if (isinf(p)) {
      sums[k] += (REAL)fabs(d) == (REAL)distance ? grad * sign : 0;
    } else if (d != 0) {
      sums[k] += grad * sign * pow(fabs(d) / distance, p - 1);
    }
  }
}

// Rows [begin, end) of the distances.
static void NAME(distance_rows)(void *closure, int64_t begin, int64_t end) {
  const pairs *w = closure;
  for (int64_t row = begin; row < end; row++) {
    const int64_t batch = row / w->rows[0];
    const REAL *a = (const REAL *)w->x[0] + (w->offsets[0][batch] + row % w->rows[0]) * w->columns;
    const REAL *b = (const REAL *)w->x[1] + w->offsets[1][batch] * w->columns;
    REAL *to = (REAL *)w->result + row * w->rows[1];
    for (int64_t j = 0; j < w->rows[1]; j++) {
      to[j] = (REAL)NAME(distance)(a, b + j * w->columns, w->columns, w->p);
    }
  }
}

static void NAME(slope_rows)(void *closure, int64_t begin, int64_t end) {
  const pairs *w = closure;
  double *sums = cpu_workspace_claim(w->workspaces);
  for (int64_t row = begin; row < end; row++) {
    const int64_t batch = row / w->rows[0];
    const REAL *a = (const REAL *)w->x[0] + (w->offsets[0][batch] + row % w->rows[0]) * w->columns;
    const REAL *b = (const REAL *)w->x[1] + w->offsets[1][batch] * w->columns;
    const REAL *grad = (const REAL *)w->grad + row * w->rows[1];
    const REAL *distance = (const REAL *)w->distance + row * w->rows[1];
    REAL *to = (REAL *)w->result + row * w->columns;
    memset(sums, 0, (size_t)w->columns * sizeof *sums);
    for (int64_t j = 0; j < w->rows[1]; j++) {
      NAME(add_slopes)
      (a, b + j * w->columns, w->columns, w->p, (double)grad[j], (double)distance[j], sums);
    }
    for (int64_t k = 0; k < w->columns; k++) to[k] = (REAL)sums[k];
  }
  cpu_workspace_release(w->workspaces, sums);
}

// Rows [begin, end) of one matrix, each with those after it.
static void NAME(condensed_rows)(void *closure, int64_t begin, int64_t end) {
  const pairs *w = closure;
  for (int64_t i = begin; i < end; i++) {
    const REAL *a = (const REAL *)w->x[0] + i * w->columns;
    REAL *to = (REAL *)w->result + first_pair(w->rows[0], i);
    for (int64_t j = i + 1; j < w->rows[0]; j++) {
      const REAL *b = (const REAL *)w->x[0] + j * w->columns;
      to[j - i - 1] = (REAL)NAME(distance)(a, b, w->columns, w->p);
    }
  }
}

static void NAME(condensed_slopes)(void *closure, int64_t begin, int64_t end) {
  const pairs *w = closure;
  double *sums = cpu_workspace_claim(w->workspaces);
  for (int64_t i = begin; i < end; i++) {
    const REAL *a = (const REAL *)w->x[0] + i * w->columns;
    REAL *to = (REAL *)w->result + i * w->columns;
    memset(sums, 0, (size_t)w->columns * sizeof *sums);
    for (int64_t j = 0; j < w->rows[0]; j++) {
      if (i == j) continue;
      const int64_t low = i < j ? i : j, high = i < j ? j : i;
      const int64_t pair = first_pair(w->rows[0], low) + high - low - 1;
      NAME(add_slopes)
      (a, (const REAL *)w->x[0] + j * w->columns, w->columns, w->p,
       (double)((const REAL *)w->grad)[pair], (double)((const REAL *)w->distance)[pair], sums);
    }
    for (int64_t k = 0; k < w->columns; k++) to[k] = (REAL)sums[k];
  }
  cpu_workspace_release(w->workspaces, sums);
}

#undef REAL
#undef NAME
