#include "base/random.h"

#include "support/cmocka.h"

#include <Random123/philox.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 1 << 18 };

static float values[COUNT], others[COUNT];
static uint32_t words[COUNT];

static const bl_draw some_draw = {0x299f31d0a4093822u, BL_PURPOSE_TEST, 3, 7, 11};

/* The vectors that Random123 publishes for ten rounds of Philox4x32. */
static void test_known_answers(void **state) {
  (void)state;
  static const struct {
    philox4x32_ctr_t counter;
    philox4x32_key_t key;
    uint32_t answer[4];
  } known[] = {
      {{{0, 0, 0, 0}}, {{0, 0}}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}},
       {{0xffffffff, 0xffffffff}},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
       {{0xa4093822, 0x299f31d0}},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    const philox4x32_ctr_t out = philox4x32(known[i].counter, known[i].key);
    assert_memory_equal(out.v, known[i].answer, sizeof known[i].answer);
  }
  bl_random_bits(words, 4, (bl_draw){0});
  assert_memory_equal(words, known[0].answer, sizeof known[0].answer);
}

/* The documented layout: key = seed, counter = (block, sample, step | purpose << 24, round). */
static void test_layout(void **state) {
  (void)state;
  bl_random_bits(words, 4 * 1000, some_draw);
  for (uint32_t block = 0; block < 1000; block++) {
    const philox4x32_ctr_t counter = {{block, 7, 11 | (uint32_t)BL_PURPOSE_TEST << 24, 3}};
    const philox4x32_key_t key = {{0xa4093822, 0x299f31d0}};
    const philox4x32_ctr_t out = philox4x32(counter, key);
    assert_memory_equal(out.v, words + 4 * block, sizeof out.v);
  }
}

/* An element is a function of its address: neither the length of the draw nor earlier draws matter, across blocks and
 * groups of blocks. */
static void test_element_depends_on_address_only(void **state) {
  (void)state;
  static const size_t counts[] = {0, 1, 2, 3, 4, 5, 7, 255, 256, 257, 511, 513, 1000};
  static uint32_t fewer_words[1024];
  static float fewer[1024];
  bl_random_bits(words, 1001, some_draw);
  for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
    const size_t count = counts[c];
    memset(fewer_words, 0xa5, sizeof fewer_words);
    bl_random_bits(fewer_words, count, some_draw);
    assert_memory_equal(fewer_words, words, count * sizeof *words);
    assert_int_equal(fewer_words[count], 0xa5a5a5a5);
    bl_random_normal(values, 1001, some_draw);
    memset(fewer, 0xa5, sizeof fewer);
    bl_random_normal(fewer, count, some_draw);
    assert_memory_equal(fewer, values, count * sizeof *values);
    assert_memory_equal(&fewer[count], "\xa5\xa5\xa5\xa5", 4);
    bl_random_uniform(values, 1001, some_draw);
    memset(fewer, 0xa5, sizeof fewer);
    bl_random_uniform(fewer, count, some_draw);
    assert_memory_equal(fewer, values, count * sizeof *values);
    assert_memory_equal(&fewer[count], "\xa5\xa5\xa5\xa5", 4);
  }
}

/* Streams whose addresses differ in one field, by the least that is possible, have nothing in common. */
static void test_streams_are_independent(void **state) {
  (void)state;
  bl_draw draws[7];
  for (int i = 0; i < 7; i++)
    draws[i] = some_draw;
  draws[1].seed ^= 1;
  draws[2].seed ^= (uint64_t)1 << 63;
  draws[3].purpose = (bl_purpose)(BL_PURPOSE_TEST - 1);
  draws[4].round++;
  draws[5].sample++;
  draws[6].step++;
  const size_t count = 1 << 16;
  bl_random_normal(values, count, draws[0]);
  for (int i = 1; i < 7; i++) {
    bl_random_normal(others, count, draws[i]);
    double product = 0;
    for (size_t j = 0; j < count; j++)
      product += (double)values[j] * (double)others[j];
    assert_true(fabs(product) < 5 * sqrt((double)count));
  }
}

static void test_uniform(void **state) {
  (void)state;
  int bins[256] = {0};
  double sum = 0;
  bl_random_uniform(values, COUNT, some_draw);
  for (size_t i = 0; i < COUNT; i++) {
    assert_true(values[i] >= 0.0f && values[i] < 1.0f);
    bins[(int)(values[i] * 256)]++;
    sum += (double)values[i] - 0.5;
  }
  assert_true(fabs(sum) < 5 * sqrt(COUNT / 12.0));
  double chi_square = 0;
  for (int b = 0; b < 256; b++)
    chi_square += pow(bins[b] - COUNT / 256.0, 2) / (COUNT / 256.0);
  assert_true(fabs(chi_square - 255) < 5 * sqrt(2 * 255.0));
}

