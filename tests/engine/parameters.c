#include "engine/parameters.h"

#include "base/memory.h"
#include "support/cmocka.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void adds_and_finds(void **state) {
  (void)state;
  bl_parameter_table table = {0};
  size_t index = 99;
  for (size_t i = 0; i < 37; i++) {
    char name[32];
    snprintf(name, sizeof name, "layer.%zu.weight", i);
    const size_t shape[4] = {i + 1, 2, 3, 1};
    assert_int_equal(bl_parameter_add(&index, &table, name, 4, shape, BL_INITIALISE_ONE, 6, i + 1), BL_OK);
    assert_int_equal(index, i);
  }
  assert_int_equal(table.entry_count, 37);
  assert_int_equal(table.count, 6 * 37 * 38 / 2);
  const bl_parameter *entry = bl_parameter_find(&table, "layer.12.weight");
  assert_non_null(entry);
  assert_int_equal(entry->offset, 6 * 12 * 13 / 2);
  assert_int_equal(entry->count, 6 * 13);
  assert_int_equal(entry->shape[0], 13);
  assert_null(bl_parameter_find(&table, "layer.37.weight"));
  bl_parameter_table_destroy(&table);
  assert_int_equal(bl_memory_balance(), 0);
}

static void refuses(void **state) {
  (void)state;
  bl_parameter_table table = {0};
  size_t index, shape[1] = {3}, none[1] = {0};
  char longest[BL_PARAMETER_NAME + 1] = {0};
  memset(longest, 'x', BL_PARAMETER_NAME);
  assert_int_equal(bl_parameter_add(&index, &table, "a.bias", 1, shape, BL_INITIALISE_ZERO, 1, 1), BL_OK);
  assert_int_equal(bl_parameter_add(&index, &table, "a.bias", 1, shape, BL_INITIALISE_ZERO, 1, 1), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "\"a.bias\""));
  bl_status_clear();
  assert_int_equal(bl_parameter_add(&index, &table, longest, 1, shape, BL_INITIALISE_ZERO, 1, 1), BL_ERROR_USAGE);
  bl_status_clear();
  assert_int_equal(bl_parameter_add(&index, &table, "b.bias", 1, none, BL_INITIALISE_ZERO, 1, 1), BL_ERROR_USAGE);
  bl_status_clear();
  assert_int_equal(table.count, 3);
  /* A message holds INT_MAX elements and no more. */
  const size_t large[2] = {46341, 46341}, rest[1] = {INT_MAX - 3}, one[1] = {1};
  assert_int_equal(bl_parameter_add(&index, &table, "c.weight", 2, large, BL_INITIALISE_ZERO, 1, 1), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "\"c.weight\" of 2147488281 elements"));
  bl_status_clear();
  assert_int_equal(bl_parameter_add(&index, &table, "c.weight", 1, rest, BL_INITIALISE_ZERO, 1, 1), BL_OK);
  assert_int_equal(bl_parameter_add(&index, &table, "d.bias", 1, one, BL_INITIALISE_ZERO, 1, 1), BL_ERROR_USAGE);
  bl_status_clear();
  bl_parameter_table_destroy(&table);
}

static void moments(double *mean, double *variance, double *largest, const float *values, size_t count) {
  *mean = *variance = *largest = 0.0;
  for (size_t i = 0; i < count; i++) {
    *mean += (double)values[i] / (double)count;
    *variance += (double)values[i] * (double)values[i] / (double)count;
    *largest = fabs((double)values[i]) > *largest ? fabs((double)values[i]) : *largest;
  }
  *variance -= *mean * *mean;
}

/* Each initialiser has its mean and variance (within 5 standard errors of 60000 draws) and its bounds. */
static void initialises(void **state) {
  (void)state;
  enum { COUNT = 60000, FAN_IN = 75, FAN_OUT = 25 };
  const struct {
    bl_initialiser initialiser;
    double mean, variance, bound;
  } expected[] = {
      {BL_INITIALISE_ZERO, 0.0, 0.0, 0.0},
      {BL_INITIALISE_ONE, 1.0, 0.0, 1.0},
      {BL_INITIALISE_UNIFORM_01, 0.5, 1.0 / 12.0, 1.0},
      {BL_INITIALISE_FAN_IN_UNIFORM, 0.0, 1.0 / (3.0 * FAN_IN), 0.11547006},
      {BL_INITIALISE_XAVIER_NORMAL, 0.0, 2.0 / (FAN_IN + FAN_OUT), 1.0},
      {BL_INITIALISE_KAIMING_NORMAL, 0.0, 2.0 / FAN_IN, 1.0},
  };
  const size_t kinds = sizeof expected / sizeof expected[0];
  bl_parameter_table table = {0};
  const size_t shape[2] = {COUNT / 100, 100};
  size_t index;
  for (size_t i = 0; i < kinds; i++) {
    char name[16];
    snprintf(name, sizeof name, "w%zu", i);
    assert_int_equal(bl_parameter_add(&index, &table, name, 2, shape, expected[i].initialiser, FAN_IN, FAN_OUT), BL_OK);
  }
  float *values = NULL, *again = NULL;
  assert_int_equal(bl_allocate(&values, table.count, sizeof *values), BL_OK);
  assert_int_equal(bl_allocate(&again, table.count, sizeof *again), BL_OK);
  bl_parameter_initialise(values, &table, 7);
  for (size_t i = 0; i < kinds; i++) {
    double mean, variance, largest;
    moments(&mean, &variance, &largest, values + i * COUNT, COUNT);
    assert_true(fabs(mean - expected[i].mean) <= 5.0 * sqrt(expected[i].variance / COUNT) + 1e-9);
    assert_true(fabs(variance - expected[i].variance) <= 5.0 * expected[i].variance * sqrt(2.0 / COUNT) + 1e-9);
    assert_true(largest <= expected[i].bound);
  }
  bl_parameter_initialise(again, &table, 7);
  assert_memory_equal(values, again, table.count * sizeof *values);
  bl_parameter_initialise(again, &table, 8);
  assert_memory_not_equal(values + 3 * COUNT, again + 3 * COUNT, COUNT * sizeof *values);
  /* Two tensors of the same kind are not copies of each other. */
  assert_true(values[4 * COUNT] * sqrtf(50.0f / 75.0f) != values[5 * COUNT]);
  bl_free(&values);
  bl_free(&again);
  bl_parameter_table_destroy(&table);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(adds_and_finds), cmocka_unit_test(refuses),
                                     cmocka_unit_test(initialises)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
