/** \file
 * One round over the three roles, for every policy learner: collect, judge, improve.
 *
 * θ is fixed while trajectories are collected, so generators never wait for critics there; the judge is fixed while the
 * policy improves, so all advantages of a round travel at once. The pipelining is therefore exact: nothing is ever stale.
 */
#ifndef BEELINE_ROLES_ROUND_H
#define BEELINE_ROLES_ROUND_H

#include "roles/ring.h"

/** What a round tells, on every rank. */
typedef struct bl_round_report {
  double judge[BL_JUDGE_FIGURES];    /**< columns of the judge (learner/judge.h) */
  double monitor[BL_JUDGE_MONITORS]; /**< those that it monitors; else 0 */
  double policy_loss;                /**< mean over policy steps of the learner's loss */
  double norm;                       /**< mean over policy steps of the gradient's norm before clipping */
  double clip_rate;                  /**< share of the policy steps whose gradient was clipped */
  bl_policy_report policy;           /**< where it is monitored; else 0, as in rounds without policy steps */
} bl_round_report;

/** Run round \a round. Collective over the world; any rank may lack any role. \param [in] rates  learning rates of the
 * networks of the plan. Returns BL_ERROR_NUMERIC on every rank when something was not finite. Another failure may strike
 * one rank alone: end the job then. */
bl_status bl_round_run(bl_round_report *report, bl_ring *ring, int64_t round, const double *rates);

#endif
