/** \file
 * One round of SFT-PG over the three roles: collect, judge, improve.
 *
 * θ is fixed while trajectories are collected, so generators never wait for critics there; f and V are fixed while the
 * policy improves, so all advantages of a round travel at once. The pipelining is therefore exact: nothing is ever stale.
 */
#ifndef BEELINE_ROLES_ROUND_H
#define BEELINE_ROLES_ROUND_H

#include "learner/rate.h"
#include "roles/critic.h"
#include "roles/generator.h"
#include "roles/policy_monitor.h"

/** The learning rates of a round. */
typedef struct bl_round_rates {
  double policy, critic, value;
} bl_round_rates;

/** What a round tells, on every rank. */
typedef struct bl_round_report {
  bl_critic_report critic;
  double policy_loss;      /**< mean over policy steps of mean A log p; with back-propagation, of mean f(x_0) */
  double norm;             /**< mean over policy steps of the gradient's norm before clipping */
  double clip_rate;        /**< share of the policy steps whose gradient was clipped */
  bl_policy_report policy; /**< where it is monitored; else 0, as in rounds without policy steps */
} bl_round_report;

/** Run round \a round. Collective over the world; any rank may lack any role.
 * Returns BL_ERROR_NUMERIC on every rank when something was not finite. Another failure may strike one rank alone: end the
 * job then. */
bl_status bl_round_run(bl_round_report *report, bl_generator *generator, bl_critic *critic,
                       bl_aggregator *policy_aggregator, int64_t round, bl_round_rates rates);

#endif
