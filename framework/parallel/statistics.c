#include "parallel/statistics.h"

#include "base/clock.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "parallel/watchdog.h"

void bl_timing_begin(bl_timing *timing) {
  timing->began = bl_clock_seconds();
  bl_watchdog_work(timing->name);
}

void bl_timing_end(bl_timing *timing) {
  timing->seconds += bl_clock_seconds() - timing->began;
  timing->calls++;
  bl_watchdog_work(NULL);
}

bl_status bl_statistics_of(bl_statistic *statistics, const bl_timing *timings, int count, MPI_Comm comm) {
  int rank;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  for (int i = 0; i < count; i++) {
    const int worked = timings[i].calls > 0;
    /* Ranks that did nothing put in values that never win: the largest negative one for both maxima. */
    struct {
      double value;
      int rank;
    } largest = {worked ? timings[i].seconds : -1.0, rank}, smallest = {worked ? -timings[i].seconds : -1e300, rank};
    double sums[2] = {worked ? timings[i].seconds : 0.0, worked};
    BL_TRY(BL_MPI_SYNCHRONISED(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_DOUBLE_INT, MPI_MAXLOC, comm), comm));
    BL_TRY(BL_MPI(MPI_Allreduce(MPI_IN_PLACE, &smallest, 1, MPI_DOUBLE_INT, MPI_MAXLOC, comm)));
    BL_TRY(BL_MPI(MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, comm)));
    const int ranks = (int)sums[1];
    statistics[i] = ranks > 0 ? (bl_statistic){-smallest.value, sums[0] / sums[1], largest.value, largest.rank, ranks}
                              : (bl_statistic){.slowest = -1};
  }
  return BL_OK;
}
