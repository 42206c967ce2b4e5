// SPDX-License-Identifier: Apache-2.0
//
// vecmath: elementary functions without branches, which a compiler turns into vector code. Included
// by vecmath.h once for float and once for double with
//   REAL, INT, UINT  the type and the integers of its size     BITS, FROM_BITS  its representation
//   MANTISSA, BIAS   of its format                             FN(name)         name_f32, name_f64
//   MAGIC            1.5 * 2^MANTISSA: adding it rounds to an integer, which the low bits then hold
//   LN2_HIGH/LOW     ln 2 in two parts; an exponent times LN2_HIGH is exact
//   EXPM1_POLY(r)    q with e^r - 1 = r + r^2 q(r) for |r| <= ln(2) / 2
//   LOG_POLY(z)      p with log((1 + s) / (1 - s)) = 2 s + s z p(z), z = s^2, |s| <= 0.1716
// The polynomials are minimax fits with rounded coefficients. Products are arranged so that
// fusing them with sums is allowed and never needed. Not a number, infinities, signed zeros and
// subnormals are as C's Annex F has them.

// A power of two from its biased exponent.
CPU_INLINE REAL FN(power_of_two)(UINT biased) { return FROM_BITS((UINT)(biased << MANTISSA)); }

CPU_INLINE REAL FN(magnitude)(REAL x) {
  return FROM_BITS(BITS(x) & (UINT) ~((UINT)1 << (8 * sizeof(UINT) - 1)));
}

CPU_INLINE REAL FN(with_sign_of)(REAL x, REAL sign) {
  const UINT sign_bit = (UINT)1 << (8 * sizeof(UINT) - 1);
  return FROM_BITS((UINT)((BITS(x) & (UINT)~sign_bit) | (BITS(sign) & sign_bit)));
}

// x = n ln 2 + r; returns r and n as what was added to MAGIC.
CPU_INLINE REAL FN(reduce_by_ln2)(REAL x, REAL *shifted) {
  *shifted = x * LOG2_E + MAGIC;
  const REAL n = *shifted - MAGIC;
  return (x - n * LN2_HIGH) - n * LN2_LOW;
}

// The power of two is applied in two halves, so that overflow and subnormals round once.
CPU_INLINE REAL FN(vec_exp)(REAL x) {
  REAL bounded = x < EXP_LOWEST ? EXP_LOWEST : x;
  bounded = bounded > EXP_HIGHEST ? EXP_HIGHEST : bounded;
  REAL shifted;
  const REAL r = FN(reduce_by_ln2)(bounded, &shifted);
  const REAL p = (REAL)1 + (r + r * r * EXPM1_POLY(r));
  const UINT n = BITS(shifted) - BITS(MAGIC) + 4 * BIAS;  // positive
  const UINT half = n >> 1;
  return p * FN(power_of_two)(half - BIAS) * FN(power_of_two)(n - half - BIAS);
}

// e^x - 1 = 2 (2^(n-1) p + 2^(n-1) - 1/2), p = e^r - 1. Exact scaling makes n = 0 give p itself.
CPU_INLINE REAL FN(vec_expm1)(REAL x) {
  REAL bounded = x < EXPM1_LOWEST ? EXPM1_LOWEST : x;
  bounded = bounded > EXP_HIGHEST ? EXP_HIGHEST : bounded;
  REAL shifted;
  const REAL r = FN(reduce_by_ln2)(bounded, &shifted);
  const REAL p = r + r * r * EXPM1_POLY(r);
  const REAL scale = FN(power_of_two)(BITS(shifted) - BITS(MAGIC) + BIAS - 1);
  const REAL half = scale * p + (scale - (REAL)0.5);
  return FN(with_sign_of)(half + half, x);
}

