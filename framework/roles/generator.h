/** \file
 * Generators hold θ, roll out trajectories, keep them, and compute the policy gradient of the transitions that they own:
 * the heavy work never moves, only images go out and scalars come back.
 */
#ifndef BEELINE_ROLES_GENERATOR_H
#define BEELINE_ROLES_GENERATOR_H

#include "network/computation.h"
#include "parallel/channel.h"
#include "parallel/statistics.h"
#include "roles/aggregator.h"
#include "roles/backprop.h"
#include "roles/buffer.h"

typedef struct bl_policy_monitor bl_policy_monitor; /* of roles/policy_monitor.h */

typedef struct bl_generator {
  const bl_world *world; /**< borrowed, as the next five */
  const bl_sft_pg *method;
  const bl_chain *chain;
  const bl_buffer *buffer;
  bl_channel *trajectories;         /**< to the critics */
  bl_channel *advantages;           /**< from the critics */
  bl_aggregator *policy_aggregator; /**< of θ; borrowed */
  bl_graph *rollout;                /**< ε network for inference; owned, as all that follows */
  bl_graph *policy;                 /**< ε network for training */
  float *received;                  /**< (slots, n_generator × micro_batch) advantages */
  bl_transition *transitions;       /**< (n_generator × micro_batch) per slot: (slots, …) */
  uint32_t *order;
  int *steps;      /**< (micro_batch) of the transitions at hand */
  double *weights; /**< (micro_batch) their advantages */
  float *work;
  bl_policy_monitor *monitor;       /**< NULL unless method->monitor_policy */
  bl_timing rolling_out, improving; /**< time per micro-batch */
  bl_backprop *backprop;            /**< where the learner is backprop_chain: what improves, else NULL; borrowed */
} bl_generator;

/** Build the graphs of \a shape, which compute as \a computation says (NULL: as by default). Not collective; ranks that are
 * no generator get an empty object, on which all calls do nothing. \param [out] generator  the caller's;
 * bl_generator_destroy. Other objects are borrowed for its life. */
bl_status bl_generator_create(bl_generator *generator, const bl_world *world, const bl_network_shape *shape,
                              const bl_computation *computation, const bl_sft_pg *method, const bl_chain *chain,
                              const bl_buffer *buffer, bl_channel *trajectories, bl_channel *advantages,
                              bl_aggregator *policy_aggregator);
void bl_generator_destroy(bl_generator *generator);

/** Take the θ of this round for rolling out. Not collective. */
bl_status bl_generator_begin(bl_generator *generator);

/** Roll out this generator's slots of batch \a batch and send them to their critics. Not collective; does not wait.
 * Returns BL_ERROR_NUMERIC, on this rank alone, when a sample is not finite; all trajectories are sent nevertheless. */
bl_status bl_generator_collect(bl_generator *generator, int64_t round, int batch);

/** Draw the round's transitions and begin to receive their advantages. Not collective. */
bl_status bl_generator_draw(bl_generator *generator, int64_t round);

/** Take the transitions of micro-batch \a step of slot \a slot: their steps into generator->steps, their states into
 * generator->work, (2, micro_batch, size) before and after, and, where \a judged, their advantages, which must have come,
 * into generator->weights. Not collective; \a slot is this generator's. */
void bl_generator_take(bl_generator *generator, int slot, int step, bool judged);

/** Compute the policy gradient of this generator's slots for policy step \a step and hand it to the aggregator; at step 0,
 * wait for the advantages first. Not collective. */
bl_status bl_generator_improve(bl_generator *generator, int step);

#endif
