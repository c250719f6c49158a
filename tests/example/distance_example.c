/* A metric outside of Beeline's tree, to begin one of your own with: the energy distance of two sets of samples (Székely &
 * Rizzo 2013, "Energy statistics"), √(2 E|x − y| − E|x − x'| − E|y − y'|), which is 0 for one and the same distribution
 * only.
 *
 *     mpicc distance_example.c $(pkg-config --cflags --libs beeline) -o distance_example -lm
 *     mpirun -n 2 ./distance_example samples.nc data.nc
 *
 * Files are those of `beeline sample` and `beeline import`. The result has the same bits on any number of ranks. */
#include "base/memory.h"
#include "base/version.h"
#include "metrics/images.h"
#include "parallel/agree.h"
#include "parallel/exact_sum.h"

#include <math.h>
#include <mpi.h>
#include <stdio.h>

#if !BL_VERSION_AT_LEAST(0, 1, 0)
#error "this needs Beeline 0.1.0 or later"
#endif

/* Images or points as the network sees them. */
typedef struct samples {
  size_t count, size; /* how many; elements of one */
  float *values;      /* (count, size); owned */
} samples;

/* Not collective: every rank reads. */
static bl_status samples_read(samples *set, const char *path) {
  bl_sample_file file = {0};
  bl_status status = BL_OK;
  BL_GOTO(bl_sample_file_open(&file, path));
  const bl_images images = bl_images_of_file(&file);
  set->count = images.count;
  set->size = images.size;
  BL_GOTO(bl_allocate(&set->values, set->count * set->size, sizeof *set->values));
  BL_GOTO(bl_images_fetch(set->values, &images, 0, set->count));
done:
  bl_sample_file_close(&file);
  return status;
}

static double euclidean(const float *x, const float *y, size_t size) {
  double sum = 0.0;
  for (size_t i = 0; i < size; i++)
    sum += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
  return sqrt(sum);
}

/* E|x − y| over all pairs. Each rank takes every P-th x, in an order of its own; what an x gives is rounded once, whoever
 * computes it, and exact sums do the rest. Collective. */
static bl_status mean_distance(double *mean, const samples *a, const samples *b, MPI_Comm comm) {
  bl_exact_sum *sum = NULL;
  int rank, ranks;
  bl_status status = BL_OK;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &ranks);
  BL_GOTO(bl_agree(bl_exact_sum_create(&sum, 1), comm));
  for (size_t i = (size_t)rank; i < a->count; i += (size_t)ranks) {
    double term = 0.0;
    for (size_t j = 0; j < b->count; j++)
      term += euclidean(a->values + i * a->size, b->values + j * b->size, a->size) / (double)b->count;
    bl_exact_sum_add_double(sum, 0, 1, &term);
  }
  BL_GOTO(bl_exact_sum_allreduce(sum, comm));
  BL_GOTO(bl_exact_sum_get_double(mean, sum, 0, 1, 1.0 / (double)a->count));
done:
  bl_exact_sum_destroy(&sum);
  return status;
}

/* Collective. Returns BL_ERROR_INPUT where samples differ in size. */
static bl_status energy_distance(double *distance, const samples *a, const samples *b, MPI_Comm comm) {
  double across, within_a, within_b;
  if (a->size != b->size)
    return bl_fail(BL_ERROR_INPUT, "samples of %zu numbers have no distance to samples of %zu", a->size, b->size);
  BL_TRY(mean_distance(&across, a, b, comm));
  BL_TRY(mean_distance(&within_a, a, a, comm));
  BL_TRY(mean_distance(&within_b, b, b, comm));
  *distance = sqrt(fmax(0.0, 2.0 * across - within_a - within_b));
  return BL_OK;
}

int main(int argc, char **argv) {
  samples a = {0}, b = {0};
  double distance = 0.0;
  int rank;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  bl_status status = argc == 3 ? BL_OK : bl_fail(BL_ERROR_USAGE, "expected two files of samples");
  if (status == BL_OK)
    status = samples_read(&a, argv[1]);
  if (status == BL_OK)
    status = samples_read(&b, argv[2]);
  status = bl_agree(status, MPI_COMM_WORLD);
  if (status == BL_OK)
    status = energy_distance(&distance, &a, &b, MPI_COMM_WORLD);
  if (rank == 0 && status == BL_OK)
    printf("energy distance %.17g (Beeline %s)\n", distance, bl_version);
  if (rank == 0 && status != BL_OK)
    fprintf(stderr, "distance_example: %s\n", bl_status_message());
  bl_free(&a.values);
  bl_free(&b.values);
  MPI_Finalize();
  return status == BL_OK ? 0 : 1;
}
