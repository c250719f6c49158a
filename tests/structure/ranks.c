/* The harness itself: a test named ..._n<k> runs on k ranks, and another on one. */
#include "support/cmocka.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

static int expected_ranks;

static void test_rank_count(void **state) {
  (void)state;
  int size, sum, one = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  assert_int_equal(size, expected_ranks);
  MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  assert_int_equal(sum, expected_ranks);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  const char *suffix = strstr(argv[0], "_n");
  expected_ranks = suffix ? atoi(suffix + 2) : 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rank_count)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
