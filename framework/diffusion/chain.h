/** \file
 * A reverse chain of few steps as numbers: every sampler whose states are linear in what it has seen becomes one table.
 *
 * Steps are numbered i = 0 … T' − 1 in the order of sampling (0 is the noisiest). A state is x_t = α x_0 + σ ε with the
 * process[i] of the step: any α and σ, of which α² + σ² = 1 (ᾱ = α²) is one case and α = 1 − t, σ = t another. With
 * y = network(x, time[i]), a prediction of ε, x_0, v or velocity (diffusion/prediction.h), the mean of the next state is
 * state[i] · x + output[i] · y, and its standard deviation sigma[i]. (FastDPM, Kong & Ping 2021; DDPM, Ho et al. 2020.)
 * With `clip`, x_0 is formed from x and y and clipped first, and the mean is clipped_state[i] · x + clipped_origin[i] ·
 * x_0.
 *
 * A step is one evaluation of the network. Samplers that are not a chain of Gaussian steps (solvers of high order, single
 * or multistep, predictor and corrector) are covered by a memory: the mean of step i may hold x and y (with clip: x and the
 * clipped x_0) of up to `depth` steps before it too, with the factors `past`. An inner stage of a single-step solver is
 * then a step like any other, whose `next` is a state that the following steps use.
 */
#ifndef BEELINE_DIFFUSION_CHAIN_H
#define BEELINE_DIFFUSION_CHAIN_H

#include "base/status.h"
#include "diffusion/head.h"
#include "diffusion/prediction.h"
#include "diffusion/schedule.h"

#include <stdbool.h>
#include <stddef.h>

enum { BL_CHAIN_DEPTH = 4 }; /**< most steps that a chain remembers */

/** Factors of what one step saw, in the mean of a later one. */
typedef struct bl_chain_term {
  double state;          /**< of its x */
  double output;         /**< of what the network answered */
  double clipped_state;  /**< of its x where x_0 is clipped */
  double clipped_origin; /**< of its x_0 where it is clipped */
} bl_chain_term;

typedef struct bl_chain {
  int steps;   /**< T' */
  float *time; /**< (steps) what the network is told: t − 1 in 0 … T − 1, fractional allowed; owned, as the following */
  bl_process *process;    /**< (steps) of the state before the step */
  double *state;          /**< (steps) factor of x in the mean */
  double *output;         /**< (steps) factor of the network's output in the mean */
  double *sigma;          /**< (steps) standard deviation of the step */
  double *clipped_state;  /**< (steps) factor of x where x_0 is clipped */
  double *clipped_origin; /**< (steps) factor of x_0 where it is clipped */
  bool clip;              /**< clip the prediction of x_0 to [−1, 1] */
  int depth;              /**< how many earlier steps a step may use; 0 in a chain of Gaussian steps */
  bl_chain_term *past;    /**< (steps, depth) term d − 1 belongs to d steps before; owned; NULL where depth is 0 */
  bl_head head;        /**< what the network's second output tells of the noise of the steps but the last; then z comes to
                          bl_chain_step with its deviation, and sigma is 1 where there is noise */
  bl_head_step *drawn; /**< (steps) what such steps draw; owned; NULL without a head */
  bl_prediction prediction; /**< what the network's output is; by bl_chain_set_prediction, ε in a new chain */
} bl_chain;

/** Allocate the arrays. Not collective. \param [out] chain caller's; bl_chain_destroy. */
bl_status bl_chain_create(bl_chain *chain, int steps);
/** The same with a memory of \a depth steps (at most BL_CHAIN_DEPTH); all factors are zero. Not collective. */
bl_status bl_chain_create_deep(bl_chain *chain, int steps, int depth);
/** Let the chain be for networks that predict \a prediction: the factors of its steps so far, which must be for ε, are
 * converted, and the following functions add steps for it. Not collective. */
void bl_chain_set_prediction(bl_chain *chain, bl_prediction prediction);

/** Have the noise of all steps but the last, which has none, follow from a head's answers, beside the noise that the steps
 * have so far. Not collective. \param [in] schedule  of which the chain's times are whole steps. \param [in] limit  largest
 * deviation at the step before the last, 0: none. */
