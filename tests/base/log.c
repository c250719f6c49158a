#include "base/log.h"

#include "base/capture.h"
#include "support/cmocka.h"

static void test_lines(void **state) {
  (void)state;
  char text[256];
  capture_begin(0);
  assert_true(bl_log_speaks());
  bl_log("%d samples", 3);
  bl_warn("%s is old", "a.nc");
  bl_log_speak(false);
  bl_log("unheard");
  bl_warn("unheard");
  const bool speaks = bl_log_speaks();
  bl_log_speak(true);
  capture_read(text, sizeof text);
  capture_end();
  assert_false(speaks);
  assert_string_equal(text, "3 samples\nwarning: a.nc is old\n");
}

static void test_message_takes_the_place_of_a_bar(void **state) {
  (void)state;
  char text[256];
  capture_begin(0);
  bl_log_line_open(true);
  bl_log("checkpoint written");
  bl_log("next");
  capture_read(text, sizeof text);
  capture_end();
  assert_string_equal(text, "\r\033[Kcheckpoint written\nnext\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lines),
      cmocka_unit_test(test_message_takes_the_place_of_a_bar),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
