#include "parallel/exact_sum.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 wide;

enum { COUNT = 1003, CALLS = 60 };

static int rank, size;
static float terms[CALLS][COUNT];

/* Terms of magnitudes from 2^-44 to 2^21, of both signs. */
static void fill(void) {
  static uint32_t words[2 * COUNT];
  for (int call = 0; call < CALLS; call++) {
    bl_random_bits(words, 2 * COUNT, (bl_draw){1, BL_PURPOSE_TEST, 0, (uint32_t)call, 0});
    for (int i = 0; i < COUNT; i++) {
      const float mantissa = 1.0f + (float)(words[2 * i] >> 9) * 0x1p-23f;
      const int exponent = (int)(words[2 * i + 1] % 66) - 44;
      terms[call][i] = ldexpf((words[2 * i + 1] & 0x10000) != 0 ? mantissa : -mantissa, exponent);
    }
  }
}

/* A term in units of 2^-62, ties to even, as whole numbers. */
static wide units_of(double term) {
  const double high = floor(term * 0x1p20);
  return (wide)(int64_t)high * ((wide)1 << 42) + (wide)(int64_t)nearbyint((term * 0x1p20 - high) * 0x1p42);
}

/* The double next to a sum in units of 2^-62; exact conversion in two halves, then one rounding. */
static double double_of(wide units) {
  const int64_t high = (int64_t)(units >> 42);
  return (double)high * 0x1p-20 + (double)(int64_t)(units - (wide)high * ((wide)1 << 42)) * 0x1p-62;
}

static bl_exact_sum *sum_of_all(void) {
  bl_exact_sum *sum = NULL;
  assert_int_equal(bl_exact_sum_create(&sum, COUNT), BL_OK);
  for (int call = 0; call < CALLS; call++)
    bl_exact_sum_add(sum, 0, COUNT, terms[call]);
  return sum;
}

static void get_all(double *values, const bl_exact_sum *sum) {
  assert_int_equal(bl_exact_sum_get_double(values, sum, 0, COUNT, 1.0), BL_OK);
}

static void test_equals_integers(void **state) {
  (void)state;
  bl_exact_sum *sum = sum_of_all();
  static double values[COUNT];
  static float floats[COUNT];
  get_all(values, sum);
  assert_int_equal(bl_exact_sum_get(floats, sum, 0, COUNT, 1.0 / CALLS), BL_OK);
  for (int i = 0; i < COUNT; i++) {
    wide units = 0;
    for (int call = 0; call < CALLS; call++)
      units += units_of((double)terms[call][i]);
    assert_true(values[i] == double_of(units));
    assert_true(floats[i] == (float)(1.0 / CALLS * double_of(units)));
  }
  bl_exact_sum_destroy(&sum);
  assert_null(sum);
}

static void test_take_equals_get(void **state) {
  (void)state;
  static float copied[COUNT], *taken;
  const size_t parts[][2] = {{0, COUNT}, {0, 1}, {500, COUNT - 500}, {COUNT, 0}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    bl_exact_sum *sum = sum_of_all();
    assert_int_equal(bl_exact_sum_get(copied, sum, parts[i][0], parts[i][1], 0.3), BL_OK);
    assert_int_equal(bl_exact_sum_take(&taken, sum, parts[i][0], parts[i][1], 0.3), BL_OK);
    if (parts[i][1] > 0)
      assert_memory_equal(taken, copied, parts[i][1] * sizeof *taken);
    bl_exact_sum_clear(sum);
    bl_exact_sum_add(sum, 0, COUNT, terms[0]);
    assert_int_equal(bl_exact_sum_get(copied, sum, 0, COUNT, 1.0), BL_OK);
    for (int j = 0; j < COUNT; j++)
      assert_true(fabsf(copied[j] - terms[0][j]) <= 0x1p-62f);
    bl_exact_sum_destroy(&sum);
  }
}

