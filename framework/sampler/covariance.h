/** \file
 * What the samplers share whose steps draw the noise that is best for the network at hand (Bao et al. 2022). */
#ifndef BEELINE_SAMPLER_COVARIANCE_H
#define BEELINE_SAMPLER_COVARIANCE_H

#include "sampler/grid.h"

/** The largest deviation of the step before the last that sampler.pixel_clip allows: so many levels of 8-bit pixels in the
 * mean (appendix F.1 of Analytic-DPM: E|σ z| = σ √(2/π) ≤ levels · 2/255); 0: no limit. Not collective. */
double bl_covariance_limit(const bl_options *options);

/** The chain of sampler.grid with sampler.eta times the posterior's noise, to which \a head adds that of x_0. Not
 * collective. \param [out] chain  caller's; bl_chain_destroy. Returns BL_ERROR_USAGE by bl_options_reject. */
bl_status bl_covariance_plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options, bl_head head);

#endif
