/** \file
 * How advantages come about: from the costs of the ends of trajectories, a baseline, and statistics of a round.
 *
 * The advantage of a transition from x_t is the cost f(x_0) of where its trajectory ended less a baseline of x_t, which
 * leaves the expectation of the policy gradient as it is (Williams 1992):
 * - `value`: V(x_t, t) of a learned value network, as in the paper (Fan & Lee 2023), or, with trace λ < 1, generalised
 *   advantage estimation (Schulman et al. 2016);
 * - `prediction`: for each step the line through f(x̂_0(x_t)) that fits f(x_0) best over the round (learner/baseline.h);
 * - none: the cost itself.
 * Balanced advantages are divided by the spread of their step. */
#ifndef BEELINE_LEARNER_ADVANTAGE_H
#define BEELINE_LEARNER_ADVANTAGE_H

#include "base/options.h"
#include "diffusion/chain.h"

#include <mpi.h>
#include <stdbool.h>

typedef struct bl_policy_method bl_policy_method; /* of learner/policy_learner.h */

typedef enum bl_baseline_kind {
  BL_BASELINE_NONE,
  BL_BASELINE_VALUE,     /**< V(x_t, t) */
  BL_BASELINE_PREDICTION /**< a line in f(x̂_0(x_t)) */
} bl_baseline_kind;

/** Settings of advantages. */
typedef struct bl_advantage {
  bl_baseline_kind baseline;
  double trace; /**< λ */
  bool balanced; /**< weighted by σ_i / |∂μ_i/∂ε|, which makes the gradients of all steps equally noisy, and by the inverse
                    spread of their step's advantages */
} bl_advantage;

/** Read the settings. Not collective. Returns BL_ERROR_USAGE by bl_options_reject. */
bl_status bl_advantage_configure(bl_advantage *advantage, const bl_options *options);

/** Weight of a transition of step \a step beside its advantage: 1, or σ_i / |∂μ_i/∂ε| where they are balanced. Not
 * collective. */
double bl_advantage_step_weight(const bl_advantage *advantage, const bl_chain *chain, int step);

/** Advantages of all steps of the trajectories of one micro-batch: A_i = Σ_k λ^k δ_{i+k}, δ_i = V(x_{i+1}) − V(x_i),
 * V(x_T') = f(x_0), with no cost but f(x_0) at the end; λ = 1 gives the paper's f(x_0) − V(x_t, t). Without a baseline
 * f(x_0) itself. Not collective. \param [out] advantages (steps, micro_batch). \param [in] cost (micro_batch) f(x_0).
 * \param [in] value (steps, micro_batch), borrowed; may be NULL without a baseline. */
void bl_advantage_over_value(float *advantages, const bl_policy_method *method, const float *cost, const float *value);

/** What a rank of the critics judged in a round: slots `first`, first + stride, … below `slots`. */
typedef struct bl_judgement {
  float *advantages;  /**< (slots, n_critic, steps, micro_batch); with a baseline by prediction, first f(x̂_0) */
  const float *costs; /**< (slots, n_critic, micro_batch) f(x_0) */
  int first, stride, slots;
  MPI_Comm comm; /**< of all critics */
} bl_judgement;

/** Place of batch \a batch of slot \a slot in `costs` and, times the steps, in `advantages`. Not collective. */
size_t bl_judgement_place(const bl_policy_method *method, int batch, int slot);

/** What needs the whole round: fit the baseline by prediction and take its residuals, then balance. Collective over
 * judgement->comm; the same bits on any number of ranks. Returns BL_ERROR_NUMERIC, on all ranks, when a number is not
 * finite. */
bl_status bl_judgement_finish(const bl_judgement *judgement, const bl_policy_method *method);

#endif
