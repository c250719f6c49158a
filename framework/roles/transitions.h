/** \file
 * Policy steps that learn from transitions: generators draw them from the trajectories that they rolled out, take their
 * advantages from the critics, and compute the learner's gradient. */
#ifndef BEELINE_ROLES_TRANSITIONS_H
#define BEELINE_ROLES_TRANSITIONS_H

#include "roles/improve.h"

typedef struct bl_policy_monitor bl_policy_monitor; /* of roles/policy_monitor.h */

typedef struct bl_transitions {
  bl_improvement base;
  bl_graph *policy;           /**< the network for training; owned, as all that follows */
  int64_t round;              /**< that is improved */
  bl_graph *reference;        /**< the network before fine-tuning; NULL unless the learner asks for it */
  float *received;            /**< (slots, n_generator × micro_batch) advantages */
  bl_transition *transitions; /**< (slots, n_generator × micro_batch) */
  double *log_densities; /**< (slots, n_generator × micro_batch) of the policy before its steps; NULL unless asked for */
  uint32_t *order;
  int *steps;       /**< (micro_batch) of the transitions at hand */
  double *weights;  /**< (micro_batch) their advantages */
  float *time;      /**< (micro_batch) what the network is told */
  float *condition; /**< (micro_batch, size of a condition) of the transitions at hand; NULL for none */
  float *answer;    /**< (micro_batch, size) of the reference */
  float *states;    /**< (2, micro_batch, size) of the transitions at hand, before and after */
  float *work;
  bl_policy_monitor *monitor; /**< NULL unless method->monitor_policy */
} bl_transitions;

/** Take the transitions of micro-batch \a step of slot \a slot: their steps into `steps` and `time`, their conditions and
 * states into `condition` and `states`, and, where \a judged, their advantages, which must have come, into `weights`. Not
 * collective; \a slot is this generator's. Returns what the source of conditions returns. */
bl_status bl_transitions_take(bl_transitions *transitions, int slot, int step, bool judged);

/** What the network is evaluated on at the transitions that were taken last. Not collective. Borrowed. */
bl_graph_inputs bl_transitions_inputs(const bl_transitions *transitions);

#endif
