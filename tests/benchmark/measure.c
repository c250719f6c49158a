#include "benchmark/measure.h"

#include "base/clock.h"
#include "base/memory.h"
#include "sampler/sampler.h"

#include <mpi.h>
#include <stdio.h>

bl_status measure_plan(bl_options **options, bl_chain *chain, int count, const char *const *sets) {
  enum { MOST = 16 };
  const char *all[MOST] = {"sampler.name=ddpm", "sampler.grid=linear", "sampler.steps=10"};
  bl_schedule schedule = {0};
  for (int i = 0; i < count && i + 3 < MOST; i++)
    all[i + 3] = sets[i];
  BL_TRY(bl_options_parse(options, NULL, NULL, 0, count + 3, all));
  BL_TRY(bl_schedule_create(&schedule, "linear", 1000, 1e-4, 0.02));
  const bl_status status = bl_sampler_plan(chain, &schedule, *options, true);
  bl_schedule_destroy(&schedule);
  return status;
}

static void print_memory(void) {
  int ranks, rank;
  double mine = (double)bl_memory_peak() / 1048576, each[64] = {0};
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Gather(&mine, 1, MPI_DOUBLE, each, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  for (int i = 0; rank == 0 && i < ranks; i++)
    printf(" %.1f", each[i]);
}

bl_status measure_repeat(measure_work *work, void *state, const measure_task *task, const measure_size *size) {
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  for (int i = -task->warm; i < task->repeats; i++) {
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = bl_clock_seconds();
    BL_TRY(work(state));
    double seconds = bl_clock_seconds() - start;
    MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    if (rank == 0 && i >= 0)
      printf("%.9f\n", seconds);
  }
  if (rank == 0)
    printf("samples %.0f flops %.6e parameters %zu peak", size->samples, size->flops, size->parameters);
  print_memory();
  if (rank == 0)
    printf("\n");
  fflush(stdout);
  return BL_OK;
}
