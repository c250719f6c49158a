/** \file
 * Distances between sets of samples, by their well-known formulas. */
#ifndef BEELINE_METRICS_DISTANCE_H
#define BEELINE_METRICS_DISTANCE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/** Fréchet distance of two Gaussians, |μ1 − μ2|² + tr(Σ1 + Σ2 − 2 (Σ1 Σ2)^½) (Heusel et al. 2017), the root by symmetric
 * eigenvalues of Σ1^½ Σ2 Σ1^½. Not collective. Arrays (size), (size, size) row-major, borrowed. Returns BL_ERROR_NUMERIC on
 * NaN. */
bl_status bl_frechet_distance(double *distance, const double *mean1, const double *covariance1, const double *mean2,
                              const double *covariance2, int size);

/** Sliced Wasserstein distance of order 2 (Bonneel et al. 2015): √ of the mean over \a projections random directions of the
 * squared W2 of the projected sets (as POT's ot.sliced_wasserstein_distance). Not collective. \param [in] a (count_a,
 * dimension), b (count_b, dimension). */
bl_status bl_sliced_wasserstein(double *distance, const float *a, size_t count_a, const float *b, size_t count_b,
                                int dimension, int projections, uint64_t seed);

#endif
