/** \file
 * The transitions that a policy learns from: which ones a policy step takes, and what is known of them.
 *
 * Steps of a chain are numbered i = 0 (noisiest) … T' − 1. A slot is a micro-batch number: slot m consists of micro-batch m
 * of each of the n_critic batches of a round, which one generator rolls out.
 */
#ifndef BEELINE_LEARNER_TRANSITION_H
#define BEELINE_LEARNER_TRANSITION_H

#include <stddef.h>
#include <stdint.h>

typedef struct bl_policy_method bl_policy_method; /* of learner/policy_learner.h */

/** One transition of a slot: which of the n_critic batches, which step, which sample of the micro-batch. */
typedef struct bl_transition {
  int batch;
  int step;
  int sample;
} bl_transition;

/** A micro-batch of transitions, as the loss of a policy step sees them. Borrowed. */
typedef struct bl_transition_batch {
  const float *state, *next; /**< (micro_batch, size) x_t and x_{t−1} */
  const float *condition;    /**< (micro_batch, size of a condition); NULL for none */
  const int *step;           /**< (micro_batch) */
  const double *advantage;   /**< (micro_batch) */
  const double *log_density; /**< (micro_batch) log p(x_{t−1} | x_t), a sum over elements, of the policy that rolled them
                                out; NULL unless the learner asks for it */
  const float *reference;    /**< (micro_batch, size) what the network answered before fine-tuning; NULL unless asked for */
} bl_transition_batch;

/** The `round` of the draws (base/random.h) of batch \a batch of round \a round. Not collective. */
uint32_t bl_transition_rollout(const bl_policy_method *method, int64_t round, int batch);

/** Transitions that one slot gives to `improve` in a round: n_generator × micro_batch. Not collective. */
size_t bl_transition_count(const bl_policy_method *method);

/** The transitions that `improve` learns from, for one slot. Not collective; the same on every rank.
 *
 * Policy step u learns from transitions [u · micro_batch, (u + 1) · micro_batch) of a random order of those of the slot.
 * With one slot that is the public code's shuffling of the whole buffer; with more, each contributes equally to every step,
 * and no image has to move. \param [out] transitions (n_generator × micro_batch), caller's. \param [in,out] order (n_critic
 * × steps × micro_batch) scratch. */
void bl_transition_draw(bl_transition *transitions, uint32_t *order, const bl_policy_method *method, uint32_t round,
                        uint32_t slot);

#endif
