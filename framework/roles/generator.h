/** \file
 * Generators hold θ, roll out trajectories and keep them: the heavy work never moves, only images go out and scalars come
 * back. What they then learn from is in roles/improve.h. */
#ifndef BEELINE_ROLES_GENERATOR_H
#define BEELINE_ROLES_GENERATOR_H

#include "parallel/statistics.h"
#include "roles/plan.h"

typedef struct bl_generator {
  const bl_links *links; /**< borrowed */
  bl_graph *rollout;     /**< the network for inference; owned, as what follows */
  float *work;           /**< (bl_sampler_work) */
  bl_timing rolling_out; /**< time per micro-batch */
} bl_generator;

/** Build the graph. Not collective; ranks that are no generator get an empty object, on which all calls do nothing.
 * \param [out] generator  the caller's; bl_generator_destroy. \param [in] links  borrowed for its life. */
bl_status bl_generator_create(bl_generator *generator, const bl_links *links);
void bl_generator_destroy(bl_generator *generator);

/** Take the θ of this round for rolling out. Not collective. */
bl_status bl_generator_begin(bl_generator *generator);

/** Roll out this generator's slots of batch \a batch and send them to their critics. Not collective; does not wait.
 * Returns BL_ERROR_NUMERIC, on this rank alone, when a sample is not finite; all trajectories are sent nevertheless. */
bl_status bl_generator_collect(bl_generator *generator, int64_t round, int batch);

#endif