static void test_order_does_not_matter(void **state) {
  (void)state;
  static double expected[COUNT], values[COUNT];
  bl_exact_sum *sum = sum_of_all();
  get_all(expected, sum);
  for (uint32_t trial = 0; trial < 10; trial++) {
    uint32_t order[CALLS];
    bl_random_permutation(order, CALLS, (bl_draw){1, BL_PURPOSE_TEST, 1, trial, 0});
    bl_exact_sum_clear(sum);
    for (int i = 0; i < CALLS; i++) {
      /* In pieces as well, of other lengths each time. */
      const size_t cut = (size_t)order[i] * 16 + trial;
      bl_exact_sum_add(sum, 0, cut, terms[order[i]]);
      bl_exact_sum_add(sum, cut, COUNT - cut, terms[order[i]] + cut);
    }
    get_all(values, sum);
    assert_memory_equal(values, expected, sizeof expected);
  }
  bl_exact_sum_destroy(&sum);
}

/* Whichever rank adds which terms; after allreduce on every rank, after range-wise reduce on each root. */
static void test_partition_does_not_matter(void **state) {
  (void)state;
  static double expected[COUNT], values[COUNT];
  bl_exact_sum *sum = sum_of_all();
  get_all(expected, sum);
  for (uint32_t trial = 0; trial < 8; trial++) {
    uint32_t owners[CALLS];
    bl_random_bits(owners, CALLS, (bl_draw){1, BL_PURPOSE_TEST, 2, trial, 0});
    for (int ranged = 0; ranged < 2; ranged++) {
      bl_exact_sum_clear(sum);
      for (int call = 0; call < CALLS; call++)
        if ((int)(owners[call] % (uint32_t)size) == rank)
          bl_exact_sum_add(sum, 0, COUNT, terms[call]);
      if (!ranged) {
        assert_int_equal(bl_exact_sum_allreduce(sum, MPI_COMM_WORLD), BL_OK);
        get_all(values, sum);
        assert_memory_equal(values, expected, sizeof expected);
      } else {
        for (int root = 0; root < size; root++) {
          const size_t first = (size_t)(COUNT * root / size), end = (size_t)(COUNT * (root + 1) / size);
          assert_int_equal(bl_exact_sum_reduce(sum, first, end - first, root, MPI_COMM_WORLD), BL_OK);
          if (rank == root) {
            assert_int_equal(bl_exact_sum_get_double(values, sum, first, end - first, 1.0), BL_OK);
            assert_memory_equal(values, expected + first, (end - first) * sizeof *values);
          }
        }
      }
    }
  }
  bl_exact_sum_destroy(&sum);
}

static double sum_of(const double *parts, int count) {
  bl_exact_sum *sum = NULL;
  double value;
  assert_int_equal(bl_exact_sum_create(&sum, 1), BL_OK);
  for (int i = 0; i < count; i++)
    bl_exact_sum_add_double(sum, 0, 1, &parts[i]);
  assert_int_equal(bl_exact_sum_get_double(&value, sum, 0, 1, 1.0), BL_OK);
  bl_exact_sum_destroy(&sum);
  return value;
}

#define SUM_OF(...) sum_of((const double[]){__VA_ARGS__}, (int)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double)))

static void test_cancellation_and_bounds(void **state) {
  (void)state;
  /* What plain sums lose. */
  assert_true(SUM_OF(0x1p29, 0x1p-39, -0x1p29) == 0x1p-39);
  assert_true(SUM_OF(1.0, 0x1p-60, -1.0, -0x1p-61) == 0x1p-61);
  assert_true(SUM_OF(0.1, -0.1) == 0.0);
  /* The smallest float that is held exactly, with all its 24 bits, and the resolution. */
  assert_true(SUM_OF(0x1.fffffep-39) == 0x1.fffffep-39);
  assert_true(SUM_OF(0x1p-62) == 0x1p-62);
  assert_true(SUM_OF(-0x1.8p-62) == -0x1p-61); /* a tie goes to even */
  for (double term = 1.0; term > 0x1p-80; term *= 0.77)
    assert_true(fabs(SUM_OF(term) - term) <= 0x1p-63);
  /* Denormal and zero terms. */
  assert_true(SUM_OF((double)0x1p-149f, 0x1p-1074, 0.0, -0.0) == 0.0);
  /* The largest, both signs, around the limits of the parts. */
  assert_true(SUM_OF(0x1.fffffffffffffp29) == 0x1.fffffffffffffp29);
  assert_true(SUM_OF(-0x1.fffffffffffffp29, 0x1p-22) == -0x1.fffffffffffffp29 + 0x1p-22);
  assert_true(SUM_OF(0x1p-21, 0x1p-21) == 0x1p-20);
  assert_true(SUM_OF(-0x1p-21, -0x1p-21, -0x1p-62) == -0x1p-20 - 0x1p-62);
}

