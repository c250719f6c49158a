#include "base/status.h"

#include "support/cmocka.h"

#include <string.h>

static bl_status tried(int *steps) {
  BL_TRY(BL_OK);
  ++*steps;
  BL_TRY(bl_fail(BL_ERROR_INPUT, "first"));
  ++*steps;
  return BL_OK;
}

static bl_status jumped(int *cleaned) {
  bl_status status = BL_OK;
  BL_GOTO(BL_OK);
  BL_GOTO(bl_fail(BL_ERROR_SYSTEM, "disk %d full", 3));
  *cleaned = -1;
done:
  ++*cleaned;
  return status;
}

static void test_first_message_is_kept(void **state) {
  (void)state;
  bl_status_clear();
  assert_string_equal(bl_status_message(), "");
  assert_int_equal(bl_fail(BL_ERROR_INPUT, "%s:%d: %s", "a.yaml", 7, "unknown key"), BL_ERROR_INPUT);
  assert_int_equal(bl_fail(BL_ERROR_SYSTEM, "later"), BL_ERROR_SYSTEM);
  assert_string_equal(bl_status_message(), "a.yaml:7: unknown key");
  bl_status_clear();
  assert_string_equal(bl_status_message(), "");
  bl_fail(BL_ERROR_SYSTEM, "next");
  assert_string_equal(bl_status_message(), "next");
  bl_status_clear();
}

static void test_macros_leave(void **state) {
  (void)state;
  int steps = 0, cleaned = 0;
  assert_int_equal(tried(&steps), BL_ERROR_INPUT);
  assert_int_equal(steps, 1);
  assert_string_equal(bl_status_message(), "first");
  bl_status_clear();
  assert_int_equal(jumped(&cleaned), BL_ERROR_SYSTEM);
  assert_int_equal(cleaned, 1);
  assert_string_equal(bl_status_message(), "disk 3 full");
  bl_status_clear();
}

static void test_long_message_is_cut(void **state) {
  (void)state;
  char text[3 * BL_MESSAGE_SIZE];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  bl_fail(BL_ERROR_INPUT, "%s", text);
  assert_int_equal(strlen(bl_status_message()), BL_MESSAGE_SIZE - 1);
  bl_status_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_first_message_is_kept),
      cmocka_unit_test(test_macros_leave),
      cmocka_unit_test(test_long_message_is_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
