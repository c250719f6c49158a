#include "linear/square_root.h"

#include "base/memory.h"
#include "linear/fortran.h"
#include "linear/grid.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

static bl_status check_finite(const bl_symmetric *matrix) {
  for (int i = 0; i < matrix->count; i++)
    for (int j = matrix->first + i; j < matrix->size; j++) {
      const double element = matrix->values[(size_t)i * (size_t)matrix->size + (size_t)j];
      if (!isfinite(element))
        return bl_fail(BL_ERROR_NUMERIC, "element (%d, %d) of a symmetric matrix of size %d is %g", matrix->first + i, j,
                       matrix->size, element);
    }
  return BL_OK;
}

static bl_status check_info(int info, const char *routine, int size) {
  if (info == 0)
    return BL_OK;
  return bl_fail(BL_ERROR_LIBRARY, "%s found no eigenvalues of a matrix of size %d (info %d)", routine, size, info);
}

static double root_of(double value) {
  return sqrt(fmax(value, 0.0));
}

static double sum_roots(const double *values, int size) {
  double sum = 0.0;
  for (int i = 0; i < size; i++)
    sum += root_of(values[i]);
  return sum;
}

/* ---- On one rank. Column-major is row-major transposed, which a symmetric matrix does not notice. ----------------------
 */

/* \param [in,out] matrix  becomes its eigenvectors, one a row, where \a job is "V". */
static bl_status eigen_alone(double *values, double *matrix, int size, const char *job) {
  const int query = -1;
  int info, integer_need = 0;
  double need = 0.0, *work = NULL;
  int *integers = NULL;
  bl_status status = BL_OK;
  dsyevd_(job, "L", &size, matrix, &size, values, &need, &query, &integer_need, &query, &info);
  BL_GOTO(check_info(info, "LAPACK's dsyevd", size));
  const int work_size = (int)need, integer_size = integer_need;
  BL_GOTO(bl_allocate(&work, (size_t)work_size, sizeof *work));
  BL_GOTO(bl_allocate(&integers, (size_t)integer_size, sizeof *integers));
  dsyevd_(job, "L", &size, matrix, &size, values, work, &work_size, integers, &integer_size, &info);
  status = check_info(info, "LAPACK's dsyevd", size);
done:
  bl_free(&work);
  bl_free(&integers);
  return status;
}

/* a and b: whole; a is overwritten. */
static bl_status trace_alone(double *trace, double *a, const double *b, int size) {
  const size_t width = (size_t)size;
  double *values = NULL, *left = NULL;
  bl_status status = BL_OK;
  BL_GOTO(bl_allocate(&values, width, sizeof *values));
  BL_GOTO(bl_allocate(&left, width * width, sizeof *left));
  BL_GOTO(eigen_alone(values, a, size, "V"));
  for (size_t k = 0; k < width; k++)
    cblas_dscal(size, root_of(values[k]), a + k * width, 1); /* Λ^½ Vᵀ */
  cblas_dsymm(CblasRowMajor, CblasRight, CblasUpper, size, size, 1.0, b, size, a, size, 0.0, left, size);
  double *product = NULL;
  BL_GOTO(bl_allocate(&product, width * width, sizeof *product));
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, size, size, size, 1.0, left, size, a, size, 0.0, product, size);
  status = eigen_alone(values, product, size, "N");
  bl_free(&product);
  *trace = sum_roots(values, size);
done:
  bl_free(&values);
  bl_free(&left);
  return status;
}

static bl_status trace_on_root(double *trace, const bl_symmetric *a, const bl_symmetric *b, int rank, MPI_Comm comm) {
  const size_t count = (size_t)a->size * (size_t)a->size;
  double *whole[2] = {NULL, NULL};
  bl_status status = BL_OK;
  for (int i = 0; i < 2 && rank == 0 && status == BL_OK; i++)
    status = bl_allocate(&whole[i], count, sizeof *whole[i]);
  BL_GOTO(bl_agree(status, comm));
  BL_GOTO(bl_symmetric_gather(whole[0], a, comm));
  BL_GOTO(bl_symmetric_gather(whole[1], b, comm));
  status = bl_agree(rank == 0 ? trace_alone(trace, whole[0], whole[1], a->size) : BL_OK, comm);
done:
  bl_free(&whole[0]);
  bl_free(&whole[1]);
  return status;
}

/* ---- Over a grid of ranks. Rows from the diagonal on are, read column by column, the lower triangle. -------------------
 */

