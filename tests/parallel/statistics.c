#include "parallel/statistics.h"

#include "support/cmocka.h"

#include <math.h>
#include <time.h>

static int rank, size;

static void test_over_ranks(void **state) {
  (void)state;
  const bl_timing timings[] = {
      {.name = "everybody", .seconds = 1.0 + rank, .calls = 2},
      {.name = "odd ranks", .seconds = 10.0 * rank, .calls = rank % 2},
      {.name = "nobody", .seconds = 0.0, .calls = 0},
      {.name = "equal", .seconds = 3.0, .calls = 1},
  };
  bl_statistic statistics[4];
  assert_int_equal(bl_statistics_of(statistics, timings, 4, MPI_COMM_WORLD), BL_OK);
  assert_true(statistics[0].min == 1.0 && statistics[0].max == size && statistics[0].slowest == size - 1);
  assert_true(fabs(statistics[0].mean - 0.5 * (1 + size)) < 1e-12);
  assert_int_equal(statistics[0].ranks, size);
  const int odd = size / 2, last_odd = size % 2 == 0 ? size - 1 : size - 2;
  assert_int_equal(statistics[1].ranks, odd);
  assert_int_equal(statistics[1].slowest, odd > 0 ? last_odd : -1);
  assert_true(statistics[1].min == (odd > 0 ? 10.0 : 0.0) && statistics[1].max == (odd > 0 ? 10.0 * last_odd : 0.0));
  assert_true(statistics[2].ranks == 0 && statistics[2].slowest == -1 && statistics[2].max == 0.0);
  assert_true(statistics[3].slowest == 0 && statistics[3].min == 3.0 && statistics[3].max == 3.0);
}

static void test_timing(void **state) {
  (void)state;
  bl_timing timing = {.name = "sleep"};
  for (int i = 0; i < 3; i++) {
    bl_timing_begin(&timing);
    nanosleep(&(struct timespec){0, 10000000}, NULL);
    bl_timing_end(&timing);
  }
  assert_int_equal(timing.calls, 3);
  assert_true(timing.seconds >= 0.03 && timing.seconds < 3.0);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_over_ranks), cmocka_unit_test(test_timing)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
