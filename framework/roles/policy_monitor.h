/** \file
 * What the policy steps of a round did: surrogates before and after them, the divergence of the new policy from the old one
 * at each step of the chain, and how far the parameters moved. See learner/policy_change.h for the formulas.
 *
 * It takes two forward passes of each transition that the round drew, and room for ε of the old policy at all of them; the
 * parameters of the run keep their bits.
 */
#ifndef BEELINE_ROLES_POLICY_MONITOR_H
#define BEELINE_ROLES_POLICY_MONITOR_H

#include "roles/improve.h"
#include "roles/transitions.h"

typedef struct bl_policy_monitor bl_policy_monitor;

/** Not collective; on generators. \param [out] monitor  caller's; bl_policy_monitor_destroy. \param [in] links  borrowed
 * for the monitor's life. */
bl_status bl_policy_monitor_create(bl_policy_monitor **monitor, const bl_links *links);

/** Release *\a monitor (NULL is allowed) and set it to NULL. Not collective. */
void bl_policy_monitor_destroy(bl_policy_monitor **monitor);

/** Keep the policy as it is before the steps of the round, whose \a transitions are drawn. Not collective. \param [in]
 * policy  the network for training; loaded here. */
bl_status bl_policy_monitor_before(bl_policy_monitor *monitor, bl_transitions *transitions, bl_graph *policy);

/** Compare with the policy as it is now. Collective over the generators. \param [out] report  the same bits for any number
 * of generators, on the first of them. \param [in,out] work (micro_batch, size) scratch. */
bl_status bl_policy_monitor_after(bl_policy_report *report, bl_policy_monitor *monitor, bl_transitions *transitions,
                                  bl_graph *policy, float *work);

#endif
