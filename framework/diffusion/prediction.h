/** \file
 * What a diffusion network predicts of z = α x + σ ε, with α = √ᾱ and σ = √(1 − ᾱ): ε (Ho et al. 2020), x itself, or
 * v = α ε − σ x (Salimans & Ho 2022, appendix D). Each gives the other two, as long as α and σ are not zero.
 */
#ifndef BEELINE_DIFFUSION_PREDICTION_H
#define BEELINE_DIFFUSION_PREDICTION_H

#include "base/status.h"

#include <stddef.h>

typedef enum bl_prediction { BL_PREDICTION_EPSILON, BL_PREDICTION_X, BL_PREDICTION_V } bl_prediction;

/** "epsilon", "x" or "v". Not collective. Borrowed. */
const char *bl_prediction_name(bl_prediction prediction);

/** The prediction of that name. Not collective. Returns BL_ERROR_USAGE listing the names when there is none. */
bl_status bl_prediction_parse(bl_prediction *prediction, const char *name);

/** x from what a network answered to z. Not collective. \param [out] x (count), may be \a output or \a z. \param [in]
 * alpha_bar  of z, above 0. */
void bl_prediction_x(float *x, bl_prediction prediction, const float *output, const float *z, double alpha_bar,
                     size_t count);

/** ε from what a network answered to z. Not collective. \param [out] epsilon (count), may be \a output or \a z.
 * \param [in] alpha_bar  of z, below 1. */
void bl_prediction_epsilon(float *epsilon, bl_prediction prediction, const float *output, const float *z, double alpha_bar,
                           size_t count);

/** ∂x / ∂output. Not collective. */
double bl_prediction_slope(bl_prediction prediction, double alpha_bar);

#endif
