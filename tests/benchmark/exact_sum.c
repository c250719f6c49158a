/* What exact sums cost against plain floating-point sums, for the sizes of this project's networks.
 *
 *     mpiexec -n 2 exact_sum
 *
 * A round adds `terms` gradients on each rank, sums over ranks, and reads the result back as floats. The plain way adds in
 * float and calls MPI_Allreduce. Times are medians over rounds, of the slowest rank. */
#include "parallel/exact_sum.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { PHASES = 3, MOST_ROUNDS = 101 };

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Median over rounds of the largest time over ranks. */
static double median(double *seconds, int rounds) {
  MPI_Allreduce(MPI_IN_PLACE, seconds, rounds, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  qsort(seconds, (size_t)rounds, sizeof *seconds, ascending);
  return seconds[rounds / 2];
}

static bl_status measure(size_t count, int rounds, int terms, int rank) {
  bl_exact_sum *sum = NULL;
  float *gradient = NULL, *total = NULL;
  double exact[PHASES][MOST_ROUNDS], plain[PHASES][MOST_ROUNDS];
  bl_status status = BL_OK;
  BL_GOTO(bl_exact_sum_create(&sum, count));
  BL_GOTO(bl_allocate(&gradient, count, sizeof *gradient));
  BL_GOTO(bl_allocate(&total, count, sizeof *total));
  bl_random_normal(gradient, count, (bl_draw){1, BL_PURPOSE_TEST, 0, (uint32_t)rank, 0});
  for (size_t i = 0; i < count; i++) /* as large as gradients are, which then travel in 8 bytes */
    gradient[i] *= 0.01F;
  for (int round = -1; round < rounds; round++) {
    const int r = round < 0 ? 0 : round; /* the first one warms up */
    double at[PHASES + 1];
    bl_exact_sum_clear(sum);
    MPI_Barrier(MPI_COMM_WORLD);
    at[0] = bl_clock_seconds();
    for (int term = 0; term < terms; term++)
      bl_exact_sum_add(sum, 0, count, gradient);
    at[1] = bl_clock_seconds();
    BL_GOTO(bl_exact_sum_allreduce(sum, MPI_COMM_WORLD));
    at[2] = bl_clock_seconds();
    BL_GOTO(bl_exact_sum_get(total, sum, 0, count, 1.0 / terms));
    at[3] = bl_clock_seconds();
    for (int phase = 0; phase < PHASES; phase++)
      exact[phase][r] = at[phase + 1] - at[phase];

    for (size_t i = 0; i < count; i++)
      total[i] = 0;
    MPI_Barrier(MPI_COMM_WORLD);
    at[0] = bl_clock_seconds();
    for (int term = 0; term < terms; term++)
      for (size_t i = 0; i < count; i++)
        total[i] += gradient[i];
    at[1] = bl_clock_seconds();
    MPI_Allreduce(MPI_IN_PLACE, total, (int)count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    at[2] = bl_clock_seconds();
    for (size_t i = 0; i < count; i++)
      total[i] *= 1.0f / (float)terms;
    at[3] = bl_clock_seconds();
    for (int phase = 0; phase < PHASES; phase++)
      plain[phase][r] = at[phase + 1] - at[phase];
  }
  double e[PHASES], p[PHASES], sums[2] = {0, 0};
  for (int phase = 0; phase < PHASES; phase++) {
    e[phase] = 1e3 * median(exact[phase], rounds);
    p[phase] = 1e3 * median(plain[phase], rounds);
    sums[0] += e[phase];
    sums[1] += p[phase];
  }
  if (rank == 0)
    printf("%9zu  %9.3f %9.3f %9.3f %9.3f  %9.3f %9.3f %9.3f %9.3f  %6.2f  %8.3f\n", count, e[0] / terms, e[1], e[2],
           sums[0], p[0] / terms, p[1], p[2], sums[1], sums[0] / sums[1], sums[0] - sums[1]);
done:
  bl_free(&gradient);
  bl_free(&total);
  bl_exact_sum_destroy(&sum);
  return status;
}

int main(int argc, char **argv) {
  static const size_t counts[] = {50000, 700000, 35700000};
  static const int rounds[] = {101, 31, 5};
  enum { TERMS = 4 };
  int rank, size, failed = 0;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (rank == 0)
    printf(
        "Milliseconds on %d rank%s; %d gradients per rank and round.\n"
        "           exact sums                               plain float sums\n"
        " elements    add one allreduce       get     round    add one allreduce     scale     round   ratio     extra\n",
        size, size == 1 ? "" : "s", TERMS);
  for (size_t i = 0; i < sizeof counts / sizeof counts[0] && !failed; i++)
    if (measure(counts[i], rounds[i], TERMS, rank) != BL_OK) {
      fprintf(stderr, "%s\n", bl_status_message());
      failed = 1;
    }
  MPI_Finalize();
  return failed;
}
