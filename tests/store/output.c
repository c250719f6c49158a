#include "store/output.h"

#include "store/files.h"
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
  assert_int_equal(bl_output_write(scratch("limit.txt"), &(bl_bytes){large, 100000}, 1), BL_ERROR_STORAGE);
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

static void write_text(const char *path, const char *text) {
  assert_int_equal(bl_output_write(path, &(bl_bytes){text, strlen(text)}, 1), BL_OK);
}

static void writes_through_links(void **state) {
  (void)state;
  struct stat what;
  char *link = strdup(scratch("link")), *ahead = strdup(scratch("ahead")), *target = strdup(scratch("far/target"));
  write_text(target, "old");
  assert_int_equal(symlink("far/target", link), 0);
  assert_int_equal(symlink("far/new", ahead), 0);
  assert_int_equal(bl_output_check(link), BL_OK);
  write_text(link, "new");
  write_text(ahead, "made");
  assert_int_equal(lstat(link, &what), 0);
  assert_true(S_ISLNK(what.st_mode));
  assert_content(target, "new");
  assert_content(scratch("far/new"), "made");
  assert_int_equal(lstat(ahead, &what), 0);
  assert_true(S_ISLNK(what.st_mode));
  free(link);
  free(ahead);
  free(target);
}

static void keeps_permissions(void **state) {
  (void)state;
  struct stat what;
  char *path = strdup(scratch("private"));
  write_text(path, "old");
  assert_int_equal(chmod(path, 0640), 0);
  write_text(path, "new");
  assert_int_equal(stat(path, &what), 0);
  assert_int_equal(what.st_mode & 07777, 0640);
  free(path);
}

static void replaces_regular_files_only(void **state) {
  (void)state;
  struct stat what;
  char *pipe = strdup(scratch("pipe")), *link = strdup(scratch("null"));
  assert_int_equal(mkfifo(pipe, 0600), 0);
  assert_int_equal(symlink("/dev/null", link), 0);
  const char *const refused[] = {pipe, link, "/dev/null"}, *const kinds[] = {"is a pipe", "is a device", "is a device"};
  for (int i = 0; i < 3; i++) {
    assert_int_equal(bl_output_check(refused[i]), BL_ERROR_USAGE);
    assert_true(message_has(kinds[i]));
    assert_int_equal(bl_output_write(refused[i], &(bl_bytes){"new", 3}, 1), BL_ERROR_SYSTEM);
    assert_true(message_has(kinds[i]));
  }
  assert_int_equal(stat("/dev/null", &what), 0);
  assert_true(S_ISCHR(what.st_mode));
  assert_int_equal(stat(pipe, &what), 0);
  assert_true(S_ISFIFO(what.st_mode));
  free(pipe);
  free(link);
}

/* Refused: whatever the spelling, the file that is read stays. */
static void tells_outputs_from_inputs(void **state) {
  (void)state;
  char *input = strdup(scratch("in/model.nc")), *folder = strdup(scratch("pictures")),
       *missing = strdup(scratch("in/none"));
  const bl_input_file inputs[] = {{"model.file", input}, {"import.images", folder}, {"metrics.reference", missing}};
  write_text(input, "model");
  write_text(scratch("pictures/class/a.png"), "picture");
  write_text(scratch("pictures/set.nc"), "old set");
  assert_int_equal(link(input, scratch("hard")), 0);
  assert_int_equal(symlink("in/model.nc", scratch("soft")), 0);
  assert_int_equal(symlink("in", scratch("other")), 0);
  const char *const refused[] = {"in/model.nc",    "in/../in/./model.nc",  "hard",    "soft",
                                 "other/model.nc", "pictures/class/a.png", "in/none", "other/none"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    assert_int_equal(bl_output_apart(scratch(refused[i]), inputs, 3), BL_ERROR_USAGE);
    assert_true(message_has("choose another --output"));
  }
  const char *const allowed[] = {"in/other.nc", "model.nc", "pictures/set.nc", "pictures/class/b.png", "none"};
  for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
    assert_int_equal(bl_output_apart(scratch(allowed[i]), inputs, 3), BL_OK);
  free(input);
  free(folder);
  free(missing);
}

/* Only what a dead process of this host left, of the names that are asked for. */
static void sweeps_what_the_dead_left(void **state) {
  (void)state;
  static const char *const beginnings[] = {"checkpoint-", "model.nc", NULL};
  char host[65] = "", name[256];
  gethostname(host, sizeof host - 1);
  const pid_t dead = fork();
  if (dead == 0)
    _exit(0);
  assert_int_equal(waitpid(dead, NULL, 0), dead);
  const char *const files[] = {"model.nc", "checkpoint-000001.nc", "samples.nc"};
  write_text(scratch("sweep/model.nc"), "model");
  for (int i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "sweep/%s.%s-%ld.partial", files[i], host, (long)dead);
    write_text(scratch(name), "left");
    snprintf(name, sizeof name, "sweep/%s.%s-%ld.partial", files[i], host, (long)getpid());
    write_text(scratch(name), "at work");
    snprintf(name, sizeof name, "sweep/%s.far-away-%ld.partial", files[i], (long)dead);
    write_text(scratch(name), "at work");
  }
  bl_output_sweep(scratch("sweep"), beginnings);
  assert_int_equal(count_entries(scratch("sweep"), "partial"), 7);
  assert_int_equal(count_entries(scratch("sweep"), ""), 8);
  snprintf(name, sizeof name, "sweep/samples.nc.%s-%ld.partial", host, (long)dead);
  assert_int_equal(access(scratch(name), F_OK), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_pieces_and_makes_folders),
      cmocka_unit_test(keeps_the_old_file_when_the_limit_of_sizes_is_met),
      cmocka_unit_test(refuses_a_folder_without_permission),
      cmocka_unit_test(refuses_names_that_are_no_files),
      cmocka_unit_test(writes_through_links),
      cmocka_unit_test(keeps_permissions),
      cmocka_unit_test(replaces_regular_files_only),
      cmocka_unit_test(tells_outputs_from_inputs),
      cmocka_unit_test(sweeps_what_the_dead_left),
  };
  return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
