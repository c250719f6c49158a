/* Ranks that come early to a collective of ours sleep there: next to no processor time, however late the last one is. */
#include "parallel/wait.h"

#include "base/clock.h"
#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/exact_sum.h"
#include "parallel/statistics.h"
#include "support/cmocka.h"

#include <sys/resource.h>
#include <time.h>

static int rank, size;

static bl_status meet(void) {
  return bl_barrier(MPI_COMM_WORLD);
}

static bl_status agree(void) {
  return bl_agree(BL_OK, MPI_COMM_WORLD);
}

static bl_status broadcast(void) {
  int value = rank;
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Bcast(&value, 1, MPI_INT, size - 1, MPI_COMM_WORLD), MPI_COMM_WORLD));
  return value == size - 1 ? BL_OK : BL_ERROR_LIBRARY;
}

static bl_status sum_up(void) {
  enum { COUNT = 100000 };
  bl_exact_sum *sum = NULL;
  const double one = 1;
  double total = 0;
  BL_TRY(bl_exact_sum_create(&sum, COUNT));
  bl_exact_sum_add_double(sum, 7, 1, &one);
  bl_status status = bl_exact_sum_allreduce(sum, MPI_COMM_WORLD);
  if (status == BL_OK)
    status = bl_exact_sum_get_double(&total, sum, 7, 1, 1);
  bl_exact_sum_destroy(&sum);
  return status == BL_OK && total != (double)size ? BL_ERROR_NUMERIC : status;
}

static bl_status reduce(void) {
  bl_exact_sum *sum = NULL;
  BL_TRY(bl_exact_sum_create(&sum, 10));
  const bl_status status = bl_exact_sum_reduce(sum, 0, 10, 0, MPI_COMM_WORLD);
  bl_exact_sum_destroy(&sum);
  return status;
}

static bl_status compare_times(void) {
  const bl_timing timing = {.name = "test", .seconds = rank, .calls = 1};
  bl_statistic statistic;
  BL_TRY(bl_statistics_of(&statistic, &timing, 1, MPI_COMM_WORLD));
  return statistic.slowest == size - 1 ? BL_OK : BL_ERROR_LIBRARY;
}

static double processor_seconds(void) {
  struct rusage usage;
  assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void who_waits_sleeps(void **state) {
  static bl_status (*const collectives[])(void) = {meet, agree, broadcast, sum_up, reduce, compare_times};
  (void)state;
  for (size_t i = 0; i < sizeof collectives / sizeof collectives[0]; i++) {
    assert_int_equal(bl_barrier(MPI_COMM_WORLD), BL_OK);
    if (rank == size - 1)
      nanosleep(&(struct timespec){2, 0}, NULL); /* longer than the wait below, as on a busy machine the others come late */
    const double since = bl_clock_seconds(), before = processor_seconds();
    assert_int_equal(collectives[i](), BL_OK);
    const double waited = bl_clock_seconds() - since, used = processor_seconds() - before;
    if (rank == size - 1)
      continue;
    if (waited < 0.8 || used > 0.3)
      fail_msg("collective %zu: rank %d waited %.3f s, of which it used the processor for %.3f s", i, rank, waited, used);
  }
}

/* The clock is one for all ranks of a machine, and tests run on one. */
static void nobody_leaves_before_the_last_has_come(void **state) {
  (void)state;
  for (int late = 0; late < size; late++) {
    assert_int_equal(bl_barrier(MPI_COMM_WORLD), BL_OK);
    if (rank == late)
      nanosleep(&(struct timespec){0, 20000000}, NULL);
    double came = bl_clock_seconds();
    assert_int_equal(bl_barrier(MPI_COMM_WORLD), BL_OK);
    const double left = bl_clock_seconds();
    assert_int_equal(MPI_Bcast(&came, 1, MPI_DOUBLE, late, MPI_COMM_WORLD), MPI_SUCCESS);
    assert_true(left >= came);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(who_waits_sleeps),
                                     cmocka_unit_test(nobody_leaves_before_the_last_has_come)};
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const int failed = cmocka_run_group_tests(tests, NULL, NULL) + (bl_memory_balance() != 0);
  MPI_Finalize();
  return failed;
}