// log(u) + c for a positive, normal u and a small correction c.
CPU_INLINE REAL FN(log_core)(REAL u, REAL exponent_offset, REAL c) {
  const UINT moved = BITS(u) + (BITS((REAL)1) - BITS(SQRT_HALF));
  const UINT fraction = ((UINT)1 << MANTISSA) - 1;
  const REAL m = FROM_BITS((moved & fraction) + BITS(SQRT_HALF));
  const REAL k = (FROM_BITS(BITS(MAGIC) + (moved >> MANTISSA)) - MAGIC) - (BIAS + exponent_offset);
  const REAL f = m - (REAL)1;
  const REAL s = f / ((REAL)2 + f);
  const REAL z = s * s;
  const REAL half_square = (REAL)0.5 * f * f;
  const REAL tail = s * (half_square + z * LOG_POLY(z)) + (k * LN2_LOW + c);
  return k * LN2_HIGH - ((half_square - tail) - f);
}

CPU_INLINE REAL FN(vec_log)(REAL x) {
  const int subnormal = x < SMALLEST_NORMAL;
  const REAL u = subnormal ? x * TO_NORMAL : x;
  const REAL y = FN(log_core)(u, subnormal ? TO_NORMAL_LOG2 : (REAL)0, (REAL)0);
  const REAL positive = x < INFINITY_REAL ? y : x;
  const REAL other = x == (REAL)0 ? -INFINITY_REAL : NAN_REAL;
  return x > (REAL)0 ? positive : other;
}

// u = 1 + x rounded; what was lost, relative to u, is added to log(u).
CPU_INLINE REAL FN(vec_log1p)(REAL x) {
  const REAL u = (REAL)1 + x;
  const REAL back = u - (REAL)1;
  const REAL lost = ((REAL)1 - (u - back)) + (x - back);
  const REAL y = FN(log_core)(u, (REAL)0, lost / u);
  const REAL inside = x < INFINITY_REAL ? y : x;
  const REAL other = x == (REAL)-1 ? -INFINITY_REAL : NAN_REAL;
  const REAL result = x > (REAL)-1 ? inside : other;
  return x == (REAL)0 ? x : result;
}

// With t = e^(2|x|) - 1: tanh |x| = t / (t + 2), and where that is above 1/2 better 1 - 2 / (t +
// 2), which an error of t hardly moves. What rounding t + 2 lost is made up for to first order; 1 /
// (t + 2) is half of q or of 1 - q.
CPU_INLINE REAL FN(vec_tanh)(REAL x) {
  const REAL a = (REAL)2 * FN(magnitude)(x);
  const REAL t = FN(vec_expm1)(a > (REAL)64 ? (REAL)64 : a);
  const REAL d = t + (REAL)2;
  const REAL lost = t - (d - (REAL)2);
  const int far = t > (REAL)2;
  const REAL rounded = (far ? (REAL)2 : t) / d;
  const REAL q = rounded - rounded * lost * ((REAL)0.5 * (far ? rounded : (REAL)1 - rounded));
  return FN(with_sign_of)(far ? (REAL)1 - q : q, x);
}

// Never e^(+large): q = 1 / (1 + z) or z / (1 + z) with z = e^-|x|. What rounding 1 + z lost is
// made up for to first order; 1 / (1 + z) is q or 1 - q.
CPU_INLINE REAL FN(vec_sigmoid)(REAL x) {
  const REAL z = FN(vec_exp)(-FN(magnitude)(x));
  const REAL d = (REAL)1 + z;
  const REAL lost = z - (d - (REAL)1);
  const int negative = x < (REAL)0;
  const REAL q = (negative ? z : (REAL)1) / d;
  return q - q * lost * (negative ? (REAL)1 - q : q);
}

#undef REAL
#undef INT
#undef UINT
#undef BITS
#undef FROM_BITS
#undef FN
#undef MANTISSA
#undef BIAS
#undef MAGIC
#undef LOG2_E
#undef LN2_HIGH
#undef LN2_LOW
#undef EXPM1_POLY
#undef LOG_POLY
#undef EXP_LOWEST
#undef EXP_HIGHEST
#undef EXPM1_LOWEST
#undef SQRT_HALF
#undef SMALLEST_NORMAL
#undef TO_NORMAL
#undef TO_NORMAL_LOG2
#undef INFINITY_REAL
#undef NAN_REAL
