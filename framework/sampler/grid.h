/** \file
 * Which of the model's steps a short chain visits, and the chain on them. */
#ifndef BEELINE_SAMPLER_GRID_H
#define BEELINE_SAMPLER_GRID_H

#include "base/options.h"
#include "diffusion/chain.h"
#include "diffusion/noise_level.h"
#include "diffusion/schedule.h"

/** Steps of a chain among those of the model. */
typedef enum bl_grid {
  BL_GRID_FULL,   /**< all: count = total */
  BL_GRID_LINEAR, /**< ⌊i (total − 1) / (count − 1)⌋ */
  BL_GRID_EVEN, /**< ⌊(i + 1) total / count⌋ − 1: ends at total − 1, and half as many steps are every second one of them */
  BL_GRID_QUADRATIC /**< ⌊(i / (count − 1))² 0.8 total⌋ (Song et al. 2021, appendix D.2) */
} bl_grid;

/** The 0-based steps of a grid, rising. Not collective.
 * Computed in integers, so that no rounding moves a step. Where squares of a large count would name one step twice, the
 * next one is taken; a single step is the last, total − 1. \param [out] steps (count), caller's. \param [in] count  at most
 * total. */
void bl_grid_steps(int *steps, bl_grid grid, int count, int total);

/** Step \a i of a grid. Not collective. For BL_GRID_EVEN \a i may be −1, which gives −1. */
int bl_grid_step(bl_grid grid, int i, int count, int total);

/** The chain on the grid sampler.grid ("full", "linear", "even" or "quadratic") of sampler.steps steps, with \a eta times
 * the posterior's standard deviation: 1 is DDPM, 0 is deterministic (Song et al. 2021, equations 12 and 16). Not
 * collective. \param [out] chain caller's; bl_chain_destroy. Returns BL_ERROR_USAGE by bl_options_reject. */
bl_status bl_grid_plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options, double eta);

/** The noise levels between which a solver goes, from step T to step 1, by sampler.grid: "log_snr" (evenly spaced λ),
 * "time" (evenly spaced, fractional times) or "linear" (whole steps, as BL_GRID_LINEAR). Not collective. \param [out]
 * levels (intervals + 1) from noise to data; caller's. \param [in] evaluations (intervals) of the network in each interval,
 * sampler.steps in all: where the grid is one of times, an interval is as long as they are many. Returns BL_ERROR_USAGE by
 * bl_options_reject. */
bl_status bl_grid_levels(bl_noise_level *levels, const bl_schedule *schedule, const bl_options *options, int intervals,
                         const int *evaluations);

#endif
