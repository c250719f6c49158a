/** \file
 * Moments of a noise predictor: Γ_t = E‖ε(x_t, t)‖² / d at every step of a diffusion, of which Analytic-DPM's variances are
 * made (Bao et al. 2022, equation 8).
 *
 * netCDF: `gamma(step)`, `standard_error(step)`, `alpha_bar(step)` double, `count` int64; content "moments". */
#ifndef BEELINE_STORE_MOMENTS_H
#define BEELINE_STORE_MOMENTS_H

#include "store/provenance.h"

#include <stddef.h>

typedef struct bl_moments {
  int steps;         /**< T */
  size_t count;      /**< samples that each mean was taken over */
  double *gamma;     /**< (steps) Γ of step t at t − 1; owned, as the following */
  double *error;     /**< (steps) standard error of it */
  double *alpha_bar; /**< (steps) of the schedule that it was measured on */
} bl_moments;

/** Allocate the arrays. Not collective. \param [out] moments caller's; bl_moments_destroy. */
bl_status bl_moments_create(bl_moments *moments, int steps);
void bl_moments_destroy(bl_moments *moments);

/** Write atomically. Not collective. Returns BL_ERROR_SYSTEM when the disk is full. */
bl_status bl_moments_write(const bl_moments *moments, const char *path, const bl_provenance *provenance);

/** Read. Not collective. \param [out] moments  the caller's; bl_moments_destroy. Returns BL_ERROR_INPUT with file and
 * reason: missing, damaged, no moments, values that are not finite or below 0. */
bl_status bl_moments_read(bl_moments *moments, const char *path);

#endif
