/** \file
 * What the policy steps of a round did: surrogates before and after them, the divergence of the new policy from the old one
 * at each step of the chain, and how far the parameters moved. See learner/policy_change.h for the formulas.
 *
 * It takes two forward passes of each transition that the round drew, and room for ε of the old policy at all of them; the
 * parameters of the run keep their bits.
 */
#ifndef BEELINE_ROLES_POLICY_MONITOR_H
#define BEELINE_ROLES_POLICY_MONITOR_H

#include "roles/generator.h"

enum { BL_POLICY_MONITOR_STEPS = 64 };

/** Of a round; means are over the transitions that it drew, NaN where a term was not finite. */
typedef struct bl_policy_report {
  double surrogate_before, surrogate_after;    /**< mean of w A log p */
  double ratio_before, ratio_after;            /**< mean of A, and of A p_after / p_before */
  double divergence;                           /**< mean of KL(p_before ‖ p_after) over transitions, nats */
  double divergence_most;                      /**< the largest of the means of the steps of the chain */
  double divergences[BL_POLICY_MONITOR_STEPS]; /**< means of the first steps of the chain; NaN where none was drawn */
  double change;                               /**< ‖θ_after − θ_before‖ */
} bl_policy_report;

/** Not collective; on generators. \param [out] monitor  caller's; bl_policy_monitor_destroy. \param [in] generator  with
 * its graphs; borrowed for the monitor's life. */
bl_status bl_policy_monitor_create(bl_policy_monitor **monitor, bl_generator *generator);

/** Release *\a monitor (NULL is allowed) and set it to NULL. Not collective. */
void bl_policy_monitor_destroy(bl_policy_monitor **monitor);

/** Keep the policy as it is before the steps of the round, whose transitions are drawn. Not collective. NULL: nothing. */
bl_status bl_policy_monitor_before(bl_policy_monitor *monitor);

/** Compare with the policy as it is now. Collective over the generators. \param [out] report  the same bits for any number
 * of generators, on the first of them; untouched where \a monitor is NULL. */
bl_status bl_policy_monitor_after(bl_policy_report *report, bl_policy_monitor *monitor);

#endif
