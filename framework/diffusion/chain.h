/** \file
 * A reverse chain of few steps as numbers: every sampler whose states are linear in what it has seen becomes one table.
 *
 * Steps are numbered i = 0 … T' − 1 in the order of sampling (0 is the noisiest). With ε = network(x, time[i]) the mean of
 * the next state is state[i] · x + noise[i] · ε, and its standard deviation sigma[i]. (FastDPM, Kong & Ping 2021; DDPM, Ho
 * et al. 2020.) With `clip`, x_0 = clip((x − √(1 − ᾱ) ε) / √ᾱ) is formed first, and the mean is clipped_state[i] · x +
 * clipped_origin[i] · x_0.
 *
 * A step is one evaluation of the network. Samplers that are not a chain of Gaussian steps (solvers of high order, single
 * or multistep, predictor and corrector) are covered by a memory: the mean of step i may hold x and ε (with clip: x and the
 * clipped x_0) of up to `depth` steps before it too, with the factors `past`. An inner stage of a single-step solver is
 * then a step like any other, whose `next` is a state that the following steps use.
 */
#ifndef BEELINE_DIFFUSION_CHAIN_H
#define BEELINE_DIFFUSION_CHAIN_H

#include "base/status.h"
#include "diffusion/head.h"
#include "diffusion/prediction.h"

#include <stdbool.h>
#include <stddef.h>

enum { BL_CHAIN_DEPTH = 4 }; /**< most steps that a chain remembers */

/** Factors of what one step saw, in the mean of a later one. */
typedef struct bl_chain_term {
  double state;          /**< of its x */
  double noise;          /**< of its ε */
  double clipped_state;  /**< of its x where x_0 is clipped */
  double clipped_origin; /**< of its x_0 where it is clipped */
} bl_chain_term;

typedef struct bl_chain {
  int steps;   /**< T' */
  float *time; /**< (steps) what the network is told: t − 1 in 0 … T − 1, fractional allowed; owned, as the following */
  double *alpha_bar;      /**< (steps) before the step */
  double *state;          /**< (steps) factor of x in the mean */
  double *noise;          /**< (steps) factor of ε in the mean */
  double *sigma;          /**< (steps) standard deviation of the step */
  double *clipped_state;  /**< (steps) factor of x where x_0 is clipped */
  double *clipped_origin; /**< (steps) factor of x_0 where it is clipped */
  bool clip;              /**< clip the prediction of x_0 to [−1, 1] */
  int depth;              /**< how many earlier steps a step may use; 0 in a chain of Gaussian steps */
  bl_chain_term *past;    /**< (steps, depth) term d − 1 belongs to d steps before; owned; NULL where depth is 0 */
  bl_head head;        /**< what the network's second output tells of the noise of the steps but the last; then z comes to
                          bl_chain_step with its deviation, and sigma is 1 where there is noise */
  bl_head_step *drawn; /**< (steps) what such steps draw; owned; NULL without a head */
  bl_prediction prediction; /**< of the network, from which a rollout takes ε; the caller's to set, ε by default */
} bl_chain;

/** Allocate the arrays. Not collective. \param [out] chain caller's; bl_chain_destroy. */
bl_status bl_chain_create(bl_chain *chain, int steps);
/** The same with a memory of \a depth steps (at most BL_CHAIN_DEPTH); all factors are zero. Not collective. */
bl_status bl_chain_create_deep(bl_chain *chain, int steps, int depth);
/** Have the noise of all steps but the last, which has none, follow from a head's answers, beside the noise that the steps
 * have so far. Not collective. \param [in] limit  largest deviation at the step before the last, 0: none. */
bl_status bl_chain_attach_head(bl_chain *chain, bl_head head, double limit);
void bl_chain_destroy(bl_chain *chain);

/** Fill in step \a step, which goes from \a alpha_bar to \a alpha_bar_next (1 at the last step): the mean is
 * √ᾱ_next x_0 + √(1 − ᾱ_next − σ²) ε (Song et al. 2021, equation 12), with x_0 = (x − √(1 − ᾱ) ε) / √ᾱ. Not collective.
 * With the posterior's σ that is DDPM's mean, whatever noise is then drawn: a sampler that draws another amount sets
 * chain->sigma afterwards. */
void bl_chain_set_step(bl_chain *chain, int step, double time, double alpha_bar, double alpha_bar_next, double sigma);

/** Begin step \a step of a solver: the network sees \a time at \a alpha_bar, all factors are zero. Not collective. */
void bl_chain_begin_step(bl_chain *chain, int step, double time, double alpha_bar);

/** Add \a state · x + \a noise · ε of \a back steps before \a step (0: of itself) to the mean of \a step. Not collective.
 * That earlier step must have its alpha_bar. \param [in] back  at most the chain's depth and \a step. */
void bl_chain_add(bl_chain *chain, int step, int back, double state, double noise);

/** Add \a weight · x_0, where x_0 = (x − √(1 − ᾱ) ε) / √ᾱ is what \a back steps before was predicted. Not collective. */
void bl_chain_add_origin(bl_chain *chain, int step, int back, double weight);

/** next = mean(x, ε) + sigma · z for step \a step. Not collective. z is ignored where sigma is 0.
 * \param [out] next (batch, size), may be x. \param [in] x, epsilon, z (batch, size). */
void bl_chain_step(float *next, const bl_chain *chain, int step, const float *x, const float *epsilon, const float *z,
                   size_t batch, size_t size);

/** The same in any chain: next = mean + sigma · z, where the mean may hold earlier steps. Not collective. In a chain
 * without memory these are the bits of bl_chain_step. \param [out] next (batch, size), may be x[0] or x[depth]. \param [in]
 * x (depth + 1) pointers to (batch, size): the state d steps before. \param [in,out] prediction (depth + 1) pointers to
 * (batch, size): ε d steps before; where the chain has a memory and clips, ε of this step (d = 0) becomes the clipped x_0,
 * which is what later steps expect. */
void bl_chain_advance(float *next, const bl_chain *chain, int step, const float *const *x, float *const *prediction,
                      const float *z, size_t batch, size_t size);

/** log p(next | x) of one transition of each sample: Gaussian log-density, mean or sum over the elements. Not collective.
 * sigma[step] must be positive, clip off and depth 0. SFT-PG's image code takes the mean, its toy the sum.
 * \param [out] log_density (batch). \param [in] step (batch) step of each sample. \param [in] x, epsilon, next (batch,
 * size). */
void bl_chain_log_density(double *log_density, const bl_chain *chain, const int *step, const float *x, const float *epsilon,
                          const float *next, size_t batch, size_t size, bool mean);

/** d/dε of Σ_b weight_b · log p_b. Not collective. \param [out] d_epsilon (batch, size). \param [in] weight (batch). */
void bl_chain_log_density_gradient(float *d_epsilon, const bl_chain *chain, const int *step, const float *x,
                                   const float *epsilon, const float *next, const double *weight, size_t batch, size_t size,
                                   bool mean);

#endif
