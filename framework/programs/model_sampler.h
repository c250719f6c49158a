/** \file
 * What draws samples: a model, the chain of a sampler for it, and the network.
 *
 *     plan (all that the configuration and the model's header tell) ... load (network and weights) ... bl_sampler_draw, or
 *     bl_sample_stream_create ... destroy
 */
#ifndef BEELINE_PROGRAMS_MODEL_SAMPLER_H
#define BEELINE_PROGRAMS_MODEL_SAMPLER_H

#include "base/options.h"
#include "network/computation.h"
#include "sampler/sampler.h"
#include "store/model.h"

#include <mpi.h>

/** A model that is ready to be sampled from. */
typedef struct bl_model_sampler {
  const bl_options *options; /**< borrowed */
  MPI_Comm comm;
  bl_model_header header;
  bl_model_header head; /**< of the file sampler.head, where the chain needs one */
  bl_schedule schedule; /**< owned, as the following */
  bl_chain chain;
  bl_condition labels;           /**< of all classes in turn */
  const bl_condition *condition; /**< these where the model takes a label, else NULL */
  bl_computation computation;
  bl_graph *graph; /**< NULL until bl_model_sampler_load; of learner.micro_batch samples */
} bl_model_sampler;

/** Read the headers of model.file and sampler.head and plan the sampler: everything that can be refused. Collective over \a
 * comm. \param [out] sampler  the caller's, must stay where it is; bl_model_sampler_destroy, also after a failure.
 * Returns BL_ERROR_USAGE by bl_options_reject and BL_ERROR_INPUT. */
bl_status bl_model_sampler_plan(bl_model_sampler *sampler, const bl_options *options, MPI_Comm comm);

/** Build the network and read the weights; a head must belong to them. Collective. \param [in] recorded  choices of
 * algorithms that an earlier session made, NULL for none; rank 0's counts. */
bl_status bl_model_sampler_load(bl_model_sampler *sampler, const char *recorded);

/** Evaluations of the network for each sample, counted by the networks of all ranks, after \a count samples were drawn in
 * micro-batches, of which only the last may be a part. Collective. */
bl_status bl_model_sampler_evaluations(double *evaluations, const bl_model_sampler *sampler, size_t count);

void bl_model_sampler_destroy(bl_model_sampler *sampler);

#endif
