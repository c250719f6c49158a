#include "base/clock.h"

#include "support/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void test_seconds_advance(void **state) {
  (void)state;
  const double before = bl_clock_seconds();
  nanosleep(&(struct timespec){0, 20000000}, NULL);
  const double passed = bl_clock_seconds() - before;
  assert_true(passed >= 0.02 && passed < 2.0);
}

static void test_utc(void **state) {
  (void)state;
  char text[21];
  int year, month, day, hour, minute, second;
  bl_clock_utc(text, sizeof text);
  assert_int_equal(strlen(text), 20);
  assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &year, &month, &day, &hour, &minute, &second), 6);
  assert_true(year >= 2024 && month >= 1 && month <= 12 && hour < 24);
}

static void test_duration(void **state) {
  (void)state;
  static const struct {
    double seconds;
    const char *text;
  } known[] = {
      {0.0, "0.0 s"},           {0.04, "0.0 s"},        {4.24, "4.2 s"},
      {9.94, "9.9 s"},          {9.96, "10 s"},         {42.4, "42 s"},
      {59.4, "59 s"},           {59.6, "1 min 00 s"},   {185.0, "3 min 05 s"},
      {3599.4, "59 min 59 s"},  {3599.6, "1 h 00 min"}, {7800.0, "2 h 10 min"},
      {86399.0, "23 h 59 min"}, {97200.0, "1 d 03 h"},  {8640000.0, "100 d 00 h"},
      {-1.0, "unknown"},        {NAN, "unknown"},       {INFINITY, "unknown"},
      {1e300, "unknown"},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    char text[32];
    bl_clock_duration(text, sizeof text, known[i].seconds);
    assert_string_equal(text, known[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_seconds_advance),
      cmocka_unit_test(test_utc),
      cmocka_unit_test(test_duration),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
