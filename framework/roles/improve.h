/** \file
 * The policy steps of a round on one rank: one kind for each experience that a policy learner can learn from
 * (learner/policy_learner.h).
 *
 *     begin … n_generator times: step (gradients of this rank's slots into the policy's aggregator) … end
 *
 * Every rank calls all of them in each round that improves, whatever its roles.
 */
#ifndef BEELINE_ROLES_IMPROVE_H
#define BEELINE_ROLES_IMPROVE_H

#include "parallel/statistics.h"
#include "roles/critic.h"
#include "roles/plan.h"

enum { BL_IMPROVEMENT_TIMINGS = 3, BL_POLICY_MONITOR_STEPS = 64 };

/** What the policy steps of a round did, where it is monitored: means over the transitions that were drawn, NaN where a
 * term was not finite. See learner/policy_change.h. */
typedef struct bl_policy_report {
  double surrogate_before, surrogate_after;    /**< mean of w A log p */
  double ratio_before, ratio_after;            /**< mean of A, and of A p_after / p_before */
  double divergence;                           /**< mean of KL(p_before ‖ p_after) over transitions, nats */
  double divergence_most;                      /**< the largest of the means of the steps of the chain */
  double divergences[BL_POLICY_MONITOR_STEPS]; /**< means of the first steps of the chain; NaN where none was drawn */
  double change;                               /**< ‖θ_after − θ_before‖ */
} bl_policy_report;

typedef struct bl_improvement_kind bl_improvement_kind;

/** An object of either kind, which has a struct of its own with this one as first member. */
typedef struct bl_improvement {
  const bl_improvement_kind *kind;
  const bl_links *links;                     /**< borrowed */
  bl_timing timings[BL_IMPROVEMENT_TIMINGS]; /**< time per micro-batch; the first is that of gradients */
} bl_improvement;

/** What a kind does. */
struct bl_improvement_kind {
  /** Build the graphs. Not collective. \param [out] improvement  the caller's; `destroy`, also after a failure.
   * \param [in] links  borrowed for its life. */
  bl_status (*create)(bl_improvement **improvement, const bl_links *links);
  void (*destroy)(bl_improvement **improvement);
  /** Keep the parameters \a values (of θ) as the reference that a learner asks for. Not collective; generators. */
  bl_status (*set_reference)(bl_improvement *improvement, const float *values);
  /** Have the round judged, and get ready. Collective over generators and critics. Returns BL_ERROR_NUMERIC, on all
   * critics, when a number of the judge is not finite; the round goes on. */
  bl_status (*begin)(bl_improvement *improvement, bl_critic *critic, int64_t round);
  /** Gradients of policy step \a step. Collective over generators and critics. */
  bl_status (*step)(bl_improvement *improvement, bl_critic *critic, int64_t round, int step);
  /** \param [out] report  the same bits for any number of generators, on the first of them; untouched where nothing is
   * monitored. Collective over the generators. */
  bl_status (*end)(bl_improvement *improvement, bl_policy_report *report);
};

extern const bl_improvement_kind bl_improvement_transitions; /* improve_transitions.c */
extern const bl_improvement_kind bl_improvement_chains;      /* improve_chains.c */

/** The kind for an experience. Not collective. */
const bl_improvement_kind *bl_improvement_kind_of(bl_experience experience);

#endif
