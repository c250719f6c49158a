/** \file
 * Critics hold the judge, let it learn from trajectories and from the data set, and answer with advantages. */
#ifndef BEELINE_ROLES_CRITIC_H
#define BEELINE_ROLES_CRITIC_H

#include "parallel/statistics.h"
#include "roles/plan.h"

typedef struct bl_critic {
  const bl_links *links;      /**< borrowed */
  const bl_judge_kind *kind;  /**< of the judge */
  bl_judge *judge;            /**< owned, as all that follows */
  float *condition;           /**< (micro_batch, size of a condition) of the batch at hand; NULL for none */
  float *real;                /**< (micro_batch, size) */
  float *costs;               /**< (slots, n_critic, micro_batch) f(x_0) */
  float *advantages;          /**< (slots, n_critic, steps, micro_batch) */
  float *values;              /**< (steps, micro_batch) baselines of the batch at hand */
  float *sent;                /**< (slots, n_generator × micro_batch) advantages */
  bl_transition *transitions; /**< (n_generator × micro_batch) */
  uint32_t *order;
  bool releases;               /**< memory from one round's judging to the next learning; where the judge is not tiny */
  bl_timing learning, judging; /**< time per micro-batch (of all n_critic batches together, when judging) */
} bl_critic;

/** Make the judge. Not collective; ranks that are no critic get an empty object, on which all calls do nothing.
 * \param [out] critic  the caller's; bl_critic_destroy. \param [in] links  borrowed for its life. */
bl_status bl_critic_create(bl_critic *critic, const bl_links *links);
void bl_critic_destroy(bl_critic *critic);

/** Begin to receive all trajectories of a round that other ranks roll out for this one. Not collective. */
bl_status bl_critic_begin(bl_critic *critic);

/** Wait for batch \a batch of this critic's slots, then let the judge take one learning step. Collective over the critics.
 * In later epochs the batch is there already. \param [in,out] row  columns of the judge; the step's figures divided by the
 * learning steps of a round are added. \param [in] rates  of the networks of the plan. Returns BL_ERROR_NUMERIC, on all
 * critics, when a gradient is not finite; the judge's networks then stay as they were. */
bl_status bl_critic_collect(bl_critic *critic, double *row, int64_t round, int epoch, int batch, const double *rates);

/** Where method->monitor_judge, what the judge monitors, as it is now. Collective over the critics. \param [out] row
 * (BL_JUDGE_MONITORS). */
bl_status bl_critic_monitor(bl_critic *critic, double *row);

/** Give back the memory that only learning and judging need, until they are next asked for (critic->releases). Not
 * collective. */
void bl_critic_release(bl_critic *critic);

/** Take the parameters of the judge's networks as they are now, for judging. Not collective. */
bl_status bl_critic_settle(bl_critic *critic);

/** Compute the advantages of the round's transitions with the judge as it is now, and send them. Collective over the
 * critics. */
bl_status bl_critic_judge(bl_critic *critic, int64_t round);

#endif