/* As many calls as documented, at the largest size for that number: no overflow, no false alarm. */
static void test_documented_numbers_of_calls(void **state) {
  (void)state;
  bl_exact_sum *sum = NULL;
  double value;
  assert_int_equal(bl_exact_sum_create(&sum, 1), BL_OK);
  const float large = 0x1.fffffep29f, medium = -0x1.fffcp10f, odd = 0x1.fffffep-22f;
  for (int i = 0; i < 7; i++)
    bl_exact_sum_add(sum, 0, 1, &large);
  assert_int_equal(bl_exact_sum_get_double(&value, sum, 0, 1, 1.0), BL_OK);
  assert_true(value == 7.0 * (double)large);
  bl_exact_sum_clear(sum);
  for (int i = 0; i < 4000000; i++)
    bl_exact_sum_add(sum, 0, 1, &medium);
  assert_int_equal(bl_exact_sum_get_double(&value, sum, 0, 1, 1.0), BL_OK);
  assert_true(value == 4e6 * (double)medium);
  /* Three million terms whose low parts alone are many times what 32 bits hold. */
  bl_exact_sum_clear(sum);
  for (int i = 0; i < 3 << 20; i++)
    bl_exact_sum_add(sum, 0, 1, &odd);
  assert_int_equal(bl_exact_sum_get_double(&value, sum, 0, 1, 1.0), BL_OK);
  assert_true(value == 0x1.8p21 * (double)odd);
  assert_int_equal(bl_exact_sum_allreduce(sum, MPI_COMM_WORLD), BL_OK);
  bl_exact_sum_add(sum, 0, 1, &odd);
  assert_int_equal(bl_exact_sum_get_double(&value, sum, 0, 1, 1.0), BL_OK);
  assert_true(value == (0x1.8p21 * size + 1) * (double)odd);
  bl_exact_sum_destroy(&sum);
}

static void expect_poison(const bl_exact_sum *sum) {
  float value = 7.0f;
  double wider = 7.0;
  bl_status_clear();
  assert_int_equal(bl_exact_sum_get(&value, sum, 0, 1, 1.0), BL_ERROR_NUMERIC);
  assert_int_equal(bl_exact_sum_get_double(&wider, sum, 0, 1, 1.0), BL_ERROR_NUMERIC);
  assert_true(value == 7.0f && wider == 7.0);
  assert_non_null(strstr(bl_status_message(), "NaN"));
  bl_status_clear();
}

static const double bad[] = {NAN, INFINITY, -INFINITY, 0x1p30, -0x1p30, 0x1p100, -0x1p127};
enum { BAD = sizeof bad / sizeof bad[0] };

