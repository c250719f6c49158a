/** \file
 * Numbers that follow from a name, for parameters and inputs that PyTorch must have as well without a file of them. */
#ifndef BEELINE_SUPPORT_HASHED_H
#define BEELINE_SUPPORT_HASHED_H

#include <stddef.h>
#include <stdint.h>

/** offset + scale times \a count numbers in [−1, 1) by FNV-1a of \a name and a 32-bit finaliser, as `hashed` of
 * tests/network/make_network_fixtures.py. \param [out] values (count). */
static inline void test_hashed(float *values, size_t count, const char *name, double scale, double offset) {
  uint32_t seed = 2166136261u;
  for (; *name != '\0'; name++)
    seed = (seed ^ (uint32_t)(unsigned char)*name) * 16777619u;
  for (size_t i = 0; i < count; i++) {
    uint32_t h = (uint32_t)i * 2654435761u + seed;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 16) * 0xc2b2ae35u;
    h ^= h >> 16;
    values[i] = (float)(offset + scale * ((double)(h >> 8) / 8388608.0 - 1.0));
  }
}

#endif
