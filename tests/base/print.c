/* What is printed is safe for a terminal, however long and whatever its values are, and what is lost is told. */
#include "base/print.h"

#include "support/cmocka.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a call of bl_print_to writes into `file`. */
#define assert_prints(expected, ...)           \
  do {                                         \
    char *text = NULL;                         \
    size_t size = 0;                           \
    FILE *file = open_memstream(&text, &size); \
    assert_non_null(file);                     \
    bl_print_to(file, __VA_ARGS__);            \
    fclose(file);                              \
    assert_string_equal(text, expected);       \
    free(text);                                \
  } while (0)

static void test_values_are_escaped(void **state) {
  (void)state;
  assert_prints("name: 3\n", "%s: %d\n", "name", 3);
  assert_prints("a\\x1b[2J\nb\n", "%s\n%s\n", "a\033[2J", "b");
  /* Lines of ours stay lines, those of values do not. */
  assert_prints("\n  a\\n  forged: 1\\n: \\n\\n\\n|\n", "\n  %s: %.3s|\n", "a\n  forged: 1\n", "\n\n\n\n");
  assert_prints("\n\\n\\x01\\x02\\x03\n", "\n%s\n", "\n\001\002\003");
  assert_prints("no value", "no value");
}

static void test_long_values(void **state) {
  (void)state;
  static char value[10001], expected[10003];
  memset(value, 'x', sizeof value - 1);
  memset(expected, 'x', sizeof value - 2);
  value[sizeof value - 2] = '\n';
  strcpy(expected + sizeof value - 2, "\\n\n");
  assert_prints(expected, "%s\n", value);
}

/* Standard output becomes what \a path is, closed for NULL. Returns the old one. */
static int redirect(const char *path) {
  fflush(stdout);
  const int kept = dup(STDOUT_FILENO);
  close(STDOUT_FILENO);
  if (path != NULL)
    assert_int_equal(open(path, O_WRONLY), STDOUT_FILENO);
  return kept;
}

static void restore(int kept) {
  dup2(kept, STDOUT_FILENO);
  close(kept);
  clearerr(stdout);
}

static void test_closed_descriptors_are_not_given_to_files(void **state) {
  (void)state;
  const int kept = redirect(NULL);
  bl_print_begin();
  const int opened = open("/dev/null", O_WRONLY);
  const bool refuses = write(STDOUT_FILENO, "x", 1) < 0;
  restore(kept);
  close(opened);
  assert_true(opened > STDERR_FILENO);
  assert_true(refuses);
}

/* The last test: the first reason stays. */
static void test_lost_output_is_told(void **state) {
  (void)state;
  assert_int_equal(bl_print_end(), BL_OK);
  if (access("/dev/full", W_OK) != 0)
    skip();
  const int kept = redirect("/dev/full");
  bl_print("%d\n", 3);
  const bool goes = bl_print_flush();
  const bl_status status = bl_print_end();
  restore(kept);
  assert_false(goes);
  assert_int_equal(status, BL_ERROR_SYSTEM);
  assert_non_null(strstr(bl_status_message(), "No space left on device"));
  bl_status_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_values_are_escaped), cmocka_unit_test(test_long_values),
                                     cmocka_unit_test(test_closed_descriptors_are_not_given_to_files),
                                     cmocka_unit_test(test_lost_output_is_told)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