bl_status bl_chain_attach_head(bl_chain *chain, const bl_schedule *schedule, bl_head head, double limit);
void bl_chain_destroy(bl_chain *chain);

/** Fill in step \a step, which goes from \a alpha_bar to \a alpha_bar_next (1 at the last step): the mean is
 * √ᾱ_next x_0 + √(1 − ᾱ_next − σ²) ε (Song et al. 2021, equation 12), with x_0 = (x − √(1 − ᾱ) ε) / √ᾱ. Not collective.
 * With the posterior's σ that is DDPM's mean, whatever noise is then drawn: a sampler that draws another amount sets
 * chain->sigma afterwards. */
void bl_chain_set_step(bl_chain *chain, int step, double time, double alpha_bar, double alpha_bar_next, double sigma);

/** The same in any process, from \a here to \a next (σ = 0 at the last step): the mean is α_next x_0 + √(σ_next² − σ²) ε,
 * with x_0 and ε as the state and the network's output tell; without noise it is a step of Euler's method along a straight
 * line from ε to x_0 where α = 1 − t and σ = t. Not collective. \param [in] sigma  of the noise that is drawn, at most
 * next's. */
void bl_chain_set_process_step(bl_chain *chain, int step, double time, bl_process here, bl_process next, double sigma);

/** Begin step \a step of a solver: the network sees \a time at \a alpha_bar, all factors are zero. Not collective. */
void bl_chain_begin_step(bl_chain *chain, int step, double time, double alpha_bar);

/** Add \a state · x + \a noise · ε of \a back steps before \a step (0: of itself) to the mean of \a step. Not collective.
 * That earlier step must have begun. \param [in] back  at most the chain's depth and \a step. */
void bl_chain_add(bl_chain *chain, int step, int back, double state, double noise);

/** Add \a weight · x_0, where x_0 is what \a back steps before was predicted. Not collective. */
void bl_chain_add_origin(bl_chain *chain, int step, int back, double weight);

/** ∂mean / ∂ε of step \a step, whatever the network predicts. Not collective. */
double bl_chain_noise_factor(const bl_chain *chain, int step);

/** next = mean(x, y) + sigma · z for step \a step. Not collective. z is ignored where sigma is 0.
 * \param [out] next (batch, size), may be x. \param [in] x, output, z (batch, size). */
void bl_chain_step(float *next, const bl_chain *chain, int step, const float *x, const float *output, const float *z,
                   size_t batch, size_t size);

/** The same in any chain: next = mean + sigma · z, where the mean may hold earlier steps. Not collective. In a chain
 * without memory these are the bits of bl_chain_step. \param [out] next (batch, size), may be x[0] or x[depth]. \param [in]
 * x (depth + 1) pointers to (batch, size): the state d steps before. \param [in,out] prediction (depth + 1) pointers to
 * (batch, size): what the network answered d steps before; where the chain has a memory and clips, that of this step (d =
 * 0) becomes the clipped x_0, which is what later steps expect. */
void bl_chain_advance(float *next, const bl_chain *chain, int step, const float *const *x, float *const *prediction,
                      const float *z, size_t batch, size_t size);

/** log p(next | x) of one transition of each sample: Gaussian log-density, mean or sum over the elements. Not collective.
 * sigma[step] must be positive, clip off and depth 0. SFT-PG's image code takes the mean, its toy the sum.
 * \param [out] log_density (batch). \param [in] step (batch) step of each sample. \param [in] x, output, next (batch,
 * size). */
void bl_chain_log_density(double *log_density, const bl_chain *chain, const int *step, const float *x, const float *output,
                          const float *next, size_t batch, size_t size, bool mean);

/** d/dy of Σ_b weight_b · log p_b. Not collective. \param [out] d_output (batch, size). \param [in] weight (batch). */
void bl_chain_log_density_gradient(float *d_output, const bl_chain *chain, const int *step, const float *x,
                                   const float *output, const float *next, const double *weight, size_t batch, size_t size,
                                   bool mean);

#endif