/* \param [in,out] matrix  lower triangle; destroyed. \param [out] vectors  one a column. */
static bl_status eigen_over_ranks(double *values, bl_distributed_matrix *matrix, bl_distributed_matrix *vectors) {
  const int query = -1, first = 1, size = matrix->size;
  const MPI_Comm comm = matrix->grid->comm;
  int info = 0, integer_need = 0;
  double need = 0.0, *work = NULL;
  int *integers = NULL;
  pdsyevd_("V", "L", &size, matrix->values, &first, &first, matrix->descriptor, values, vectors->values, &first, &first,
           vectors->descriptor, &need, &query, &integer_need, &query, &info);
  bl_status status = check_info(info, "ScaLAPACK's pdsyevd", size);
  const int work_size = (int)need, integer_size = integer_need;
  if (status == BL_OK)
    status = bl_allocate(&work, (size_t)work_size, sizeof *work);
  if (status == BL_OK)
    status = bl_allocate(&integers, (size_t)integer_size, sizeof *integers);
  BL_GOTO(bl_agree(status, comm));
  pdsyevd_("V", "L", &size, matrix->values, &first, &first, matrix->descriptor, values, vectors->values, &first, &first,
           vectors->descriptor, work, &work_size, integers, &integer_size, &info);
  status = bl_agree(check_info(info, "ScaLAPACK's pdsyevd", size), comm);
done:
  bl_free(&work);
  bl_free(&integers);
  return status;
}

/* matrix_ij ← √λ_i matrix_ij √λ_j */
static void scale_by_roots(bl_distributed_matrix *matrix, const double *values) {
  for (int column = 0; column < matrix->local_columns; column++) {
    const double right = root_of(values[bl_distributed_matrix_column(matrix, column)]);
    double *local = matrix->values + (size_t)column * (size_t)matrix->local_rows;
    for (int row = 0; row < matrix->local_rows; row++)
      local[row] *= root_of(values[bl_distributed_matrix_row(matrix, row)]) * right;
  }
}

static bl_status trace_on_grid(double *trace, const bl_symmetric *a, const bl_symmetric *b, const bl_process_grid *grid) {
  enum { FIRST, SECOND, VECTORS, LEFT, MATRICES };
  const int size = a->size, one = 1;
  const double alpha = 1.0, beta = 0.0;
  double *values = NULL;
  bl_distributed_matrix m[MATRICES] = {{0}};
  bl_status status = bl_allocate(&values, (size_t)size, sizeof *values);
  for (int i = 0; i < MATRICES && status == BL_OK; i++)
    status = bl_distributed_matrix_create(&m[i], grid, size);
  BL_GOTO(bl_agree(status, grid->comm));
  BL_GOTO(bl_agree(bl_distributed_matrix_take(&m[FIRST], a), grid->comm));
  BL_GOTO(bl_agree(bl_distributed_matrix_take(&m[SECOND], b), grid->comm));
  BL_GOTO(eigen_over_ranks(values, &m[FIRST], &m[VECTORS]));
  pdsymm_("L", "L", &size, &size, &alpha, m[SECOND].values, &one, &one, m[SECOND].descriptor, m[VECTORS].values, &one, &one,
          m[VECTORS].descriptor, &beta, m[LEFT].values, &one, &one, m[LEFT].descriptor);
  pdgemm_("T", "N", &size, &size, &size, &alpha, m[VECTORS].values, &one, &one, m[VECTORS].descriptor, m[LEFT].values, &one,
          &one, m[LEFT].descriptor, &beta, m[FIRST].values, &one, &one, m[FIRST].descriptor);
  scale_by_roots(&m[FIRST], values);
  BL_GOTO(eigen_over_ranks(values, &m[FIRST], &m[VECTORS]));
  *trace = sum_roots(values, size);
done:
  for (int i = 0; i < MATRICES; i++)
    bl_distributed_matrix_destroy(&m[i]);
  bl_free(&values);
  return status;
}

bl_status bl_square_root_trace(double *trace, const bl_symmetric *a, const bl_symmetric *b, MPI_Comm comm) {
  int rank, ranks;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &ranks)));
  BL_AGREE(check_finite(a), comm);
  BL_AGREE(check_finite(b), comm);
  if (a->size >= BL_SQUARE_ROOT_LARGE && ranks > 1) {
    bl_process_grid grid;
    bl_status status = bl_agree(bl_process_grid_create(&grid, comm), comm);
    if (status == BL_OK)
      status = trace_on_grid(trace, a, b, &grid);
    bl_process_grid_destroy(&grid);
    BL_TRY(status);
  } else {
    BL_TRY(trace_on_root(trace, a, b, rank, comm));
  }
  return BL_MPI_SYNCHRONISED(MPI_Bcast(trace, 1, MPI_DOUBLE, 0, comm), comm);
}
