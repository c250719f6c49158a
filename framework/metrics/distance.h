/** \file
 * Distances between sets of samples, by their well-known formulas. */
#ifndef BEELINE_METRICS_DISTANCE_H
#define BEELINE_METRICS_DISTANCE_H

#include "base/status.h"
#include "linear/symmetric.h"

#include <mpi.h>

#include <stddef.h>
#include <stdint.h>

/** Fréchet distance of two Gaussians, |μ1 − μ2|² + tr(Σ1 + Σ2 − 2 (Σ1 Σ2)^½) (Heusel et al. 2017), the trace of the root by
 * symmetric eigenvalues (linear/square_root.h says how, and what the bits depend on). Collective over \a comm; the same on
 * every rank. Never below 0. \param [in] mean1, mean2 (size) on every rank, borrowed. \param [in] covariance1, covariance2
 * dealt out over \a comm, borrowed. Returns BL_ERROR_NUMERIC on NaN and infinity. */
bl_status bl_frechet_distance(double *distance, const double *mean1, const bl_symmetric *covariance1, const double *mean2,
                              const bl_symmetric *covariance2, MPI_Comm comm);

/** Sliced Wasserstein distance of order 2 (Bonneel et al. 2015): √ of the mean over \a projections random directions of the
 * squared W2 of the projected sets (as POT's ot.sliced_wasserstein_distance). Direction k is drawn from (seed,
 * BL_PURPOSE_PROJECTION, sample k). Not collective. \param [in] a (count_a, dimension), b (count_b, dimension), borrowed;
 * unequal counts are allowed. Returns BL_ERROR_USAGE when a set is empty, BL_ERROR_NUMERIC when an element is not finite.
 */
bl_status bl_sliced_wasserstein(double *distance, const float *a, size_t count_a, const float *b, size_t count_b,
                                int dimension, int projections, uint64_t seed);

#endif
