/** \file
 * The noise of a state at any time of the diffusion, for solvers that work in the logarithm of the signal-to-noise ratio:
 * λ = log(α / σ) with α = √ᾱ and σ = √(1 − ᾱ) (Lu et al. 2022, § 2). Between the steps of the schedule log α is linear in
 * time (their appendix D.1, discrete-time models). */
#ifndef BEELINE_DIFFUSION_NOISE_LEVEL_H
#define BEELINE_DIFFUSION_NOISE_LEVEL_H

#include "diffusion/schedule.h"

typedef struct bl_noise_level {
  double time; /**< 0-based as the network is told, 0 … T − 1, fractional */
  double alpha_bar;
  double alpha;   /**< √ᾱ */
  double sigma;   /**< √(1 − ᾱ) */
  double log_snr; /**< λ */
} bl_noise_level;

/** The level at a time from 0 to T − 1 (beyond: at that end). Not collective. At whole steps ᾱ is the schedule's own. */
bl_noise_level bl_noise_level_at(const bl_schedule *schedule, double time);

/** The level of that λ between the ends of the schedule (beyond: at that end). Not collective. */
bl_noise_level bl_noise_level_of(const bl_schedule *schedule, double log_snr);

#endif
