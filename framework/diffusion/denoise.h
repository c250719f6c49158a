/** \file
 * Noisy inputs for learning ε: what the network sees and what it should answer (Ho et al. 2020, algorithm 1). */
#ifndef BEELINE_DIFFUSION_DENOISE_H
#define BEELINE_DIFFUSION_DENOISE_H

#include "base/random.h"
#include "diffusion/schedule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** x_t = √ᾱ x_0 + √(1 − ᾱ) ε for one sample, ε drawn at \a draw. Not collective. \param [out] noisy, epsilon (size),
 * caller's. \param [in] origin (size) x_0, borrowed. */
void bl_denoise_mix(float *noisy, float *epsilon, const float *origin, double alpha_bar, bl_draw draw, size_t size);

/** x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε for one micro-batch, with t uniform over the steps. Not collective.
 * Draws: t of sample s is (seed, BL_PURPOSE_TIME_STEP, round, first_sample + s), ε is (…, BL_PURPOSE_FORWARD_NOISE, …).
 * \param [out] noisy, epsilon (batch, size), caller's. \param [out] time (batch) t − 1, as the network is told.
 * \param [in] origin (batch, size) x_0, borrowed.
 * \param [in] antithetic  the second half of the micro-batch takes T − 1 − t of the first, as in the public DDPM code. */
void bl_denoise_input(float *noisy, float *epsilon, float *time, const float *origin, const bl_schedule *schedule,
                      uint64_t seed, uint32_t round, uint32_t first_sample, bool antithetic, size_t batch, size_t size);

#endif
