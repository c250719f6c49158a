#include "base/random.h"

#include "base/kernel.h"

#include <Random123/philox.h>

#include <math.h>
#include <string.h>

/* Draws are made in groups of blocks, one array per word of a block, so that compilers turn the loops over blocks into
 * vector code. Every operation in them is exact or correctly rounded by IEEE 754 (no library logarithm or sine, whose bits
 * differ between versions and processors; no fused multiply-add), so the numbers are the same on every machine. */
enum { WORDS = 4, GROUP = 64 };

/* Words of a group of blocks: word w of block b is words[w][b], element 4 b + w of the stream. */
typedef struct blocks {
  uint32_t words[WORDS][GROUP];
} blocks;

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

BL_KERNEL static void draw_group(blocks *restrict out, uint32_t first_block, bl_draw draw) {
  const philox4x32_key_t key = {{(uint32_t)draw.seed, (uint32_t)(draw.seed >> 32)}};
  const uint32_t step_and_purpose = draw.step | (uint32_t)draw.purpose << 24;
  for (uint32_t b = 0; b < GROUP; b++) {
    const philox4x32_ctr_t counter = {{first_block + b, draw.sample, step_and_purpose, draw.round}};
    const philox4x32_ctr_t block = philox4x32(counter, key);
    out->words[0][b] = block.v[0];
    out->words[1][b] = block.v[1];
    out->words[2][b] = block.v[2];
    out->words[3][b] = block.v[3];
  }
}

void bl_random_bits(uint32_t *bits, size_t count, bl_draw draw) {
  blocks group;
  for (size_t start = 0; start < count; start += WORDS * GROUP) {
    draw_group(&group, (uint32_t)(start / WORDS), draw);
    const size_t here = smaller(count - start, WORDS * GROUP);
    for (size_t i = 0; i < here; i++)
      bits[start + i] = group.words[i % WORDS][i / WORDS];
  }
}

void bl_random_uniform(float *values, size_t count, bl_draw draw) {
  blocks group;
  for (size_t start = 0; start < count; start += WORDS * GROUP) {
    draw_group(&group, (uint32_t)(start / WORDS), draw);
    const size_t here = smaller(count - start, WORDS * GROUP);
    for (size_t i = 0; i < here; i++)
      values[start + i] = (float)(int32_t)(group.words[i % WORDS][i / WORDS] >> 8) * 0x1p-24f;
  }
}

static inline float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t bits_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* Natural logarithm of a normal number in (0, 1]: u = 2^e m with m in [√½, √2), log m = 2 atanh s with s = (m−1)/(m+1).
 * |s| ≤ 0.1716, so the first term left out of the series is below 2^-28 of the sum. */
static inline float logarithm(float u) {
  const uint32_t bits = bits_of_float(u);
  const uint32_t sqrt_half = 0x3f3504f3;
  const int32_t exponent = (int32_t)((bits - sqrt_half + (64u << 23)) >> 23) - 64;
  const float m = float_of_bits(bits - ((uint32_t)exponent << 23));
  const float s = (m - 1.0f) / (m + 1.0f);
  const float s2 = s * s;
  const float tail = s2 * (2.0f / 3 + s2 * (2.0f / 5 + s2 * (2.0f / 7 + s2 * (2.0f / 9))));
  return (float)exponent * 0.693147180559945309f + s * (2.0f + tail);
}

/* Two normal numbers from two words (Box and Muller 1958). The first word gives u in [2^-32, 1], the second the angle, in
 * 2^-32 of a turn: the nearest quarter turn is taken off as an integer, and the rest, within ±π/4, goes into the series
 * of sine and cosine, whose first terms left out are below 2^-28. */
static inline void box_muller(float *restrict first, float *restrict second, uint32_t radius_word, uint32_t angle_word) {
  const float u = ((float)(int32_t)(radius_word >> 1) + 0.5f) * 0x1p-31f;
  const float radius = sqrtf(-2.0f * logarithm(u));
  const uint32_t quarter = (angle_word + 0x20000000u) >> 30;
  const float a = (float)(int32_t)(angle_word - (quarter << 30)) * 1.46291807926715968e-9f; /* 2π / 2^32 */
  const float a2 = a * a;
  const float sine = a * (1.0f - a2 * (1.0f / 6 - a2 * (1.0f / 120 - a2 * (1.0f / 5040 - a2 * (1.0f / 362880)))));
  const float cosine =
      1.0f - a2 * (1.0f / 2 - a2 * (1.0f / 24 - a2 * (1.0f / 720 - a2 * (1.0f / 40320 - a2 * (1.0f / 3628800)))));
  const float x = (quarter & 1) != 0 ? sine : cosine;
  const float y = (quarter & 1) != 0 ? cosine : sine;
  *first = ((quarter + 1) & 2) != 0 ? -radius * x : radius * x;
  *second = (quarter & 2) != 0 ? -radius * y : radius * y;
}

/* Normal numbers of a whole group, in the order of the stream. */
BL_KERNEL static void normals_of(float *restrict values, const blocks *restrict group) {
  float normals[WORDS][GROUP];
  for (int b = 0; b < GROUP; b++)
    box_muller(&normals[0][b], &normals[1][b], group->words[0][b], group->words[1][b]);
  for (int b = 0; b < GROUP; b++)
    box_muller(&normals[2][b], &normals[3][b], group->words[2][b], group->words[3][b]);
  for (int b = 0; b < GROUP; b++)
    for (int w = 0; w < WORDS; w++)
      values[WORDS * b + w] = normals[w][b];
}

void bl_random_normal(float *values, size_t count, bl_draw draw) {
  blocks group;
  float last[WORDS * GROUP];
  for (size_t start = 0; start < count; start += WORDS * GROUP) {
    draw_group(&group, (uint32_t)(start / WORDS), draw);
    const size_t here = smaller(count - start, WORDS * GROUP);
    normals_of(here == WORDS * GROUP ? values + start : last, &group);
    if (here < WORDS * GROUP)
      memcpy(values + start, last, here * sizeof *values);
  }
}

/* floor(bound × (64 random bits) / 2^64): every value has a probability within 2^-64 of 1/bound. */
static uint32_t below(uint32_t bound, uint32_t low_word, uint32_t high_word) {
  const uint64_t carry = (uint64_t)low_word * bound >> 32;
  return (uint32_t)(((uint64_t)high_word * bound + carry) >> 32);
}

uint32_t bl_random_below(uint32_t bound, bl_draw draw) {
  uint32_t words[2];
  bl_random_bits(words, 2, draw);
  return below(bound, words[0], words[1]);
}

void bl_random_permutation(uint32_t *order, uint32_t count, bl_draw draw) {
  blocks group;
  for (uint32_t i = 0; i < count; i++)
    order[i] = i;
  /* Upwards (position i changes places with one of 0 … i), two words per position. */
  const uint32_t per_group = GROUP * WORDS / 2;
  for (uint32_t i = 0; i < count; i++) {
    if (i % per_group == 0)
      draw_group(&group, i / 2, draw);
    const uint32_t block = i % per_group / 2;
    const uint32_t word = i % 2 * 2;
    const uint32_t j = below(i + 1, group.words[word][block], group.words[word + 1][block]);
    const uint32_t kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
}
