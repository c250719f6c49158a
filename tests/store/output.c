#include "store/output.h"

#include "store/files.h"
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_content(const char *path, const char *expected) {
  uint8_t *bytes;
  const size_t size = read_bytes(&bytes, path);
  assert_int_equal(size, strlen(expected));
  assert_memory_equal(bytes, expected, size);
  free(bytes);
}

static void writes_pieces_and_makes_folders(void **state) {
  (void)state;
  const bl_bytes pieces[3] = {{"one ", 4}, {"", 0}, {"two", 3}};
  assert_int_equal(bl_output_check(scratch("a/b/c.txt")), BL_OK);
  assert_int_equal(access(scratch("a"), F_OK), -1);
  assert_int_equal(bl_output_write(scratch("a/b/c.txt"), pieces, 3), BL_OK);
  assert_content(scratch("a/b/c.txt"), "one two");
  assert_int_equal(bl_output_write(scratch("a/b/c.txt"), pieces, 1), BL_OK);
  assert_content(scratch("a/b/c.txt"), "one ");
  assert_int_equal(count_entries(scratch("a/b"), ""), 1);
}

static void keeps_the_old_file_when_the_limit_of_sizes_is_met(void **state) {
  (void)state;
  struct rlimit old, small;
  char *large = calloc(1, 100000);
  assert_int_equal(bl_output_write(scratch("limit.txt"), &(bl_bytes){"old", 3}, 1), BL_OK);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  small = old;
  small.rlim_cur = 4096;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  assert_int_equal(bl_output_write(scratch("limit.txt"), &(bl_bytes){large, 100000}, 1), BL_ERROR_SYSTEM);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  assert_true(message_has("100000 bytes are needed"));
  assert_content(scratch("limit.txt"), "old");
  assert_int_equal(count_entries(scratch(""), "limit"), 1);
  free(large);
}

static void refuses_a_folder_without_permission(void **state) {
  (void)state;
  char *path = strdup(scratch("locked/file.txt")), *folder = strdup(scratch("locked"));
  const bool root = geteuid() == 0;
  assert_int_equal(bl_output_write(path, &(bl_bytes){"old", 3}, 1), BL_OK);
  assert_int_equal(chmod(folder, 0555), 0);
  assert_int_equal(chmod(scratch(""), 0755), 0);
  if (root)
    assert_int_equal(seteuid(65534), 0);
  const bl_status checked = bl_output_check(path);
  const bool told = message_has(folder);
  const bl_status written = bl_output_write(path, &(bl_bytes){"new", 3}, 1);
  const bool told_again = message_has("Permission denied");
  const bl_status deeper = bl_output_check(scratch("locked/x/y.txt"));
  bl_status_clear();
  if (root)
    assert_int_equal(seteuid(0), 0);
  assert_int_equal(checked, BL_ERROR_USAGE);
  assert_true(told);
  assert_int_equal(written, BL_ERROR_SYSTEM);
  assert_true(told_again);
  assert_int_equal(deeper, BL_ERROR_USAGE);
  assert_content(path, "old");
  assert_int_equal(count_entries(folder, ""), 1);
  free(path);
  free(folder);
}

static void refuses_names_that_are_no_files(void **state) {
  (void)state;
  assert_int_equal(bl_output_check(scratch("")), BL_ERROR_USAGE);
  assert_true(message_has("is a folder"));
  assert_int_equal(bl_output_check(""), BL_ERROR_USAGE);
  assert_true(message_has("empty"));
  assert_int_equal(bl_output_write(scratch("file"), &(bl_bytes){"x", 1}, 1), BL_OK);
  assert_int_equal(bl_output_check(scratch("file/below")), BL_ERROR_USAGE);
  assert_true(message_has("file"));
  assert_int_equal(bl_output_write(scratch("file/below"), &(bl_bytes){"x", 1}, 1), BL_ERROR_SYSTEM);
  assert_true(message_has("file"));
  assert_int_equal(mkdir(scratch("folder"), 0755), 0);
  assert_int_equal(bl_output_write(scratch("folder"), &(bl_bytes){"x", 1}, 1), BL_ERROR_SYSTEM);
  assert_true(message_has("folder"));
  assert_int_equal(count_entries(scratch(""), "partial"), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_pieces_and_makes_folders),
      cmocka_unit_test(keeps_the_old_file_when_the_limit_of_sizes_is_met),
      cmocka_unit_test(refuses_a_folder_without_permission),
      cmocka_unit_test(refuses_names_that_are_no_files),
  };
  return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
