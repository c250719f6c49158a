#include "metrics/covariance.h"

#include "base/kernel.h"
#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/exact_sum.h"
#include "parallel/mpi_check.h"

#include <string.h>

struct bl_covariance {
  size_t size;
  size_t products; /* on and above the diagonal, row by row; the sums of the vectors stand behind them */
  bl_exact_sum *sum;
  double *terms; /* (products + size) of one micro-batch */
};

bl_status bl_covariance_create(bl_covariance **sums, int size) {
  bl_status status;
  BL_TRY(bl_allocate(sums, 1, sizeof **sums));
  bl_covariance *m = *sums;
  m->size = (size_t)size;
  m->products = m->size * (m->size + 1) / 2;
  BL_GOTO(bl_exact_sum_create(&m->sum, m->products + m->size));
  BL_GOTO(bl_allocate(&m->terms, m->products + m->size, sizeof *m->terms));
done:
  if (status != BL_OK)
    bl_covariance_destroy(sums);
  return status;
}

void bl_covariance_destroy(bl_covariance **sums) {
  if (*sums) {
    bl_exact_sum_destroy(&(*sums)->sum);
    bl_free(&(*sums)->terms);
  }
  bl_free(sums);
}

/* Element by element the rows are added in their order; a row of products stays in the cache meanwhile. */
BL_KERNEL static void sum_terms(double *restrict products, double *restrict sums, const float *restrict vectors,
                                size_t rows, size_t size) {
  for (size_t i = 0; i < size; i++) {
    for (size_t row = 0; row < rows; row++) {
      const float *vector = vectors + row * size;
      const double factor = (double)vector[i];
      sums[i] += factor;
      for (size_t j = i; j < size; j++)
        products[j - i] += factor * (double)vector[j];
    }
    products += size - i;
  }
}

void bl_covariance_add(bl_covariance *m, const float *vectors, size_t rows) {
  memset(m->terms, 0, (m->products + m->size) * sizeof *m->terms);
  sum_terms(m->terms, m->terms + m->products, vectors, rows, m->size);
  bl_exact_sum_add_double(m->sum, 0, m->products + m->size, m->terms);
}

/* Where row \a row begins among the products. */
static size_t place_of(size_t row, size_t size) {
  return row * size - row * (row - 1) / 2;
}

/* The products of its own rows to each rank, the sums of the vectors to all. */
static bl_status share_out(bl_covariance *m, MPI_Comm comm) {
  int ranks;
  size_t *starts = NULL;
  int *roots = NULL;
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &ranks)));
  bl_status status = bl_allocate(&starts, (size_t)ranks + 1, sizeof *starts);
  if (status == BL_OK)
    status = bl_allocate(&roots, (size_t)ranks, sizeof *roots);
  BL_GOTO(bl_agree(status, comm));
  for (int r = 0; r <= ranks; r++)
    starts[r] = place_of((size_t)bl_symmetric_first((int)m->size, r, ranks), m->size);
  for (int r = 0; r < ranks; r++)
    roots[r] = r;
  status = bl_exact_sum_share_out(m->sum, starts, roots, ranks, comm);
done:
  bl_free(&starts);
  bl_free(&roots);
  return status;
}

static bl_status get(double *mean, bl_symmetric *covariance, bl_covariance *m, double count) {
  BL_TRY(bl_exact_sum_get_double(mean, m->sum, m->products, m->size, 1.0));
  for (size_t i = 0; i < m->size; i++)
    mean[i] /= count;
  for (int row = 0; row < covariance->count; row++) {
    const size_t i = (size_t)(covariance->first + row);
    double *values = covariance->values + (size_t)row * m->size;
    BL_TRY(bl_exact_sum_get_double(values + i, m->sum, place_of(i, m->size), m->size - i, 1.0));
    for (size_t j = i; j < m->size; j++)
      values[j] = (values[j] - count * mean[i] * mean[j]) / (count - 1.0);
  }
  return BL_OK;
}

bl_status bl_covariance_finish(double *mean, bl_symmetric *covariance, bl_covariance *sums, size_t count, MPI_Comm comm) {
  if (count < 2)
    return bl_fail(BL_ERROR_USAGE, "the covariance of features needs at least 2 images, these are %zu", count);
  bl_free(&sums->terms);
  BL_TRY(share_out(sums, comm));
  const bl_status status = bl_agree(get(mean, covariance, sums, (double)count), comm);
  bl_exact_sum_destroy(&sums->sum);
  return status;
}
