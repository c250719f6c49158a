/* A signal to one rank is known to all at the next agreement, and not before; more signals change nothing. */
#include "parallel/interrupt.h"

#include "support/cmocka.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static MPI_Comm comm = MPI_COMM_WORLD;

static bool agree(void) {
  bool asked;
  assert_int_equal(bl_interrupt_agree(&asked, comm), BL_OK);
  return asked;
}

static void test_signals(void **state) {
  (void)state;
  int rank, size;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  bl_interrupt_catch(NULL);
  assert_false(agree());
  if (rank == size - 1)
    assert_int_equal(raise(SIGINT), 0);
  assert_true(agree());
  for (int i = 0; i < 3; i++) {
    raise(SIGTERM);
    raise(SIGUSR1);
  }
  assert_true(agree());
}

/* Ctrl-C once is a request as well; twice ends the process, told by a child of its own. */
static void test_ctrl_c(void **state) {
  (void)state;
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGINT, SIG_IGN);
    bl_interrupt_catch("once more ends\n");
    raise(SIGTERM); /* what a launcher sends does not count */
    raise(SIGINT);
    raise(SIGINT);
    _exit(0);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_ctrl_c), cmocka_unit_test(test_signals)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
