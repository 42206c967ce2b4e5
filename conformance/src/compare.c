// SPDX-License-Identifier: Apache-2.0
//
// compare: results against what the reference says. Shapes and dtypes must be equal. A floating
// value may differ by the spec's tolerance, counted in units in the last place of the result's
// dtype at the larger of the value and its scale; everything else must be the reference, rounded.

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kit.h"
#include "numbers.h"

static void write_shape(const tn_operand *operand, char *text, size_t size) {
  int used = snprintf(text, size, "%s[", tn_dtype_name(operand->dtype));
  for (int32_t d = 0; d < operand->ndim && (size_t)used < size; d++) {
    used += snprintf(text + used, size - (size_t)used, "%s%" PRId64, d > 0 ? "," : "",
                     operand->sizes[d]);
  }
  if ((size_t)used < size) snprintf(text + used, size - (size_t)used, "]");
}

static bool same_form(const tn_operand *a, const tn_operand *b) {
  return a->dtype == b->dtype && a->ndim == b->ndim &&
         memcmp(a->sizes, b->sizes, sizeof(int64_t) * (size_t)a->ndim) == 0;
}

static double tolerance(const tn_op_spec *spec, tn_dtype dtype, double want, double scale,
                        double more_ulps) {
  if (!tn_dtype_is_floating(dtype) && !tn_dtype_is_complex(dtype)) return 0;
  bool half = tn_dtype_in(dtype, TN_DTYPES_HALF);
  double ulps = half && spec->half_ulps > 0 ? spec->half_ulps : spec->ulps;
  if (tn_dtype_is_complex(dtype) && spec->complex_ulps > 0) ulps = spec->complex_ulps;
  ulps += more_ulps;
  double magnitude = fmax(fabs(want), scale);
  return ulps * tn__ulp(magnitude, dtype);
}

// Whether |got| may stand for the exact |want|.
static bool agrees(double got, double want, tn_dtype dtype, double allowed) {
  double rounded = tn_reference_round(want, dtype);
  if (got == rounded || (isnan(got) && isnan(want))) return true;
  if (isnan(got) || isnan(want) || isinf(want)) return false;
  // Near the largest value rounding may or may not have overflowed.
  if (isinf(got))
    return isinf(tn_reference_round(want + copysign(allowed, want), dtype)) && got * want > 0;
  return fabs(got - want) <= allowed;
}

// Complex numbers with imaginary parts. How NaN and infinities mix in products is nobody's business
// (C leaves it open too): what is not finite must give something that is not.
static const char *compare_complex(const tn_op_spec *spec, const tn_operand *got,
                                   const tn_operand *want, const double *scales, double more_ulps,
                                   char *text, size_t size) {
  tn_dtype dtype = got->dtype;
  for (int64_t i = 0; i < got->numel; i++) {
    double re = got->values[i], im = got->imag[i];
    double want_re = want->values[i], want_im = want->imag[i];
    double scale = scales == NULL ? 0 : scales[i];
    double allowed = tolerance(spec, dtype, hypot(want_re, want_im), scale, more_ulps);
    bool finite = isfinite(want_re) && isfinite(want_im);
    if (agrees(re, want_re, dtype, 0) && agrees(im, want_im, dtype, 0)) continue;
    if (!finite && !(isfinite(re) && isfinite(im))) continue;
    if (finite && hypot(re - want_re, im - want_im) <= allowed) continue;
    snprintf(text, size,
             "element %" PRId64 " of %" PRId64 ": got %.9g%+.9gi, expected %.9g%+.9gi +- %.3g", i,
             got->numel, re, im, tn_reference_round(want_re, dtype),
             tn_reference_round(want_im, dtype), allowed);
    return text;
  }
  return NULL;
}

static const char *compare_values(const tn_op_spec *spec, const tn_operand *got,
                                  const tn_operand *want, const double *scales, double more_ulps,
                                  char *text, size_t size) {
  for (int64_t i = 0; i < got->numel; i++) {
    double scale = scales == NULL ? 0 : scales[i];
    double value = got->imag == NULL ? got->values[i] : tn__as_real(got->values[i], got->imag[i]);
    // What an integer makes of NaN or an infinity is nobody's business.
    if (tn_dtype_is_integer(got->dtype) && !isfinite(want->values[i])) continue;
    double allowed = tolerance(spec, got->dtype, want->values[i], scale, more_ulps);
    if (agrees(value, want->values[i], got->dtype, allowed)) continue;
    snprintf(text, size, "element %" PRId64 " of %" PRId64 ": got %.9g, expected %.9g +- %.3g", i,
             got->numel, value, tn_reference_round(want->values[i], got->dtype), allowed);
    return text;
  }
  return NULL;
}

const char *tn__compare(const tn_op_spec *spec, const tn__outcome *outcome,
                        const tn_expected *expected, double more_ulps, char *text,
                        size_t text_size) {
  if (outcome->count != expected->count) {
    snprintf(text, text_size, "%d results, expected %d", outcome->count, expected->count);
    return text;
  }
  for (int32_t k = 0; k < expected->count; k++) {
    const tn_operand *got = &outcome->results[k], *want = &expected->results[k];
    if (!same_form(got, want)) {
      char got_shape[96], want_shape[96];
      write_shape(got, got_shape, sizeof got_shape);
      write_shape(want, want_shape, sizeof want_shape);
      snprintf(text, text_size, "result %d is %s, expected %s", k, got_shape, want_shape);
      return text;
    }
    if (spec->flags & TN_SPEC_UNSPECIFIED_VALUES) continue;
    char difference[256];
    bool parts = got->imag != NULL && want->imag != NULL;
    const char *wrong = (parts ? compare_complex : compare_values)(
        spec, got, want, expected->scales[k], more_ulps, difference, sizeof difference);
    if (wrong == NULL) continue;
    snprintf(text, text_size, "result %d, %s", k, difference);
    return text;
  }
  return NULL;
}

bool tn__same_bits(const tn__outcome *a, const tn__outcome *b) {
  if (a->status != b->status || a->count != b->count) return false;
  for (int32_t k = 0; k < a->count; k++) {
    size_t total = (size_t)a->results[k].numel * (size_t)tn_dtype_size(a->results[k].dtype);
    if (!same_form(&a->results[k], &b->results[k])) return false;
    if (memcmp(a->bytes[k], b->bytes[k], total) != 0) return false;
  }
  return true;
}
