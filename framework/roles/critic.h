/** \file
 * Critics hold f and V, learn from trajectories and from the data set, and answer with advantages.
 */
#ifndef BEELINE_ROLES_CRITIC_H
#define BEELINE_ROLES_CRITIC_H

#include "learner/batches.h"
#include "learner/lipschitz.h"
#include "network/computation.h"
#include "parallel/channel.h"
#include "parallel/statistics.h"
#include "roles/aggregator.h"
#include "roles/buffer.h"

typedef struct bl_critic {
  const bl_world *world; /**< borrowed, as the next seven */
  const bl_sft_pg *method;
  const bl_chain *chain;
  const bl_buffer *buffer;
  bl_batches *data;                                    /**< real samples */
  bl_channel *trajectories;                            /**< from the generators */
  bl_channel *advantages;                              /**< to the generators */
  bl_aggregator *critic_aggregator, *value_aggregator; /**< of f and V; borrowed */
  bl_graph *critic, *value; /**< for training (V: NULL with method->without_value): micro-batches 2 × micro_batch and steps
                               × micro_batch; owned, as all that follows */
  bl_graph *critic_judge, *value_judge; /**< for inference: micro_batch and steps × micro_batch (NULL unless V is the
                                           baseline) */
  bl_lipschitz *lipschitz;              /**< NULL where neither a regulariser nor the record wants it */
  float *real;                          /**< (micro_batch, size) */
  float *costs;                         /**< (slots, n_critic, micro_batch) f(x_0) */
  float *advantages_of_all;   /**< (slots, n_critic, steps, micro_batch); before the fit of the baseline f(x̂_0) */
  float *sent;                /**< (slots, n_generator × micro_batch) advantages */
  bl_transition *transitions; /**< (n_generator × micro_batch) */
  uint32_t *order;
  float *d_spectral; /**< (parameters of f) gradient of the spectral regulariser; NULL without it */
  float *work;
  bool releases;               /**< from one round's judging to the next learning; where f is not tiny */
  bl_timing learning, judging; /**< time per micro-batch (of all n_critic batches together, when judging) */
} bl_critic;

/** Means over a round, for the record. */
typedef struct bl_critic_report {
  double real, generated; /**< E f over real and generated samples */
  double value_loss;      /**< mean over steps of E (V − f)² */
  double penalty;
  double norm;                       /**< of the critic's gradient */
  double spectral;                   /**< bl_lipschitz_penalty, before its weight; 0 where that is 0 */
  double norms[BL_LIPSCHITZ_LAYERS]; /**< of the layers at the end of collect, where they are monitored; else 0 */
  double lipschitz;                  /**< their bound */
} bl_critic_report;

/** Build the graphs, which compute as \a computation says (NULL: as by default). Not collective; ranks that are no critic
 * get an empty object, on which all calls do nothing. \param [out] critic  the caller's; bl_critic_destroy. Other objects
 * are borrowed for its life. */
bl_status bl_critic_create(bl_critic *critic, const bl_world *world, const bl_network_shape *critic_shape,
                           const bl_network_shape *value_shape, const bl_computation *computation, const bl_sft_pg *method,
                           const bl_chain *chain, const bl_buffer *buffer, bl_batches *data, bl_channel *trajectories,
                           bl_channel *advantages, bl_aggregator *critic_aggregator, bl_aggregator *value_aggregator);
void bl_critic_destroy(bl_critic *critic);

/** Begin to receive all trajectories of a round that other ranks roll out for this one. Not collective. */
bl_status bl_critic_begin(bl_critic *critic);

/** Wait for batch \a batch of this critic's slots, then take one step of f and of V. Collective over the critics. In later
 * epochs the batch is there already. \param [in,out] report  the step\'s figures divided by the critic steps of a round are
 * added. Returns BL_ERROR_NUMERIC, on all critics, when a gradient is not finite; f and V then stay as they were. */
bl_status bl_critic_collect(bl_critic *critic, bl_critic_report *report, int64_t round, int epoch, int batch,
                            double critic_rate, double value_rate);

/** Where method->monitor_critic, measure the layers of the critic as it is now. Collective over the critics. */
bl_status bl_critic_measure(bl_critic *critic, bl_critic_report *report);

/** Where it does so (\a releases), give back the memory that only learning and judging need, until they are next asked for.
 * Not collective. */
void bl_critic_release(bl_critic *critic);

/** Compute the advantages of the round's transitions with f and V as they are now, and send them. Collective over the
 * critics. */
bl_status bl_critic_judge(bl_critic *critic, int64_t round);

#endif