static void test_poison_stays(void **state) {
  (void)state;
  bl_exact_sum *sum = NULL;
  float block[37] = {0};
  double wide_block[37] = {0};
  const float one = 1.0f;
  assert_int_equal(bl_exact_sum_create(&sum, 37), BL_OK);
  for (int b = 0; b < BAD; b++)
    for (size_t place = 0; place < 37; place++)
      for (int doubles = 0; doubles < 2; doubles++) {
        bl_exact_sum_clear(sum);
        block[place] = (float)bad[b];
        wide_block[place] = bad[b];
        if (doubles)
          bl_exact_sum_add_double(sum, 0, 37, wide_block);
        else
          bl_exact_sum_add(sum, 0, 37, block);
        block[place] = 0;
        wide_block[place] = 0;
        expect_poison(sum);
        bl_exact_sum_add(sum, 5, 1, &one);
        expect_poison(sum);
      }
  bl_exact_sum_clear(sum);
  bl_exact_sum_add(sum, 0, 1, &one);
  float value;
  assert_int_equal(bl_exact_sum_get(&value, sum, 0, 1, 3.0), BL_OK);
  assert_true(value == 3.0f);
  /* Terms that are each allowed, but too large together. */
  const double large = 0x1.8p29;
  for (int i = 0; i < 12; i++)
    bl_exact_sum_add_double(sum, 0, 1, &large);
  expect_poison(sum);
  /* Many poisonings do not wrap around into health. */
  for (int i = 0; i < 100000; i++)
    bl_exact_sum_add_double(sum, 0, 1, &bad[0]);
  expect_poison(sum);
  bl_exact_sum_destroy(&sum);
}

/* A bad term on any one rank, in or out of the range that is reduced. */
static void test_poison_travels(void **state) {
  (void)state;
  bl_exact_sum *sum = NULL;
  float value;
  const float one = 1.0f;
  assert_int_equal(bl_exact_sum_create(&sum, 10), BL_OK);
  for (int failing = 0; failing < size; failing++)
    for (int b = 0; b < BAD; b++) {
      for (int kind = 0; kind < 2; kind++) {
        bl_exact_sum_clear(sum);
        bl_exact_sum_add(sum, 2, 1, &one);
        if (rank == failing)
          bl_exact_sum_add_double(sum, 9, 1, &bad[b]);
        if (kind == 0) {
          assert_int_equal(bl_exact_sum_allreduce(sum, MPI_COMM_WORLD), BL_OK);
          expect_poison(sum);
        } else {
          for (int root = 0; root < size; root++) {
            assert_int_equal(bl_exact_sum_reduce(sum, (size_t)(2 * root), 2, root, MPI_COMM_WORLD), BL_OK);
            if (root == rank)
              expect_poison(sum);
          }
        }
      }
      /* And it is gone after clear, on all ranks. */
      bl_exact_sum_clear(sum);
      bl_exact_sum_add(sum, 2, 1, &one);
      assert_int_equal(bl_exact_sum_allreduce(sum, MPI_COMM_WORLD), BL_OK);
      assert_int_equal(bl_exact_sum_get(&value, sum, 2, 1, 1.0), BL_OK);
      assert_true(value == (float)size);
    }
  bl_exact_sum_destroy(&sum);
}

/* More elements than one message takes. */
static void test_many_elements(void **state) {
  (void)state;
  enum { MANY = (1 << 21) + 17 };
  bl_exact_sum *sum = NULL;
  float *values = NULL;
  assert_int_equal(bl_exact_sum_create(&sum, MANY), BL_OK);
  assert_int_equal(bl_allocate(&values, MANY, sizeof *values), BL_OK);
  for (int i = 0; i < MANY; i++)
    values[i] = (float)(i % 1000 + rank);
  bl_exact_sum_add(sum, 0, MANY, values);
  assert_int_equal(bl_exact_sum_allreduce(sum, MPI_COMM_WORLD), BL_OK);
  float last;
  assert_int_equal(bl_exact_sum_get(&last, sum, MANY - 1, 1, 1.0), BL_OK);
  assert_true(last == (float)(size * ((MANY - 1) % 1000) + size * (size - 1) / 2));
  bl_exact_sum_clear(sum);
  bl_exact_sum_add(sum, 0, MANY, values);
  assert_int_equal(bl_exact_sum_reduce(sum, 1, MANY - 1, size - 1, MPI_COMM_WORLD), BL_OK);
  if (rank == size - 1) {
    assert_int_equal(bl_exact_sum_get(values, sum, 1, MANY - 1, 1.0), BL_OK);
    for (int i = 1; i < MANY; i++)
      assert_true(values[i - 1] == (float)(size * (i % 1000) + size * (size - 1) / 2));
  }
  bl_free(&values);
  bl_exact_sum_destroy(&sum);
}

