/* A signal to one rank is known to all at the next agreement, and not before; more signals change nothing. */
#include "parallel/interrupt.h"

#include "support/cmocka.h"

#include <signal.h>

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
  bl_interrupt_catch();
  assert_false(agree());
  if (rank == size - 1)
    assert_int_equal(raise(SIGUSR1), 0);
  assert_true(agree());
  for (int i = 0; i < 3; i++) {
    raise(SIGTERM);
    raise(SIGUSR1);
  }
  assert_true(agree());
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_signals)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
