#include "programs/drawer.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "programs/source_model.h"

#include <inttypes.h>
#include <string.h>

/* Whether the head can be this model's; its weights tell more. Collective. */
static bl_status check_head(bl_drawer *drawer) {
  const char *path = drawer->options->sampler.head, *expected = bl_head_name(drawer->chain.head);
  BL_TRY(bl_options_blame(drawer->options, "sampler.head", bl_model_read_header_shared(&drawer->head, path, drawer->comm)));
  if (drawer->head.head[0] == '\0')
    return bl_fail(BL_ERROR_INPUT, "%s: holds a network, expected a head made by beeline moments with moments.head %s",
                   path, expected);
  if (strcmp(drawer->head.head, expected) != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: holds a head \"%s\", but sampler %s needs \"%s\"", path, drawer->head.head,
                   drawer->options->sampler.name, expected);
  return BL_OK;
}

/* The weights of the network, and of its head after them. Collective. */
static bl_status read_weights(float *values, const bl_drawer *drawer) {
  const bl_options *options = drawer->options;
  const bl_parameter_table *whole = bl_graph_parameters(drawer->graph), trunk = bl_network_trunk_table(whole);
  BL_TRY(bl_source_model_weights(values, &trunk, options, drawer->comm));
  if (!drawer->chain.head)
    return BL_OK;
  const uint32_t found = bl_model_checksum(values, trunk.count);
  if (found != drawer->head.model_checksum)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: is the head of another model: it belongs to weights of checksum %08" PRIx32
                   ", but those of %s (%s) have %08" PRIx32 ": make one for this model with beeline moments",
                   options->sampler.head, drawer->head.model_checksum, options->model.file, options->model.weights, found);
  bl_parameter_table head;
  size_t first;
  BL_AGREE(bl_network_head_table(&head, &first, whole), drawer->comm);
  const bl_status status = bl_model_read_weights_shared(values + first, options->sampler.head, &head, false, drawer->comm);
  bl_parameter_table_destroy(&head);
  return status;
}

bl_status bl_drawer_plan(bl_drawer *drawer, const bl_options *options, bool fine_tuning, MPI_Comm comm) {
  *drawer = (bl_drawer){.options = options, .comm = comm};
  BL_TRY(bl_source_model_check(options));
  BL_TRY(bl_computation_create(&drawer->computation, options));
  bl_model_header *header = &drawer->header;
  BL_TRY(bl_source_model_read(header, &drawer->schedule, options, comm));
  BL_AGREE(bl_sampler_plan(&drawer->chain, &drawer->schedule, options, fine_tuning), comm);
  BL_TRY(bl_options_blame(options, "model.file", bl_prediction_parse(&drawer->chain.prediction, header->prediction)));
  if (drawer->chain.head)
    BL_TRY(check_head(drawer));
  return bl_sampler_check_network(&drawer->chain, &header->shape, options);
}

bl_status bl_drawer_load(bl_drawer *drawer, const char *recorded) {
  const bl_options *options = drawer->options;
  bl_network_shape shape = drawer->header.shape;
  shape.head = drawer->chain.head != BL_HEAD_NONE;
  const bl_network_plan plan = {&shape, options->learner.micro_batch, BL_GRAPH_INFERENCE, &drawer->computation.rollout};
  float *values = NULL;
  BL_TRY(bl_computation_settle(&drawer->computation, recorded, &plan, 1, drawer->comm));
  bl_status status = bl_network_create_with(&drawer->graph, plan.shape, plan.batch, plan.mode, false, plan.compute);
  if (status == BL_OK)
    status = bl_allocate(&values, bl_graph_parameters(drawer->graph)->count, sizeof *values);
  BL_GOTO(bl_agree(status, drawer->comm));
  BL_GOTO(read_weights(values, drawer));
  status = bl_agree(bl_graph_load(drawer->graph, values), drawer->comm);
done:
  bl_free(&values);
  return status;
}

bl_status bl_drawer_evaluations(double *evaluations, const bl_drawer *drawer, size_t count) {
  const size_t batch = (size_t)drawer->options->learner.micro_batch;
  unsigned long long sum = bl_graph_evaluations(drawer->graph);
  BL_TRY(BL_MPI_MET(MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM, drawer->comm), drawer->comm));
  *evaluations = (double)sum / (double)((count + batch - 1) / batch * batch);
  return BL_OK;
}

void bl_drawer_destroy(bl_drawer *drawer) {
  bl_graph_destroy(&drawer->graph);
  bl_computation_destroy(&drawer->computation);
  bl_chain_destroy(&drawer->chain);
  bl_schedule_destroy(&drawer->schedule);
}
