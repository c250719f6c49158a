/** \file
 * Distances between sets of samples, by their well-known formulas. */
#ifndef BEELINE_METRICS_DISTANCE_H
#define BEELINE_METRICS_DISTANCE_H

#include "base/status.h"

#include <mpi.h>

#include <stddef.h>
#include <stdint.h>

/** Fréchet distance of two Gaussians, |μ1 − μ2|² + tr(Σ1 + Σ2 − 2 (Σ1 Σ2)^½) (Heusel et al. 2017), the trace of the root by
 * symmetric eigenvalues of Σ1^½ Σ2 Σ1^½. Collective over \a comm, which shares the work where size is large (see
 * linear/symmetric.h); the same on every rank. Never below 0. Arrays (size), (size, size), on every rank, borrowed. Returns
 * BL_ERROR_NUMERIC on NaN and infinity. */
bl_status bl_frechet_distance(double *distance, const double *mean1, const double *covariance1, const double *mean2,
                              const double *covariance2, int size, MPI_Comm comm);

/** Sliced Wasserstein distance of order 2 (Bonneel et al. 2015): √ of the mean over \a projections random directions of the
 * squared W2 of the projected sets (as POT's ot.sliced_wasserstein_distance). Direction k is drawn from (seed,
 * BL_PURPOSE_PROJECTION, sample k). Not collective. \param [in] a (count_a, dimension), b (count_b, dimension), borrowed;
 * unequal counts are allowed. Returns BL_ERROR_USAGE when a set is empty, BL_ERROR_NUMERIC when an element is not finite.
 */
bl_status bl_sliced_wasserstein(double *distance, const float *a, size_t count_a, const float *b, size_t count_b,
                                int dimension, int projections, uint64_t seed);

#endif
