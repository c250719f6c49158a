#include "programs/drawer.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "programs/source_model.h"

bl_status bl_drawer_plan(bl_drawer *drawer, const bl_options *options, bool fine_tuning, MPI_Comm comm) {
  *drawer = (bl_drawer){.options = options, .comm = comm};
  BL_TRY(bl_source_model_check(options));
  BL_TRY(bl_computation_create(&drawer->computation, options));
  bl_model_header *header = &drawer->header;
  BL_TRY(bl_source_model_read(header, &drawer->schedule, options, comm));
  BL_AGREE(bl_sampler_plan(&drawer->chain, &drawer->schedule, options, fine_tuning), comm);
  BL_TRY(bl_options_blame(options, "model.file", bl_prediction_parse(&drawer->chain.prediction, header->prediction)));
  return bl_sampler_check_network(&drawer->chain, &header->shape, options);
}

bl_status bl_drawer_load(bl_drawer *drawer, const char *recorded) {
  const bl_options *options = drawer->options;
  const bl_network_plan plan = {&drawer->header.shape, options->learner.micro_batch, BL_GRAPH_INFERENCE,
                                &drawer->computation.rollout};
  float *values = NULL;
  BL_TRY(bl_computation_settle(&drawer->computation, recorded, &plan, 1, drawer->comm));
  bl_status status = bl_network_create_with(&drawer->graph, plan.shape, plan.batch, plan.mode, false, plan.compute);
  if (status == BL_OK)
    status = bl_allocate(&values, bl_graph_parameters(drawer->graph)->count, sizeof *values);
  BL_GOTO(bl_agree(status, drawer->comm));
  BL_GOTO(bl_source_model_weights(values, bl_graph_parameters(drawer->graph), options, drawer->comm));
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
