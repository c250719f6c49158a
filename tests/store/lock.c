#include "store/lock.h"

#include "base/clock.h"
#include "store/files.h"
#include "support/cmocka.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process that holds the lock until it is killed; returns when it has it. */
static pid_t begin_owner(const char *path) {
  int ready[2];
  char byte = 0;
  assert_int_equal(pipe(ready), 0);
  const pid_t process = fork();
  if (process == 0) {
    bl_lock *lock;
    byte = bl_lock_take(&lock, path) == BL_OK ? 'y' : 'n';
    (void)!write(ready[1], &byte, 1);
    for (;;)
      pause();
  }
  assert_int_equal(read(ready[0], &byte, 1), 1);
  assert_int_equal(byte, 'y');
  close(ready[0]);
  close(ready[1]);
  return process;
}

static void end_owner(pid_t process) {
  assert_int_equal(kill(process, SIGKILL), 0);
  assert_int_equal(waitpid(process, NULL, 0), process);
}

static void is_there_as_long_as_it_is_held(void **state) {
  (void)state;
  char *path = strdup(scratch("new/folder/run.lock")), *folder = strdup(scratch("new"));
  bl_lock *lock;
  assert_int_equal(bl_lock_take(&lock, path), BL_OK);
  assert_int_equal(access(path, F_OK), 0);
  assert_int_equal(bl_lock_check(lock), BL_OK);
  bl_lock_release(&lock);
  assert_null(lock);
  assert_int_equal(access(folder, F_OK), -1);
  bl_lock_release(&lock);
  assert_int_equal(bl_lock_check(NULL), BL_OK);
  free(path);
  free(folder);
}

static void keeps_others_away(void **state) {
  (void)state;
  char *path = strdup(scratch("held/run.lock")), words[64], owner[256];
  bl_lock *lock;
  const pid_t process = begin_owner(path);
  snprintf(words, sizeof words, "process %ld on host ", (long)process);
  assert_true(bl_lock_is_taken(owner, sizeof owner, path));
  assert_non_null(strstr(owner, words));
  assert_int_equal(bl_lock_take(&lock, path), BL_ERROR_USAGE);
  assert_null(lock);
  assert_true(message_has(words));
  /* A process that was killed leaves the file, and the next one takes it. */
  end_owner(process);
  assert_int_equal(access(path, F_OK), 0);
  assert_false(bl_lock_is_taken(owner, sizeof owner, path));
  const double start = bl_clock_seconds();
  assert_int_equal(bl_lock_take(&lock, path), BL_OK);
  assert_true(bl_clock_seconds() - start < 2);
  bl_lock_release(&lock);
  assert_int_equal(access(path, F_OK), -1);
  free(path);
}

/* Many at once: one of them has it. */
static void gives_it_to_one(void **state) {
  (void)state;
  enum { PROCESSES = 8 };
  char *path = strdup(scratch("race/run.lock"));
  pid_t processes[PROCESSES];
  int winners = 0, status;
  assert_int_equal(mkdir(scratch("race"), 0755), 0);
  for (int i = 0; i < PROCESSES; i++) {
    processes[i] = fork();
    if (processes[i] == 0) {
      bl_lock *lock;
      const bool won = bl_lock_take(&lock, path) == BL_OK;
      sleep(9); /* longer than the others need to begin */
      bl_lock_release(&lock);
      _exit(won ? 0 : 1);
    }
  }
  for (int i = 0; i < PROCESSES; i++) {
    assert_int_equal(waitpid(processes[i], &status, 0), processes[i]);
    winners += WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  assert_int_equal(winners, 1);
  free(path);
}

static void write_lock(const char *path, const char *host, const char *boot, long process) {
  char text[512];
  snprintf(text, sizeof text,
           "x\nhost %s\nprocess %ld\nsince 2026-01-01T00:00:00Z\njob \nrestart 0\nboot %s\nstarted 1\nspace s\n", host,
           process, boot);
  write_bytes(path, text, strlen(text));
}

/* Of another host: it lives while the time of the file changes. */
static void watches_other_hosts(void **state) {
  (void)state;
  char *path = strdup(scratch("far.lock"));
  bl_lock *lock;
  write_lock(path, "elsewhere", "another-boot", 1);
  const pid_t process = fork();
  if (process == 0)
    for (;;) {
      sleep(1);
      utimensat(AT_FDCWD, path, NULL, 0);
    }
  assert_int_equal(bl_lock_take(&lock, path), BL_ERROR_USAGE);
  assert_true(message_has("process 1 on host elsewhere"));
  end_owner(process);
  write_bytes(scratch("model.nc.elsewhere-1.partial"), "x", 1);
  write_bytes(scratch("model.nc.elsewhere-2.partial"), "x", 1);
  const struct timespec old[2] = {{1000, 0}, {1000, 0}};
  assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
  assert_int_equal(bl_lock_take(&lock, path), BL_OK);
  assert_int_equal(count_entries(scratch(""), "elsewhere-1"), 0);
  assert_int_equal(count_entries(scratch(""), "elsewhere-2"), 1);
  bl_lock_release(&lock);
  free(path);
}

static void notices_what_happens_to_the_folder(void **state) {
  (void)state;
  char *path = strdup(scratch("moving/run.lock")), *folder = strdup(scratch("moving")), *away = strdup(scratch("away"));
  bl_lock *lock;
  assert_int_equal(bl_lock_take(&lock, path), BL_OK);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(bl_lock_check(lock), BL_OK);
  assert_int_equal(access(path, F_OK), 0);
  assert_int_equal(rename(folder, away), 0);
  assert_int_equal(bl_lock_check(lock), BL_ERROR_SYSTEM);
  assert_true(message_has("removed or renamed"));
  assert_int_equal(mkdir(folder, 0755), 0);
  assert_int_equal(bl_lock_check(lock), BL_ERROR_SYSTEM);
  assert_true(message_has("removed or renamed"));
  assert_int_equal(rmdir(folder), 0);
  assert_int_equal(rename(away, folder), 0);
  write_lock(path, "elsewhere", "another-boot", 1);
  assert_int_equal(unlink(path), 0);
  write_lock(path, "elsewhere", "another-boot", 1);
  assert_int_equal(bl_lock_check(lock), BL_ERROR_SYSTEM);
  assert_true(message_has("taken over"));
  bl_lock_release(&lock);
  assert_int_equal(access(path, F_OK), 0); /* not ours any more */
  free(path);
  free(folder);
  free(away);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_there_as_long_as_it_is_held),
      cmocka_unit_test(keeps_others_away),
      cmocka_unit_test(gives_it_to_one),
      cmocka_unit_test(watches_other_hosts),
      cmocka_unit_test(notices_what_happens_to_the_folder),
  };
  return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
