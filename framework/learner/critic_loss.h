/** \file
 * The losses of SFT-PG's critic and value network (Fan & Lee 2023, algorithm 1), for one micro-batch at a time.
 *
 * A critic f is trained to be high on generated and low on real samples: its value is the cost at the end of a chain.
 * V(x_t, t) predicts that cost and, in SFT-PG (B), is the regulariser of f: the target f(x_0) of V is not detached. Steps
 * of the chain are numbered i = 0 (noisiest) … T' − 1, and V is told i. Nothing here is collective.
 */
#ifndef BEELINE_LEARNER_CRITIC_LOSS_H
#define BEELINE_LEARNER_CRITIC_LOSS_H

#include "learner/policy_learner.h"

/** Losses of one micro-batch, means over its samples. */
typedef struct bl_critic_losses {
  double real;      /**< E f(real) */
  double generated; /**< E f(generated); the estimate of the IPM is generated − real */
  double value;     /**< mean over steps of E (V − f)² */
  double penalty;   /**< E (‖∇f‖ − 1)², 0 without the gradient penalty */
} bl_critic_losses;

/** Gradients of  E f(real) − E f(generated) + λ R  for the critic, and of  λ Σ_t E (V − f)²  for V.
 * \param [in] of_critic, of_value  take the gradients; that of the critic comes in two parts, to be added, with the
 * gradient penalty. \param [in] critic  loaded, for training, of micro-batch 2 × micro_batch. \param [in] value  likewise,
 * of micro-batch steps × micro_batch. Without V, \a value is NULL and \a of_value not looked at. \param [in,out] work
 * (bl_policy_method_work) caller's scratch. */
bl_status bl_critic_loss_gradient(const bl_gradient_sink *of_critic, const bl_gradient_sink *of_value,
                                  bl_critic_losses *losses, const bl_policy_method *method, bl_graph *critic,
                                  bl_graph *value, const bl_judge_batch *batch, float *work);

#endif
