/** \file
 * Fidelity and diversity by nearest neighbours among features. */
#ifndef BEELINE_METRICS_NEIGHBOURS_H
#define BEELINE_METRICS_NEIGHBOURS_H

#include "metrics/feature_set.h"

/** Shares of images, 0 … 1 (density may be above 1). The ball of a vector reaches to its k-th nearest neighbour within its
 * own set. */
typedef struct bl_neighbours {
  double precision; /**< generated vectors in the ball of some real one (Kynkäänniemi et al. 2019) */
  double recall;    /**< real vectors in the ball of some generated one (the same) */
  double density;   /**< real balls that a generated vector is in, mean, over k (Naeem et al. 2020) */
  double coverage;  /**< real balls that hold a generated vector (the same) */
} bl_neighbours;

enum { BL_NEIGHBOURS_MAX = 16 };

/** Compare sets with \a k ≤ BL_NEIGHBOURS_MAX neighbours (3 in the first paper, 5 in the second). Every pair is looked at,
 * block by block, computed by the rank that holds one of its vectors. Collective over \a comm; the same bits on any number
 * of ranks. Returns BL_ERROR_USAGE when a set has not more than \a k vectors. */
bl_status bl_neighbours_compute(bl_neighbours *result, const bl_feature_set *generated, const bl_feature_set *real, int k,
                                MPI_Comm comm);

#endif
