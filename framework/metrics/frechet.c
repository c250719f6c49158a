#include "base/memory.h"
#include "linear/symmetric.h"
#include "metrics/distance.h"
#include "parallel/agree.h"

#include <math.h>

bl_status bl_frechet_distance(double *distance, const double *mean1, const double *covariance1, const double *mean2,
                              const double *covariance2, int size, MPI_Comm comm) {
  size_t width = (size_t)size;
  double *values = NULL, *root = NULL, *product = NULL;
  bl_status status = bl_allocate(&values, width, sizeof *values);
  if (status == BL_OK)
    status = bl_allocate(&root, width * width, sizeof *root);
  if (status == BL_OK)
    status = bl_allocate(&product, width * width, sizeof *product);
  BL_GOTO(bl_agree(status, comm));
  BL_GOTO(bl_symmetric_root(root, covariance1, size, comm));
  BL_GOTO(bl_symmetric_sandwich(product, root, covariance2, size, comm));
  BL_GOTO(bl_symmetric_eigen(values, product, product, size, comm));
  double sum = 0.0;
  for (size_t i = 0; i < width; i++) {
    double gap = mean1[i] - mean2[i];
    sum += gap * gap + covariance1[i * width + i] + covariance2[i * width + i] - 2.0 * sqrt(fmax(values[i], 0.0));
  }
  *distance = sum > 0.0 ? sum : 0.0;
  if (!isfinite(sum))
    status = bl_fail(BL_ERROR_NUMERIC, "the Fréchet distance is %g: a mean or a covariance is not finite", sum);
done:
  bl_free(&values);
  bl_free(&root);
  bl_free(&product);
  return status;
}
