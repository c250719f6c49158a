/** \file
 * What a second output of a noise network, a head, tells of the variance of x_0 given x_t, per element (Bao et al. 2022,
 * "Estimating the Optimal Covariance with Imperfect Mean in Diffusion Probabilistic Models", theorems 1 and 2; there data
 * in [−1, 1] bound it by 0 and 1). */
#ifndef BEELINE_DIFFUSION_HEAD_H
#define BEELINE_DIFFUSION_HEAD_H

#include "base/status.h"

#include <stddef.h>

typedef enum bl_head {
  BL_HEAD_NONE,
  BL_HEAD_SN, /**< squared noise: h = E(ε² | x_t), variance (1 − ᾱ) / ᾱ (h − ε̂²) */
  BL_HEAD_NPR /**< noise prediction residual: g = E((ε − ε̂)² | x_t), variance (1 − ᾱ) / ᾱ g */
} bl_head;

/** "", "sn" or "npr". Not collective. Borrowed. */
const char *bl_head_name(bl_head head);

/** The head of that name. Not collective. Returns BL_ERROR_USAGE listing the names when there is none. */
bl_status bl_head_parse(bl_head *head, const char *name);

/** What a head should answer where the noise \a epsilon was predicted as \a predicted: ε², or (ε − ε̂)². Not collective. */
double bl_head_target(bl_head head, double epsilon, double predicted);

/** What a reverse step draws: σ² = own + share² clip(variance of x_0, 0, 1), at most limit². */
typedef struct bl_head_step {
  double alpha_bar; /**< before the step */
  double own;       /**< variance that does not come from x_0 */
  double share;     /**< factor of x_0 in the mean */
  double limit;     /**< largest σ; INFINITY: none */
} bl_head_step;

/** z becomes σ z. Not collective. \param [in,out] z (count). \param [in] predicted, answer (count) ε̂ and the head's. */
void bl_head_scale_noise(float *z, bl_head head, const bl_head_step *step, const float *predicted, const float *answer,
                         size_t count);

#endif
