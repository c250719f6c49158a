/** \file
 * `improve` of the learner backprop_chain over the roles: generators unroll their chains and go back through them, critics
 * answer x_0 with ∂f/∂x_0 in between.
 *
 * Slot m belongs to generator m mod G and critic m mod C, as in the buffer. Slots are worked on in waves of G, one a
 * generator, so that no generator holds the activations of two: all unroll, all judge, all go back. A rank that holds both
 * roles does each part in this order, so none waits for one that waits for it.
 */
#ifndef BEELINE_ROLES_BACKPROP_H
#define BEELINE_ROLES_BACKPROP_H

#include "learner/backprop_chain.h"
#include "network/computation.h"
#include "parallel/channel.h"
#include "parallel/statistics.h"
#include "roles/aggregator.h"
#include "roles/buffer.h"

/** What improves the policy on one rank. */
typedef struct bl_backprop {
  const bl_world *world; /**< borrowed, as the next six */
  const bl_sft_pg *method;
  const bl_buffer *buffer;
  bl_channel *origins;                                  /**< to the critics */
  bl_channel *slopes;                                   /**< from the critics */
  bl_aggregator *policy_aggregator, *critic_aggregator; /**< of θ and f */
  bl_backprop_chain unrolled;                           /**< on generators; owned, as all that follows */
  bl_graph *critic;                                     /**< on critics: f for gradients by x */
  float *x;                                             /**< (slots, micro_batch, size) x_0 */
  float *d_x;      /**< (slots, micro_batch × size + 1) ∂f/∂x_0, then the mean of f */
  float *gradient; /**< (parameters of θ) */
  float *work;
  bl_timing unrolling, judging, going_back; /**< time per micro-batch */
} bl_backprop;

/** Build the graphs. Not collective; on ranks that are neither generator nor critic the object does nothing. \param [out]
 * backprop  the caller's; bl_backprop_destroy, also after a failure. Other objects are borrowed for its life. */
bl_status bl_backprop_create(bl_backprop *backprop, const bl_world *world, const bl_network_shape *policy_shape,
                             const bl_network_shape *critic_shape, const bl_computation *computation,
                             const bl_sft_pg *method, const bl_chain *chain, const bl_buffer *buffer, bl_channel *origins,
                             bl_channel *slopes, bl_aggregator *policy_aggregator, bl_aggregator *critic_aggregator);
void bl_backprop_destroy(bl_backprop *backprop);

/** Add the gradients of policy step \a step of round \a round to the policy's aggregator, from fresh draws: round
 * 2^31 + round × n_generator + step of a rollout's. Collective over generators and critics; f as it is now. */
bl_status bl_backprop_improve(bl_backprop *backprop, int64_t round, int step);

#endif
