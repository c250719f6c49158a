/** \file
 * A reverse chain of few steps as numbers: every ancestral sampler with a Gaussian step becomes one table.
 *
 * Steps are numbered i = 0 … T' − 1 in the order of sampling (0 is the noisiest). With ε = network(x, time[i]) the mean of
 * the next state is state[i] · x + noise[i] · ε, and its standard deviation sigma[i]. (FastDPM, Kong & Ping 2021; DDPM, Ho
 * et al. 2020.) With `clip`, x_0 = clip((x − √(1 − ᾱ) ε) / √ᾱ) is formed first, and the mean is clipped_state[i] · x +
 * clipped_origin[i] · x_0.
 */
#ifndef BEELINE_DIFFUSION_CHAIN_H
#define BEELINE_DIFFUSION_CHAIN_H

#include "base/status.h"
#include "diffusion/prediction.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct bl_chain {
  int steps;   /**< T' */
  float *time; /**< (steps) what the network is told: t − 1 in 0 … T − 1, fractional allowed; owned, as the following */
  double *alpha_bar;        /**< (steps) before the step */
  double *state;            /**< (steps) factor of x in the mean */
  double *noise;            /**< (steps) factor of ε in the mean */
  double *sigma;            /**< (steps) standard deviation of the step */
  double *clipped_state;    /**< (steps) factor of x where x_0 is clipped */
  double *clipped_origin;   /**< (steps) factor of x_0 where it is clipped */
  bool clip;                /**< clip the prediction of x_0 to [−1, 1] */
  bl_prediction prediction; /**< of the network, from which a rollout takes ε; the caller's to set, ε by default */
} bl_chain;

/** Allocate the arrays. Not collective. \param [out] chain caller's; bl_chain_destroy. */
bl_status bl_chain_create(bl_chain *chain, int steps);
void bl_chain_destroy(bl_chain *chain);

/** Fill in step \a step, which goes from \a alpha_bar to \a alpha_bar_next (1 at the last step): the mean is
 * √ᾱ_next x_0 + √(1 − ᾱ_next − σ²) ε (Song et al. 2021, equation 12), with x_0 = (x − √(1 − ᾱ) ε) / √ᾱ. Not collective.
 * With the posterior's σ that is DDPM's mean, whatever noise is then drawn: a sampler that draws another amount sets
 * chain->sigma afterwards. */
void bl_chain_set_step(bl_chain *chain, int step, double time, double alpha_bar, double alpha_bar_next, double sigma);

/** next = mean(x, ε) + sigma · z for step \a step. Not collective. z is ignored where sigma is 0.
 * \param [out] next (batch, size), may be x. \param [in] x, epsilon, z (batch, size). */
void bl_chain_step(float *next, const bl_chain *chain, int step, const float *x, const float *epsilon, const float *z,
                   size_t batch, size_t size);

/** log p(next | x) of one transition of each sample: Gaussian log-density, mean or sum over the elements. Not collective.
 * sigma[step] must be positive and clip off. SFT-PG's image code takes the mean, its toy the sum.
 * \param [out] log_density (batch). \param [in] step (batch) step of each sample. \param [in] x, epsilon, next (batch,
 * size). */
void bl_chain_log_density(double *log_density, const bl_chain *chain, const int *step, const float *x, const float *epsilon,
                          const float *next, size_t batch, size_t size, bool mean);

/** d/dε of Σ_b weight_b · log p_b. Not collective. \param [out] d_epsilon (batch, size). \param [in] weight (batch). */
void bl_chain_log_density_gradient(float *d_epsilon, const bl_chain *chain, const int *step, const float *x,
                                   const float *epsilon, const float *next, const double *weight, size_t batch, size_t size,
                                   bool mean);

#endif
