/** \file
 * e^x for hot loops: without a call or a branch, so that compilers vectorise it, and with the same bits on every machine
 * (the C library's expf has neither property). Its body is here because it must be inlined into the loop. */
#ifndef BEELINE_LAYER_EXPONENTIAL_H
#define BEELINE_LAYER_EXPONENTIAL_H

#include "base/kernel.h"

#include <stdint.h>
#include <string.h>

/** e^x with a relative error of at most 1.2e-7; x beyond ±87 is taken as ±87, NaN stays NaN.
 *
 * x = n ln 2 + r with |r| ≤ ln 2 / 2; e^r is a minimax polynomial of degree 6 (own Remez fit, error 3e-9 before rounding);
 * 2^n is put together in the exponent field. */
static BL_ALWAYS_INLINE float bl_exponential(float x) {
  const float to_integer = 12582912.0f; /* 1.5 · 2^23: after adding it, the low bits of a float count in units of 1 */
  const float log2_of_e = 1.44269504f;
  const float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f; /* n · ln2_high is exact */
  const uint32_t limit = 0x42ae0000u, infinity = 0x7f800000u;     /* the bits of 87 and of infinity; NaN is above it */
  uint32_t of_x;
  memcpy(&of_x, &x, sizeof of_x);
  /* On integers: compilers make branches of comparisons of x, and then no vectors. */
  int32_t magnitude = (int32_t)(of_x & 0x7fffffffu), within = magnitude < (int32_t)limit ? magnitude : (int32_t)limit;
  within = magnitude > (int32_t)infinity ? magnitude : within;
  of_x = (of_x & 0x80000000u) | (uint32_t)within;
  float clamped;
  memcpy(&clamped, &of_x, sizeof clamped);
  float shifted = clamped * log2_of_e + to_integer;
  float n = shifted - to_integer;
  float r = (clamped - n * ln2_high) - n * ln2_low;
  float p = 1.38143207e-3f;
  p = p * r + 8.36885107e-3f;
  p = p * r + 4.16684011e-2f;
  p = p * r + 1.66665195e-1f;
  p = p * r + 4.99999934e-1f;
  p = p * (r * r) + r;
  uint32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + 0x3f800000u;
  float power;
  memcpy(&power, &bits, sizeof power);
  return power + power * p;
}

/** 1 / (1 + e^−x). */
static BL_ALWAYS_INLINE float bl_sigmoid(float x) {
  return 1.0f / (1.0f + bl_exponential(-x));
}

#endif
