#include "linear/symmetric.h"

#include "base/memory.h"
#include "linear/fortran.h"
#include "linear/grid.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

/* Column-major and row-major are the same for a symmetric matrix; eigenvectors come as columns of the one, that is, as rows
 * of the other. */

static bl_status check_info(int info, const char *routine, int size) {
  if (info == 0)
    return BL_OK;
  return bl_fail(BL_ERROR_LIBRARY, "%s found no eigenvalues of a matrix of size %d (info %d)", routine, size, info);
}

/* matrix becomes its eigenvectors. */
static bl_status eigen_alone(double *values, double *matrix, int size) {
  const int query = -1;
  int info, integer_need = 0;
  double need = 0.0, *work = NULL;
  int *integers = NULL;
  bl_status status = BL_OK;
  dsyevd_("V", "U", &size, matrix, &size, values, &need, &query, &integer_need, &query, &info);
  BL_GOTO(check_info(info, "LAPACK's dsyevd", size));
  const int work_size = (int)need, integer_size = integer_need;
  BL_GOTO(bl_allocate(&work, (size_t)work_size, sizeof *work));
  BL_GOTO(bl_allocate(&integers, (size_t)integer_size, sizeof *integers));
  dsyevd_("V", "U", &size, matrix, &size, values, work, &work_size, integers, &integer_size, &info);
  status = check_info(info, "LAPACK's dsyevd", size);
done:
  bl_free(&work);
  bl_free(&integers);
  return status;
}

/* The same over the ranks of \a grid. */
static bl_status eigen_spread(double *values, double *whole, int size, const bl_process_grid *grid) {
  const int query = -1, first = 1;
  int info = 0, integer_need = 0;
  double need = 0.0, *work = NULL;
  int *integers = NULL;
  bl_distributed_matrix matrix = {0}, vectors = {0};
  bl_status status = bl_distributed_matrix_create(&matrix, grid, size);
  if (status == BL_OK)
    status = bl_distributed_matrix_create(&vectors, grid, size);
  BL_GOTO(bl_agree(status, grid->comm));
  bl_distributed_matrix_scatter(&matrix, whole);
  pdsyevd_("V", "U", &size, matrix.values, &first, &first, matrix.descriptor, values, vectors.values, &first, &first,
           vectors.descriptor, &need, &query, &integer_need, &query, &info);
  status = check_info(info, "ScaLAPACK's pdsyevd", size);
  const int work_size = (int)need, integer_size = integer_need;
  if (status == BL_OK)
    status = bl_allocate(&work, (size_t)work_size, sizeof *work);
  if (status == BL_OK)
    status = bl_allocate(&integers, (size_t)integer_size, sizeof *integers);
  BL_GOTO(bl_agree(status, grid->comm));
  pdsyevd_("V", "U", &size, matrix.values, &first, &first, matrix.descriptor, values, vectors.values, &first, &first,
           vectors.descriptor, work, &work_size, integers, &integer_size, &info);
  BL_GOTO(bl_agree(check_info(info, "ScaLAPACK's pdsyevd", size), grid->comm));
  status = bl_distributed_matrix_gather(whole, &vectors);
done:
  bl_free(&work);
  bl_free(&integers);
  bl_distributed_matrix_destroy(&matrix);
  bl_distributed_matrix_destroy(&vectors);
  return status;
}

static bl_status check_finite(const double *matrix, int size) {
  size_t width = (size_t)size;
  for (size_t i = 0; i < width * width; i++)
    if (!isfinite(matrix[i]))
      return bl_fail(BL_ERROR_NUMERIC, "element (%zu, %zu) of a symmetric matrix of size %d is %g", i / width, i % width,
                     size, matrix[i]);
  return BL_OK;
}

/* Rank 0's matrix, row by row so that no count overflows. */
static bl_status share(double *matrix, size_t rows, int columns, MPI_Comm comm) {
  BL_TRY(bl_meet(comm));
  for (size_t row = 0; row < rows; row++)
    BL_TRY(BL_MPI(MPI_Bcast(matrix + row * (size_t)columns, columns, MPI_DOUBLE, 0, comm)));
  return BL_OK;
}

bl_status bl_symmetric_eigen(double *values, double *vectors, const double *matrix, int size, MPI_Comm comm) {
  int rank, ranks;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &ranks)));
  BL_AGREE(check_finite(matrix, size), comm);
  if (vectors != matrix)
    memcpy(vectors, matrix, (size_t)size * (size_t)size * sizeof *vectors);
  if (size >= BL_SYMMETRIC_LARGE && ranks > 1) {
    bl_process_grid grid;
    bl_status status = bl_agree(bl_process_grid_create(&grid, comm), comm);
    if (status == BL_OK)
      status = eigen_spread(values, vectors, size, &grid);
    bl_process_grid_destroy(&grid);
    return status;
  }
  BL_AGREE(rank == 0 ? eigen_alone(values, vectors, size) : BL_OK, comm);
  BL_TRY(share(values, 1, size, comm));
  return share(vectors, (size_t)size, size, comm);
}

bl_status bl_symmetric_root(double *root, const double *matrix, int size, MPI_Comm comm) {
  size_t width = (size_t)size;
  double *values = NULL, *vectors = NULL;
  bl_status status = bl_allocate(&values, width, sizeof *values);
  if (status == BL_OK)
    status = bl_allocate(&vectors, width * width, sizeof *vectors);
  BL_GOTO(bl_agree(status, comm));
  BL_GOTO(bl_symmetric_eigen(values, vectors, matrix, size, comm));
  /* V √Λ Vᵀ = (Λ^¼ Vᵀ)ᵀ (Λ^¼ Vᵀ), which is symmetric to the last bit. */
  for (size_t k = 0; k < width; k++) {
    double scale = sqrt(sqrt(fmax(values[k], 0.0)));
    for (size_t i = 0; i < width; i++)
      vectors[k * width + i] *= scale;
  }
  int rank;
  BL_GOTO(BL_MPI(MPI_Comm_rank(comm, &rank)));
  if (rank == 0) {
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, size, size, 1.0, vectors, size, 0.0, root, size);
    for (size_t i = 0; i < width; i++)
      for (size_t j = 0; j < i; j++)
        root[i * width + j] = root[j * width + i];
  }
  status = share(root, width, size, comm);
done:
  bl_free(&values);
  bl_free(&vectors);
  return status;
}

/* On one rank. */
static bl_status sandwich(double *product, const double *a, const double *b, int size) {
  size_t width = (size_t)size;
  double *left = NULL;
  BL_TRY(bl_allocate(&left, width * width, sizeof *left));
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, size, size, 1.0, a, size, b, size, 0.0, left, size);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, size, size, 1.0, left, size, a, size, 0.0, product, size);
  bl_free(&left);
  for (size_t i = 0; i < width; i++)
    for (size_t j = 0; j < i; j++)
      product[i * width + j] = product[j * width + i] = 0.5 * (product[i * width + j] + product[j * width + i]);
  return BL_OK;
}

bl_status bl_symmetric_sandwich(double *product, const double *a, const double *b, int size, MPI_Comm comm) {
  int rank;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_AGREE(rank == 0 ? sandwich(product, a, b, size) : BL_OK, comm);
  return share(product, (size_t)size, size, comm);
}
