#include "programs/model_sampler.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "programs/source_model.h"

#include <inttypes.h>
#include <string.h>

/* Whether the head can be this model's; its weights tell more. Collective. */
static bl_status check_head(bl_model_sampler *sampler) {
  const char *path = sampler->options->sampler.head, *expected = bl_head_name(sampler->chain.head);
  BL_TRY(
      bl_options_blame(sampler->options, "sampler.head", bl_model_read_header_shared(&sampler->head, path, sampler->comm)));
  if (sampler->head.head[0] == '\0')
    return bl_fail(BL_ERROR_INPUT, "%s: holds a network, expected a head made by beeline moments with moments.head %s",
                   path, expected);
  if (strcmp(sampler->head.head, expected) != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: holds a head \"%s\", but sampler %s needs \"%s\"", path, sampler->head.head,
                   sampler->options->sampler.name, expected);
  return BL_OK;
}

bl_status bl_model_sampler_plan(bl_model_sampler *sampler, const bl_options *options, MPI_Comm comm) {
  *sampler = (bl_model_sampler){.options = options, .comm = comm};
  BL_TRY(bl_source_model_check(options));
  BL_TRY(bl_computation_create(&sampler->computation, options));
  bl_model_header *header = &sampler->header;
  BL_TRY(bl_source_model_read(header, &sampler->schedule, options, comm));
  BL_AGREE(bl_sampler_plan(&sampler->chain, &sampler->schedule, options, false), comm);
  bl_prediction prediction;
  BL_TRY(bl_options_blame(options, "model.file", bl_prediction_parse(&prediction, header->prediction)));
  bl_chain_set_prediction(&sampler->chain, prediction);
  BL_TRY(bl_source_model_limit_condition(header, options, 1));
  sampler->labels = bl_condition_labels(&header->shape.classes);
  sampler->condition = header->shape.condition > 0 ? &sampler->labels : NULL;
  if (sampler->chain.head)
    BL_TRY(check_head(sampler));
  return bl_sampler_check_network(&sampler->chain, &header->shape, options);
}

bl_status bl_model_sampler_load(bl_model_sampler *sampler, const char *recorded) {
  const bl_options *options = sampler->options;
  bl_network_shape shape = sampler->header.shape;
  shape.head = sampler->chain.head != BL_HEAD_NONE;
  const bl_network_plan plan = {&shape, options->learner.micro_batch, BL_GRAPH_INFERENCE, &sampler->computation.rollout};
  BL_TRY(bl_computation_settle(&sampler->computation, recorded, &plan, 1, sampler->comm));
  BL_AGREE(bl_network_create_with(&sampler->graph, plan.shape, plan.batch, plan.mode, false, plan.compute), sampler->comm);
  return bl_source_model_load(sampler->graph, options, shape.head ? options->sampler.head : NULL, sampler->comm);
}

bl_status bl_model_sampler_evaluations(double *evaluations, const bl_model_sampler *sampler, size_t count) {
  const size_t batch = (size_t)sampler->options->learner.micro_batch;
  unsigned long long sum = bl_graph_evaluations(sampler->graph);
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM, sampler->comm),
                             sampler->comm));
  *evaluations = (double)sum / (double)((count + batch - 1) / batch * batch);
  return BL_OK;
}

void bl_model_sampler_destroy(bl_model_sampler *sampler) {
  bl_graph_destroy(&sampler->graph);
  bl_computation_destroy(&sampler->computation);
  bl_chain_destroy(&sampler->chain);
  bl_schedule_destroy(&sampler->schedule);
}
