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

/** Make the schedule \a name: β_t from first to last as "linear", "quadratic" (√β linear) or "sigmoid" (logistic over
 * [−6, 6]), or "cosine" (ᾱ = cos², β at most 0.999; it ignores the betas). Not collective.
 * \param [out] schedule caller's; bl_schedule_destroy. Returns BL_ERROR_USAGE naming what is valid: a name of these four,
 * at least one step, 0 < first ≤ last < 1. */
bl_status bl_schedule_create(bl_schedule *schedule, const char *name, int steps, double beta_first, double beta_last);
void bl_schedule_destroy(bl_schedule *schedule);

/** log ᾱ at the fractional 0-based time i + u, 0 ≤ u ≤ 1, i < T − 1. Not collective.
 * β between two steps is taken as linear, so the product of factors is a ratio of Gamma functions (Kong & Ping 2021,
 * § 3.2); for the linear schedule that is their formula, for the others its local form. */
double bl_schedule_fractional_log_alpha_bar(const bl_schedule *schedule, int i, double u);

/** The fractional 0-based time at which the schedule has that ᾱ, by bisection; 0 or T − 1 beyond the ends. Not collective.
 */
double bl_schedule_time_of(const bl_schedule *schedule, double alpha_bar);

#endif
