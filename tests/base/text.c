/* What a terminal would obey is shown as an escape; letters of any script stay; nothing is cut inside a letter. */
#include "base/text.h"

#include "support/cmocka.h"

#include <string.h>

static const char *escaped(const char *text, bool lines) {
  static char shown[256];
  bl_text_escape(shown, sizeof shown, text, lines);
  return shown;
}

static void test_letters_stay(void **state) {
  (void)state;
  static const char *const texts[] = {"",  "plain {}[]\\\"'|", "Größe ‖∇‖ 5×5", "数字", "ελληνικά", "עברית",
                                      "😀", "\xc2\xa0"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    assert_string_equal(escaped(texts[i], false), texts[i]);
}

static void test_commands_are_shown(void **state) {
  (void)state;
  static const char *const cases[][2] = {{"\033[2J", "\\x1b[2J"},
                                         {"a\177b\001", "a\\x7fb\\x01"},
                                         {"a\nb\rc\td", "a\\nb\\rc\\td"},
                                         {"\xc2\x9b"
                                          "2J",
                                          "\\u009b2J"},
                                         {"\xc2\x80", "\\u0080"},
                                         {"\xe2\x80\xae"
                                          "gnp",
                                          "\\u202egnp"},
                                         {"\xe2\x81\xa6", "\\u2066"},
                                         {"\xe2\x81\xa9", "\\u2069"},
                                         {"\xe2\x80\xa8", "\\u2028"},
                                         {"\xef\xbb\xbf", "\\ufeff"},
                                         {"\xe2\x80\x8f\xd8\x9c", "\\u200f\\u061c"},
                                         {"\x9b"
                                          "2J",
                                          "\\x9b2J"},
                                         {"\xff", "\\xff"},
                                         {"\xc3", "\\xc3"},
                                         {"\xc0\x9b", "\\xc0\\x9b"},
                                         {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
                                         {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
                                         {"\xe0\x82\x9b", "\\xe0\\x82\\x9b"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_string_equal(escaped(cases[i][0], false), cases[i][1]);
  assert_string_equal(escaped("a\nb\tc", true), "a\nb\\tc");
}

static void test_escapes_stay_as_they_are(void **state) {
  (void)state;
  char once[256];
  strcpy(once, escaped("\033\xe2\x80\xae\n\xff", false));
  assert_string_equal(escaped(once, false), once);
}

static void test_cut_by_letters(void **state) {
  (void)state;
  char shown[8];
  memset(shown, '#', sizeof shown);
  bl_text_escape(shown, 6, "abc\033d", false);
  assert_string_equal(shown, "abc");
  bl_text_escape(shown, 4, "ab‖", false);
  assert_string_equal(shown, "ab");
  bl_text_escape(shown, 1, "ab", false);
  assert_string_equal(shown, "");
}

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
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_letters_stay),
                                     cmocka_unit_test(test_commands_are_shown),
                                     cmocka_unit_test(test_escapes_stay_as_they_are),
                                     cmocka_unit_test(test_cut_by_letters),
                                     cmocka_unit_test(utf8_begins_after_its_mark),
                                     cmocka_unit_test(wide_letters_are_refused_by_name)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
