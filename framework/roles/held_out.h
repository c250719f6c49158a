/** \file
 * The IPM estimate E f(generated) − E f(real) on samples that the critic does not learn from: real ones of a data set that
 * is apart, generated ones from noise that no round of learning uses. The noise is the same in every round, so that two
 * estimates differ by the model and the critic alone. */
#ifndef BEELINE_ROLES_HELD_OUT_H
#define BEELINE_ROLES_HELD_OUT_H

#include "base/options.h"
#include "roles/plan.h"
#include "store/dataset.h"

/** What estimates need, on every rank. */
typedef struct bl_held_out {
  const bl_options *options; /**< borrowed, as all up to the sampler */
  const bl_links *links;
  const bl_aggregator *policy, *critic;
  bl_graph *sampler; /**< the policy's network for micro-batches of learner.micro_batch */
  size_t count;      /**< generated samples, 0: nothing is estimated */
  size_t real_count;
  size_t size;         /**< elements of a sample */
  bl_graph *judge;     /**< f; owned, as all that follows */
  float *real;         /**< (real_count, size) */
  float *generated[2]; /**< (count, size) by the model before the policy steps of a round, and after them */
  float *parameters;   /**< of either network, on ranks that do not hold it */
  bool drawn;          /**< whether generated[0] is of the model as it is */
} bl_held_out;

/** Read the first monitor.held_out samples of data.test, which must be like \a data. Collective over the world. Nothing is
 * done where monitor.held_out is 0. \param [out] held_out  caller's; bl_held_out_destroy. \param [in] links  of a ring;
 * borrowed. Returns BL_ERROR_USAGE where the learner has no critic. */
bl_status bl_held_out_create(bl_held_out *held_out, const bl_options *options, const bl_dataset *data,
                             const bl_links *links, bl_graph *sampler);
void bl_held_out_destroy(bl_held_out *held_out);

/** Before a round: draw with the model as it is, unless the round before has done so. Collective over the world. */
bl_status bl_held_out_begin(bl_held_out *held_out);

/** After a round: the estimates by the critic that it trained, for the model before and after its policy steps; NaN where
 * nothing is estimated. Collective over the world; the same bits on any number of ranks. */
bl_status bl_held_out_estimate(double *before, double *after, bl_held_out *held_out);

#endif
