/** \file
 * Noise schedules: β_t and ᾱ_t for t = 1 … T (arrays are 0-based: element t − 1). Ho et al. 2020; Nichol & Dhariwal 2021
 * (cosine). */
#ifndef BEELINE_DIFFUSION_SCHEDULE_H
#define BEELINE_DIFFUSION_SCHEDULE_H

#include "base/status.h"

typedef struct bl_schedule {
  int steps;         /**< T */
  double *beta;      /**< (steps); owned */
  double *alpha_bar; /**< (steps) Π (1 − β); owned */
} bl_schedule;

/** Make the schedule \a name ("linear", "quadratic", "sigmoid", "cosine"). Not collective.
 * \param [out] schedule caller's; bl_schedule_destroy. Cosine ignores the betas. Returns BL_ERROR_USAGE naming what is
 * valid. */
bl_status bl_schedule_create(bl_schedule *schedule, const char *name, int steps, double beta_first, double beta_last);
void bl_schedule_destroy(bl_schedule *schedule);

#endif
