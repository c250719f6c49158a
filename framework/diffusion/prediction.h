/** \file
 * What a diffusion network predicts of z = α x + σ ε: ε (Ho et al. 2020), x itself, v = α ε − σ x (Salimans & Ho 2022,
 * appendix D), or the velocity ε − x of a straight line from x to ε (Lipman et al. 2023, "Flow Matching for Generative
 * Modeling"; Liu et al. 2023). Each is a sum of x and ε, so with z it gives the others, wherever the two are not parallel:
 * ε does not tell x where α is 0, and x does not tell ε where σ is 0. α² + σ² need not be 1.
 */
#ifndef BEELINE_DIFFUSION_PREDICTION_H
#define BEELINE_DIFFUSION_PREDICTION_H

#include "base/status.h"

#include <stddef.h>

typedef enum bl_prediction {
  BL_PREDICTION_EPSILON,
  BL_PREDICTION_X,
  BL_PREDICTION_V,
  BL_PREDICTION_VELOCITY
} bl_prediction;

enum { BL_PREDICTIONS = BL_PREDICTION_VELOCITY + 1 };

/** A level of noise of a diffusion process: z = alpha x + sigma ε. */
typedef struct bl_process {
  double alpha, sigma;
} bl_process;

/** That of a process which keeps the variance of normalised data: α = √ᾱ and σ = √(1 − ᾱ). Not collective. */
bl_process bl_process_of(double alpha_bar);

/** "epsilon", "x", "v" or "velocity". Not collective. Borrowed. */
const char *bl_prediction_name(bl_prediction prediction);

/** The prediction of that name. Not collective. Returns BL_ERROR_USAGE listing the names when there is none. */
bl_status bl_prediction_parse(bl_prediction *prediction, const char *name);

/** x = (state · z − output · y) / divisor, where y is what a network answered to z. */
typedef struct bl_prediction_origin {
  double state, output, divisor;
} bl_prediction_origin;

bl_prediction_origin bl_prediction_find_origin(bl_prediction prediction, bl_process process);

/** ε = state · z + output · y. */
typedef struct bl_prediction_noise {
  double state, output;
} bl_prediction_noise;

/** Exactly 0 and 1 for a prediction of ε. Not collective. */
bl_prediction_noise bl_prediction_find_noise(bl_prediction prediction, bl_process process);

/** x from what a network answered to z. Not collective. \param [out] x (count), may be \a output or \a z. \param [in]
 * process  of z. */
void bl_prediction_x(float *x, bl_prediction prediction, const float *output, const float *z, bl_process process,
                     size_t count);

/** ε from what a network answered to z. Not collective. \param [out] epsilon (count), may be \a output or \a z.
 * \param [in] process  of z. */
void bl_prediction_epsilon(float *epsilon, bl_prediction prediction, const float *output, const float *z,
                           bl_process process, size_t count);

/** ∂x / ∂output. Not collective. */
double bl_prediction_slope(bl_prediction prediction, bl_process process);

#endif
