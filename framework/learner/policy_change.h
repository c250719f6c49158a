/** \file
 * What the policy steps of a round did to the policy, transition by transition.
 *
 * The theory behind several policy steps on one buffer is that of the surrogate: near the old policy, a lower surrogate
 * means a lower cost (Kakade & Langford 2002; Schulman et al. 2015, "Trust Region Policy Optimization"; for SFT-PG, Fan &
 * Lee 2023). Two are told, both over the transitions drawn in the round, which the old policy θ rolled out:
 * - the mean of w A log p_θ'(x_{t−1} | x_t), the very loss whose gradient the steps follow (Fan & Lee, algorithm 1; w is 1
 * or that of balanced advantages, log p a mean or a sum as learner.log_density says), at θ' = θ and at the new θ';
 * - the mean of A p_θ'(x_{t−1} | x_t) / p_θ(x_{t−1} | x_t), the importance-sampled surrogate of Schulman et al., section 5,
 *   whose value at θ is the mean of A. The density is that of the whole sample.
 * A is a cost: improving lowers both.
 */
#ifndef BEELINE_LEARNER_POLICY_CHANGE_H
#define BEELINE_LEARNER_POLICY_CHANGE_H

#include "learner/policy_learner.h"

/** One transition under the old policy and the new one. */
typedef struct bl_policy_change {
  double before, after;    /**< w A log p */
  double advantage, ratio; /**< A, and A p_after / p_before; the logarithm of the ratio is kept within ±20 */
  double divergence;       /**< KL(p_before ‖ p_after) in nats: both are Gaussian with the σ of the step, so it is
                              ‖μ_after − μ_before‖² / 2σ², over all elements */
} bl_policy_change;

/** Compare the policies on one micro-batch. Not collective. \param [out] changes (micro_batch), caller's. \param [in] step
 * (micro_batch). \param [in] state, next (micro_batch, size) x_t and x_{t−1}. \param [in] before, after (micro_batch, size)
 * what the old and the new network answer to x_t. \param [in] advantage (micro_batch). Borrowed. */
void bl_policy_change_find(bl_policy_change *changes, const bl_policy_method *method, const bl_chain *chain,
                           const int *step, const float *state, const float *next, const float *before, const float *after,
                           const double *advantage);

#endif
