// SPDX-License-Identifier: Apache-2.0
//
// vecmath: the elementary functions that pointwise loops call, written so that the loop around them
// becomes vector code on every instruction set: vec_<name>_f32 and vec_<name>_f64. Where double has
// no entry here, loops call the C library. Largest errors found, in units in the last place:
//   float, every 97th value: exp 0.98, expm1 1.42, log 0.79, log1p 0.75, tanh 1.89, sigmoid 1.87,
//   erf 1.21, sin, cos and pow 0.50
//   double, a million values each: exp 0.95, expm1 1.9, log 0.78, log1p 0.82, tanh 2.3, sigmoid 1.8

#ifndef TENON_CPU_VECMATH_H_
#define TENON_CPU_VECMATH_H_

#include <float.h>
#include <math.h>

#include "pointwise.h"

CPU_INLINE uint64_t cpu_f64_bits(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

CPU_INLINE double cpu_f64_from_bits(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

#define REAL float
#define INT int32_t
#define UINT uint32_t
#define BITS tn_f32_bits
#define FROM_BITS tn_f32_from_bits
#define FN(name) name##_f32
#define MANTISSA 23
#define BIAS 127
#define MAGIC 0x1.8p23f
#define LOG2_E 1.44269504f
#define LN2_HIGH 0x1.62e4p-1f
#define LN2_LOW 1.42860677e-06f
#define EXPM1_POLY(r)                   \
  (0.5f + (r) * (0.16666667f +          \
                 (r) * (0x1.5554fp-5f + \
                        (r) * (0x1.110fep-7f + (r) * (0x1.6d43acp-10f + (r)*0x1.a29384p-13f)))))
#define LOG_POLY(z) \
  (0x1.555556p-1f + (z) * (0x1.999916p-2f + (z) * (0x1.2482e8p-2f + (z)*0x1.d96526p-3f)))
#define EXP_LOWEST -105.0f
#define EXP_HIGHEST 89.0f
#define EXPM1_LOWEST -20.0f
#define SQRT_HALF 0.70710678f
#define SMALLEST_NORMAL FLT_MIN
#define TO_NORMAL 0x1p25f
#define TO_NORMAL_LOG2 25.0f
#define INFINITY_REAL INFINITY
#define NAN_REAL NAN
#include "vecmath.inc.h"

#define REAL double
#define INT int64_t
#define UINT uint64_t
#define BITS cpu_f64_bits
#define FROM_BITS cpu_f64_from_bits
#define FN(name) name##_f64
#define MANTISSA 52
#define BIAS 1023
#define MAGIC 0x1.8p52
#define LOG2_E 1.4426950408889634
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 1.9082149292705877e-10
#define EXPM1_POLY(r)                                                                 \
  (0.5 +                                                                              \
   (r) *                                                                              \
       (0x1.5555555555559p-3 +                                                        \
        (r) *                                                                         \
            (0x1.5555555555557p-5 +                                                   \
             (r) * (0x1.111111110f63ep-7 +                                            \
                    (r) * (0x1.6c16c16c15770p-10 +                                    \
                           (r) * (0x1.a01a01b013e3ep-13 +                             \
                                  (r) * (0x1.a01a01ab1cbe6p-16 +                      \
                                         (r) * (0x1.71ddf7d6624bep-19 +               \
                                                (r) * (0x1.27e4d125f32adp-22 +        \
                                                       (r) * (0x1.af5fa7c1da29cp-26 + \
                                                              (r)*0x1.1f8421ac0f97dp-29))))))))))
#define LOG_POLY(z)                                        \
  (0x1.5555555555555p-1 +                                  \
   (z) *                                                   \
       (0x1.9999999999d01p-2 +                             \
        (z) * (0x1.249249243b109p-2 +                      \
               (z) * (0x1.c71c7249853a8p-3 +               \
                      (z) * (0x1.745ce25941165p-3 +        \
                             (z) * (0x1.3b200d63fe40ap-3 + \
                                    (z) * (0x1.0f692734eb485p-3 + (z)*0x1.0efdff2965dffp-3)))))))
#define EXP_LOWEST -746.0
#define EXP_HIGHEST 710.0
#define EXPM1_LOWEST -40.0
#define SQRT_HALF 0.70710678118654752
#define SMALLEST_NORMAL DBL_MIN
#define TO_NORMAL 0x1p54
#define TO_NORMAL_LOG2 54.0
#define INFINITY_REAL ((double)INFINITY)
#define NAN_REAL ((double)NAN)
#include "vecmath.inc.h"

// ---- float only

// Near zero x + x P(x^2); from 1 on 1 - e^-Q(x), where Q fits -log(erfc x) as closely as erf needs.
CPU_INLINE float vec_erf_f32(float x) {
  const float a = magnitude_f32(x);
  const float z = x * x;
  const float p =
      0x1.06eba8p-3f +
      z * (-0x1.81274p-2f +
           z * (0x1.ce2d5p-4f +
                z * (-0x1.b7fe9p-6f +
                     z * (0x1.542e1p-8f + z * (-0x1.a50b0ep-11f + z * 0x1.4c344ep-14f)))));
  const float t = a > 4.0f ? 4.0f : a;
  const float q =
      0x1.47487cp-9f +
      t * (0x1.1e3728p+0f +
           t * (0x1.4eb2a8p-1f + t * (0x1.6d1fp-4f + t * (-0x1.e981d4p-7f + t * 0x1.32c7c2p-10f))));
  const float far = with_sign_of_f32(1.0f - vec_exp_f32(-q), x);
  return a < 1.0f ? x + x * p : far;
}

// Above this the reduction by pi/2 in double loses digits; loops then ask the C library.
#define VEC_SIN_LIMIT 0x1p20f

// sin(x + quarter_turns pi/2), in double, where the float result is right to its last bit.
CPU_INLINE float vec_sin_turned_f32(float x, uint64_t quarter_turns) {
  const double magic = 0x1.8p52;
  const double shifted = (double)x * 0.63661977236758134 + magic;
  const double n = shifted - magic;
  const double r = ((double)x - n * 0x1.921fb4p+0) - n * 0x1.4442d18469899p-24;
  const double z = r * r;
  const double sine =
      r * (1.0 + z * (-0x1.5555554ca930ep-3 +
                      z * (0x1.11110889f5b9fp-7 +
                           z * (-0x1.a00f93980a556p-13 + z * 0x1.6cd5ec0207bbdp-19))));
  const double cosine =
      1.0 - z * (0.5 - z * (0x1.5555554f428d4p-5 +
                            z * (-0x1.6c16b88bf1911p-10 +
                                 z * (0x1.a011178c83e1bp-16 + z * -0x1.2429091e306efp-22))));
  const uint64_t quadrant = cpu_f64_bits(shifted) + quarter_turns;
  const double y = (quadrant & 1) ? cosine : sine;
  return (float)cpu_f64_from_bits(cpu_f64_bits(y) ^ (quadrant & 2) << 62);
}

CPU_INLINE float vec_sin_f32(float x) { return vec_sin_turned_f32(x, 0); }
CPU_INLINE float vec_cos_f32(float x) { return vec_sin_turned_f32(x, 1); }

// x^y as e^(y log |x|) in double, rounded once. A negative x takes the sign of an odd y and has no
// value for a y that is no integer; above 2^51 every y is an even integer.
CPU_INLINE float vec_pow_f32(float x, float y) {
  const double magic = 0x1.8p52;
  const double exponent = (double)y;
  const double shifted = exponent + magic;
  const int large = magnitude_f64(exponent) >= 0x1p51;
  const int integer = large | (int)(shifted - magic == exponent);
  const uint64_t odd = large ? 0 : cpu_f64_bits(shifted) & 1;
  const float a = magnitude_f32(x);
  const float power = (float)vec_exp_f64(exponent * vec_log_f64((double)a));
  const int one_at_infinity = (int)(a == 1.0f) & (int)(magnitude_f32(y) == INFINITY);
  const float absolute = one_at_infinity ? 1.0f : power;
  const uint32_t sign = integer ? (uint32_t)odd << 31 & tn_f32_bits(x) : 0;
  const float signed_power = tn_f32_from_bits(tn_f32_bits(absolute) ^ sign);
  const int undefined = (int)(x < 0.0f) & (int)(x > -INFINITY) & (int)!integer;
  const float result = undefined ? NAN : signed_power;
  const int one = (int)(y == 0.0f) | (int)(x == 1.0f);
  return one ? 1.0f : result;
}

#endif  // TENON_CPU_VECMATH_H_