static int ascending(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* Moments to five standard errors, the distance of Kolmogorov and Smirnov, and pairs of neighbours. */
static void test_normal(void **state) {
  (void)state;
  const double n = COUNT;
  double moments[5] = {0}, neighbours = 0;
  bl_random_normal(values, COUNT, some_draw);
  for (size_t i = 0; i < COUNT; i++) {
    assert_true(isfinite(values[i]) && fabsf(values[i]) < 6.67f);
    for (int k = 1; k <= 4; k++)
      moments[k] += pow((double)values[i], k) / n;
    if (i % 2 == 1)
      neighbours += (double)values[i] * (double)values[i - 1];
  }
  assert_true(fabs(moments[1]) < 5 * sqrt(1 / n));
  assert_true(fabs(moments[2] - 1) < 5 * sqrt(2 / n));
  assert_true(fabs(moments[3]) < 5 * sqrt(15 / n));
  assert_true(fabs(moments[4] - 3) < 5 * sqrt(96 / n));
  assert_true(fabs(neighbours) < 5 * sqrt(n / 2));
  qsort(values, COUNT, sizeof *values, ascending);
  double distance = 0;
  for (size_t i = 0; i < COUNT; i++) {
    const double expected = 0.5 * erfc(-(double)values[i] / sqrt(2.0));
    distance = fmax(distance, fmax(fabs(expected - (double)i / n), fabs(expected - (double)(i + 1) / n)));
  }
  assert_true(distance * sqrt(n) < 1.95); /* exceeded by chance once in a thousand streams; this stream is fixed */
  assert_true(values[0] < -4.0f && values[COUNT - 1] > 4.0f);
}

/* Against the formula in double precision: angles to a few units in the last place of 2π, radii to a few units. */
static void test_normal_is_box_muller(void **state) {
  (void)state;
  const double pi = acos(-1.0);
  bl_random_bits(words, COUNT, some_draw);
  bl_random_normal(values, COUNT, some_draw);
  for (size_t i = 0; i < COUNT; i += 2) {
    const double u = ((double)(words[i] >> 1) + 0.5) / 2147483648.0;
    const double radius = sqrt(-2 * log(u)), angle = 2 * pi * (double)words[i + 1] / 4294967296.0;
    /* Near u = 1 the rounding of u to 24 bits shows in the radius. */
    const double tolerance = 6e-7 * radius + (radius < 0.1 ? 6e-8 / fmax(radius, 1e-4) : 6e-7);
    assert_true(fabs((double)values[i] - radius * cos(angle)) < tolerance);
    assert_true(fabs((double)values[i + 1] - radius * sin(angle)) < tolerance);
  }
}

/* The same bits from every compiler, optimisation and vector width: this number came out of GCC 12 and clang 14, from -O0
 * to -O3, for SSE2, AVX2 and AVX-512. */
static void test_normal_bits(void **state) {
  (void)state;
  uint32_t hash = 0;
  bl_random_normal(values, COUNT, (bl_draw){42, BL_PURPOSE_TEST, 1, 2, 3});
  for (size_t i = 0; i < COUNT; i++) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    hash = hash * 31 + bits;
  }
  assert_int_equal(hash, 0x15c0be6e);
}

static void test_below(void **state) {
  (void)state;
  int counts[6] = {0};
  bl_draw draw = some_draw;
  assert_int_equal(bl_random_below(1, draw), 0);
  for (draw.sample = 0; draw.sample < 60000; draw.sample++) {
    const uint32_t value = bl_random_below(6, draw);
    assert_true(value < 6);
    counts[value]++;
    assert_true(bl_random_below(0xffffffffu, draw) < 0xffffffffu);
  }
  for (int i = 0; i < 6; i++)
    assert_true(abs(counts[i] - 10000) < 5 * 92);
}

static void test_permutation(void **state) {
  (void)state;
  static const uint32_t counts[] = {0, 1, 2, 127, 128, 129, 1000, 65536};
  static unsigned char seen[65536];
  for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
    memset(seen, 0, sizeof seen);
    words[counts[c]] = 12345;
    bl_random_permutation(words, counts[c], some_draw);
    for (uint32_t i = 0; i < counts[c]; i++) {
      assert_true(words[i] < counts[c]);
      assert_false(seen[words[i]]);
      seen[words[i]] = 1;
    }
    assert_int_equal(words[counts[c]], 12345);
  }
  /* All orders of four are equally likely. */
  int orders[256] = {0};
  bl_draw draw = some_draw;
  for (draw.round = 0; draw.round < 24000; draw.round++) {
    uint32_t order[4];
    bl_random_permutation(order, 4, draw);
    orders[order[0] | order[1] << 2 | order[2] << 4 | order[3] << 6]++;
  }
  int different = 0;
  for (int i = 0; i < 256; i++)
    if (orders[i] > 0) {
      different++;
      assert_true(abs(orders[i] - 1000) < 5 * 32);
    }
  assert_int_equal(different, 24);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_known_answers),
      cmocka_unit_test(test_layout),
      cmocka_unit_test(test_element_depends_on_address_only),
      cmocka_unit_test(test_streams_are_independent),
      cmocka_unit_test(test_uniform),
      cmocka_unit_test(test_normal),
      cmocka_unit_test(test_normal_is_box_muller),
      cmocka_unit_test(test_normal_bits),
      cmocka_unit_test(test_below),
      cmocka_unit_test(test_permutation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
