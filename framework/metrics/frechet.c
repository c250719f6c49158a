#include "base/memory.h"
#include "linear/square_root.h"
#include "metrics/distance.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <math.h>

bl_status bl_frechet_distance(double *distance, const double *mean1, const bl_symmetric *covariance1, const double *mean2,
                              const bl_symmetric *covariance2, MPI_Comm comm) {
  const int size = covariance1->size;
  int rank;
  double *diagonal[2] = {NULL, NULL}, root = 0.0, sum = 0.0;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  bl_status status = BL_OK;
  for (int i = 0; i < 2 && rank == 0 && status == BL_OK; i++)
    status = bl_allocate(&diagonal[i], (size_t)size, sizeof *diagonal[i]);
  BL_GOTO(bl_agree(status, comm));
  BL_GOTO(bl_square_root_trace(&root, covariance1, covariance2, comm));
  BL_GOTO(bl_symmetric_diagonal(diagonal[0], covariance1, comm));
  BL_GOTO(bl_symmetric_diagonal(diagonal[1], covariance2, comm));
  for (int i = 0; i < size && rank == 0; i++) {
    const double gap = mean1[i] - mean2[i];
    sum += gap * gap + (diagonal[0][i] + diagonal[1][i]);
  }
  sum -= 2.0 * root;
  BL_GOTO(BL_MPI_SYNCHRONISED(MPI_Bcast(&sum, 1, MPI_DOUBLE, 0, comm), comm));
  *distance = sum > 0.0 ? sum : 0.0;
  if (!isfinite(sum))
    status = bl_fail(BL_ERROR_NUMERIC, "the Fréchet distance is %g: a mean or a covariance is not finite", sum);
done:
  bl_free(&diagonal[0]);
  bl_free(&diagonal[1]);
  return status;
}