enum { PIECE = 1 << 14, MIXED = 3 * PIECE + 100 };

/* The term of element i on one rank: small, but for some around the limit of 64 bits in the second piece, and for the third
 * piece, where sums of all ranks are just below that limit. */
static float mixed_term(int i, int of_rank) {
  const float small = ldexpf((float)((i * 7919 + of_rank * 104729) % 2001 - 1000), -14 - i % 40);
  if (i / PIECE == 1 && i % 1000 == of_rank)
    return i % 2000 < 1000 ? 0x1.8p1F : -0x1.000002p20F;
  return i / PIECE == 2 && i % 2 == 0 ? (i % 4 == 0 ? 1.0F : -1.0F) * 0x1.fffp0F / (float)size : small;
}

/* Elements that travel in 8 bytes and in 16 side by side: to all ranks, and each range to another. */
static void test_widths_of_messages(void **state) {
  (void)state;
  bl_exact_sum *sum = NULL;
  float *values = NULL;
  double *expected = NULL, *found = NULL;
  assert_int_equal(bl_exact_sum_create(&sum, MIXED), BL_OK);
  assert_int_equal(bl_allocate(&values, MIXED, sizeof *values), BL_OK);
  assert_int_equal(bl_allocate(&expected, MIXED, sizeof *expected), BL_OK);
  assert_int_equal(bl_allocate(&found, MIXED, sizeof *found), BL_OK);
  for (int i = 0; i < MIXED; i++) {
    wide units = 0;
    for (int r = 0; r < size; r++)
      units += units_of((double)mixed_term(i, r));
    values[i] = mixed_term(i, rank);
    expected[i] = double_of(units);
  }
  size_t starts[8] = {0};
  int roots[8] = {0};
  for (int r = 0; r <= size; r++)
    starts[r] = (size_t)(MIXED - 30) * (size_t)r / (size_t)size;
  for (int r = 0; r < size; r++)
    roots[r] = size - 1 - r;
  for (int shared = 0; shared < 2; shared++) {
    bl_exact_sum_clear(sum);
    bl_exact_sum_add(sum, 0, MIXED, values);
    assert_int_equal(bl_exact_sum_sent(sum), 0);
    assert_int_equal(shared ? bl_exact_sum_share_out(sum, starts, roots, size, MPI_COMM_WORLD)
                            : bl_exact_sum_allreduce(sum, MPI_COMM_WORLD),
                     BL_OK);
    assert_int_equal(bl_exact_sum_get_double(found, sum, 0, MIXED, 1.0), BL_OK);
    const int mine = size - 1 - rank; /* the range */
    for (size_t i = 0; i < MIXED; i++)
      if (!shared || i >= starts[size] || (i >= starts[mine] && i < starts[mine + 1]))
        assert_true(found[i] == expected[i]);
    /* One piece of more than three is wide. */
    if (!shared)
      assert_int_equal(bl_exact_sum_sent(sum), size == 1 ? 0 : sizeof(uint64_t) * (MIXED + PIECE));
  }
  bl_free(&values);
  bl_free(&expected);
  bl_free(&found);
  bl_exact_sum_destroy(&sum);
}

static int no_leak(void **state) {
  (void)state;
  return bl_memory_balance() == 0 ? 0 : -1;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  fill();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_equals_integers),
      cmocka_unit_test(test_take_equals_get),
      cmocka_unit_test(test_order_does_not_matter),
      cmocka_unit_test(test_partition_does_not_matter),
      cmocka_unit_test(test_cancellation_and_bounds),
      cmocka_unit_test(test_documented_numbers_of_calls),
      cmocka_unit_test(test_poison_stays),
      cmocka_unit_test(test_poison_travels),
      cmocka_unit_test(test_many_elements),
      cmocka_unit_test(test_widths_of_messages),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, no_leak);
  MPI_Finalize();
  return failed;
}
