/** \file
 * The trajectories of a round, as far as this rank rolls them out or judges them.
 *
 * Slot m is micro-batch m of every batch. Generator m mod G rolls it out, critic m mod C judges it; where both are the
 * same rank, they share the memory and no message is sent.
 */
#ifndef BEELINE_ROLES_BUFFER_H
#define BEELINE_ROLES_BUFFER_H

#include "learner/policy_learner.h"
#include "parallel/world.h"

#include <stdbool.h>

typedef struct bl_buffer {
  const bl_world *world; /**< borrowed */
  int slots;             /**< micro-batches in a batch */
  int batches;           /**< n_critic */
  size_t state;          /**< floats of one state of a micro-batch: micro_batch × size */
  size_t trajectory;     /**< floats of one trajectory: (steps + 1) × state */
  int *place;            /**< (slots) place in `values`, −1 for slots that this rank does not hold; owned */
  float *values;         /**< (slots, batches, steps + 1, micro_batch, size); owned */
} bl_buffer;

/** Room for this rank's slots. Not collective. \param [out] buffer  the caller's; bl_buffer_destroy. */
bl_status bl_buffer_create(bl_buffer *buffer, const bl_world *world, const bl_policy_method *method, int slots);
void bl_buffer_destroy(bl_buffer *buffer);

/** Trajectory of slot \a slot in batch \a batch: (steps + 1, micro_batch, size), x_T' … x_0. Not collective.
 * Borrowed. */
float *bl_buffer_at(const bl_buffer *buffer, int batch, int slot);

/** World ranks that roll out and judge a slot. Not collective. */
int bl_buffer_generator(const bl_buffer *buffer, int slot);
int bl_buffer_critic(const bl_buffer *buffer, int slot);

#endif
