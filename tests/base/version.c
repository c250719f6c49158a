/* The macros in the header are of the release that configure.ac names, from which bl_version is made. */
#include "base/version.h"

#include "support/cmocka.h"

#include <stdio.h>

static void test_macros_are_the_release(void **state) {
  (void)state;
  char text[64];
  snprintf(text, sizeof text, "%d.%d.%d", BL_VERSION_MAJOR, BL_VERSION_MINOR, BL_VERSION_PATCH);
  assert_string_equal(text, bl_version);
}

static void test_order(void **state) {
  (void)state;
  assert_true(BL_VERSION_AT_LEAST(BL_VERSION_MAJOR, BL_VERSION_MINOR, BL_VERSION_PATCH));
  assert_false(BL_VERSION_AT_LEAST(BL_VERSION_MAJOR, BL_VERSION_MINOR, BL_VERSION_PATCH + 1));
  assert_false(BL_VERSION_AT_LEAST(BL_VERSION_MAJOR, BL_VERSION_MINOR + 1, 0));
  assert_false(BL_VERSION_AT_LEAST(BL_VERSION_MAJOR + 1, 0, 0));
  assert_true(BL_VERSION_OF(1, 0, 0) > BL_VERSION_OF(0, 99, 99) && BL_VERSION_OF(0, 2, 0) > BL_VERSION_OF(0, 1, 99));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_macros_are_the_release), cmocka_unit_test(test_order)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
