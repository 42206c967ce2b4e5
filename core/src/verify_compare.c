// SPDX-License-Identifier: Apache-2.0
//
// verify_compare: whether two kernels' results may both be right. Integers and bool must be equal.
// Floating values may differ by rounding, which is counted in the last place of the coarser dtype:
//
//   float32, float64   32 places: two kernels, each within the 16 that the operators'
//   specifications
//                      allow the least exact of the common functions
//   float16, bfloat16  4 places: both compute in float32 and round at the end
//
// of the element itself, for a pointwise operator without attributes on one or two operands. Others
// add up products, whose errors are relative to what was added and not to a sum that may have
// cancelled: there the places are those of the largest element of the result or of the operands,
// times 1 + log2 of the elements of the largest operand, since no sum has more terms. An infinity
// or NaN must be one on both sides.

#include <math.h>
#include <string.h>

#include "scalar.h"
#include "verify.h"

static double places_of(tn_dtype dtype) { return dtype == TN_F16 || dtype == TN_BF16 ? 4 : 32; }

// The distance from 1 to the next number; 0 for what is exact.
static double epsilon_of(tn_dtype dtype) {
  switch (dtype) {
    case TN_F16:
      return 0x1p-10;
    case TN_BF16:
      return 0x1p-7;
    case TN_F32:
    case TN_C64:
      return 0x1p-23;
    case TN_F64:
    case TN_C128:
      return 0x1p-52;
    default:
      return 0;
  }
}

// ---- numbers -----------------------------------------------------------------------------------

typedef struct number {
  double real, imag;
} number;

static number number_of(tn_scalar scalar) {
  switch (scalar.kind) {
    case TN_SCALAR_FLOAT:
      return (number){scalar.as.f, 0};
    case TN_SCALAR_UINT:
      return (number){(double)scalar.as.u, 0};
    case TN_SCALAR_COMPLEX:
      return (number){scalar.as.c.real, scalar.as.c.imag};
    default:
      return (number){(double)scalar.as.i, 0};
  }
}

static bool is_exact(tn_scalar scalar) {
  return scalar.kind == TN_SCALAR_BOOL || scalar.kind == TN_SCALAR_INT ||
         scalar.kind == TN_SCALAR_UINT;
}

static double magnitude_of(tn_scalar scalar) {
  number n = number_of(scalar);
  double magnitude = n.imag == 0 ? fabs(n.real) : hypot(n.real, n.imag);
  return isfinite(magnitude) ? magnitude : 0;
}

// How far apart two parts are; infinite where one is special and the other not the same.
static double distance(double a, double b) {
  if (a == b || (isnan(a) && isnan(b))) return 0;
  double apart = fabs(a - b);
  return isfinite(apart) ? apart : INFINITY;
}

static double scalar_distance(tn_scalar a, tn_scalar b) {
  if (is_exact(a) && is_exact(b)) {
    bool large = a.kind == TN_SCALAR_UINT || b.kind == TN_SCALAR_UINT;
    if (large && a.kind != b.kind) return INFINITY;
    if (a.as.i == b.as.i) return 0;
    return fmax(1, distance(number_of(a).real, number_of(b).real));
  }
  number x = number_of(a), y = number_of(b);
  return fmax(distance(x.real, y.real), distance(x.imag, y.imag));
}

static tn_scalar element(const tn_tensor *tensor, int64_t i) {
  return tn__scalar_load((const char *)tensor->data + i * tensor->item_bytes,
                         (tn_dtype)tensor->dtype);
}

static double largest(const tn_tensor *tensor) {
  double most = 0;
  for (int64_t i = 0; i < tensor->numel; i++) most = fmax(most, magnitude_of(element(tensor, i)));
  return most;
}

// ---- tolerances --------------------------------------------------------------------------------

static bool is_elementwise(const tn__call *call) {
  const tn_op *op = call->op;
  return (op->def->flags & TN_OP_POINTWISE) != 0 && op->attrs_size == 0 && call->input_count <= 2;
}

tn__tolerance tn__tolerance_of(const tn__call *call, tn_tensor *const *operands, double rtol) {
  tn__tolerance tolerance = {rtol, 0, 1};
  if (is_elementwise(call)) return tolerance;
  double read = 1;
  for (int32_t i = 0; i < call->input_count; i++) {
    const tn_tensor *operand = operands[i];
    if (tn__is_none(operand) || epsilon_of((tn_dtype)operand->dtype) == 0) continue;
    read = fmax(read, (double)operand->numel);
    tolerance.scale = fmax(tolerance.scale, largest(operand));
  }
  if (!(call->op->def->flags & TN_OP_POINTWISE)) tolerance.terms = 1 + log2(read);
  return tolerance;
}

// ---- comparing ---------------------------------------------------------------------------------

static const char *form_differs(const tn_tensor *ours, const tn_tensor *theirs) {
  bool same = ours->rank == theirs->rank &&
              memcmp(ours->sizes, theirs->sizes, sizeof(int64_t) * ours->rank) == 0;
  return same ? NULL : "the shapes differ";
}

void tn__compare(const tn_tensor *ours, const tn_tensor *theirs, int32_t result,
                 tn__tolerance tolerance, tn__difference *difference) {
  const char *form = form_differs(ours, theirs);
  if (form != NULL) {
    *difference = (tn__difference){.found = true, .form = form, .result = result};
    return;
  }
  double a = epsilon_of((tn_dtype)ours->dtype), b = epsilon_of((tn_dtype)theirs->dtype);
  tn_dtype coarse = (tn_dtype)(a >= b ? ours->dtype : theirs->dtype);
  double rtol = tolerance.rtol > 0 && fmax(a, b) > 0
                    ? tolerance.rtol
                    : places_of(coarse) * fmax(a, b) * tolerance.terms;
  double scale = tolerance.scale > 0 ? fmax(tolerance.scale, largest(theirs)) : 0;
  double worst = 0;
  int64_t count = 0;
  for (int64_t i = 0; i < ours->numel; i++) {
    tn_scalar x = element(ours, i), y = element(theirs, i);
    double apart = scalar_distance(x, y);
    if (apart == 0) continue;
    double allowed = rtol * fmax(scale, fmax(magnitude_of(x), magnitude_of(y)));
    if (apart <= allowed) continue;
    count++;
    double excess = allowed > 0 ? apart / allowed : INFINITY;
    if (excess <= worst) continue;
    worst = excess;
    if (difference->found && difference->result != result) continue;
    *difference = (tn__difference){
        .found = true, .result = result, .element = i, .ours = x, .theirs = y, .allowed = allowed};
  }
  if (count > 0 && difference->result == result) difference->count = count;
}
