#include "base/text.h"

#include "support/cmocka.h"

#include <string.h>

static void utf8_begins_after_its_mark(void **state) {
  (void)state;
  static const char *const texts[] = {"seed: 1",     "", "a", "\xef\xbb", "\xc3\xa9t\xc3\xa9", "\xef\xbb\xbfseed: 1",
                                      "\xef\xbb\xbf"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    size_t start = 99;
    assert_int_equal(bl_text_begin(&start, "a.yaml", texts[i], strlen(texts[i])), BL_OK);
    assert_int_equal(start, i < 5 ? 0 : 3);
  }
}

static void wide_letters_are_refused_by_name(void **state) {
  (void)state;
  static const struct {
    const char *text, *name;
    size_t size;
  } rows[] = {{"\xff\xfes\0", "UTF-16LE", 4},
              {"\xfe\xff\0s", "UTF-16BE", 4},
              {"\xff\xfe", "UTF-16LE", 2},
              {"s\0e\0", "UTF-16LE", 4},
              {"\0s\0e", "UTF-16BE", 4},
              {"s\0\0\0", "UTF-32LE", 4},
              {"\xff\xfe\0\0s\0\0\0", "UTF-32LE", 8},
              {"\0\0\xfe\xff\0\0\0s", "UTF-32BE", 8},
              {"\0\0\0s", "UTF-32BE", 4}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t start;
    assert_int_equal(bl_text_begin(&start, "a.yaml", rows[i].text, rows[i].size), BL_ERROR_USAGE);
    assert_non_null(strstr(bl_status_message(), rows[i].name));
    assert_non_null(strstr(bl_status_message(), "a.yaml: is text in UTF-"));
    bl_status_clear();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(utf8_begins_after_its_mark),
      cmocka_unit_test(wide_letters_are_refused_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
