/** \file
 * The transitions of a round on a generator: drawn from the trajectories that it rolled out, with their advantages from the
 * critics, a micro-batch at a time. */
#ifndef BEELINE_ROLES_TRANSITIONS_H
#define BEELINE_ROLES_TRANSITIONS_H

#include "roles/plan.h"

typedef struct bl_transitions {
  const bl_links *links; /**< borrowed */
  int64_t round;
  float *received;      /**< (slots, n_generator × micro_batch) advantages; owned, as all that follows */
  bl_transition *drawn; /**< (slots, n_generator × micro_batch) */
  uint32_t *order;
  /* Of the micro-batch that was taken last: */
  int *steps;       /**< (micro_batch) */
  double *weights;  /**< (micro_batch) advantages */
  float *time;      /**< (micro_batch) what the network is told */
  float *condition; /**< (micro_batch, size of a condition); NULL for none */
  float *states;    /**< (2, micro_batch, size) before and after */
} bl_transitions;

/** Not collective; on generators. \param [out] transitions  the caller's; bl_transitions_destroy, also after a failure.
 * \param [in] links  borrowed for its life. */
bl_status bl_transitions_create(bl_transitions *transitions, const bl_links *links);
void bl_transitions_destroy(bl_transitions *transitions);

/** Draw those of \a round and begin to receive their advantages. Not collective. */
bl_status bl_transitions_draw(bl_transitions *transitions, int64_t round);

/** Where the transitions of micro-batch \a step of slot \a slot begin in arrays of all. Not collective. */
size_t bl_transitions_place(const bl_transitions *transitions, int slot, int step);

/** Take the transitions of micro-batch \a step of slot \a slot, with their advantages, which must have come, where \a
 * judged. Not collective; \a slot is this generator's. Returns what the source of conditions returns. */
bl_status bl_transitions_take(bl_transitions *transitions, int slot, int step, bool judged);

/** What the network is evaluated on at the transitions that were taken last. Not collective. Borrowed. */
bl_graph_inputs bl_transitions_inputs(const bl_transitions *transitions);

#endif
