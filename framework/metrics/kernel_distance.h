/** \file
 * The kernel (Inception) distance KID: the squared maximum mean discrepancy of features under a cubic kernel.
 *
 * It is unbiased: of two sets from one distribution it is 0 on average, so that a single estimate may be negative; of a set
 * with itself it is always, since a vector meets itself only between the sets. Papers print it times 1000; torch-fidelity
 * and clean-fid average 100 random subsets of 1000 with their standard deviation, which is that of one subset and not, as
 * `error` here, that of the mean. */
#ifndef BEELINE_METRICS_KERNEL_DISTANCE_H
#define BEELINE_METRICS_KERNEL_DISTANCE_H

#include "metrics/feature_set.h"

enum { BL_KERNEL_BLOCKS = 4 }; /**< blocks of a feature set that make one block of the estimate: 1024 vectors */

typedef struct bl_kernel_distance {
  double mean;  /**< over blocks; unbiased, so it may be below 0 */
  double error; /**< its standard error, from the spread over blocks; 0 for a single block */
  size_t blocks;
} bl_kernel_distance;

/** Unbiased estimate of MMD² with k(x, y) = (x · y / size + 1)³ (Bińkowski et al. 2018, eq. 4), averaged over disjoint
 * blocks of up to 1024 vectors of each set (a block estimate as of Zaremba et al. 2013); a short last block counts only
 * when it is the first. Collective over \a comm; the same bits on any number of ranks. Returns BL_ERROR_USAGE for fewer
 * than two vectors in a set, BL_ERROR_NUMERIC for features that are not finite or too large. */
bl_status bl_kernel_distance_compute(bl_kernel_distance *distance, const bl_feature_set *a, const bl_feature_set *b,
                                     MPI_Comm comm);

#endif
