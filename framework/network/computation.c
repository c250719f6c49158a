#include "network/computation.h"

#include "base/log.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <string.h>

bl_status bl_computation_create(bl_computation *computation, const bl_options *options) {
  const bl_options_compute *asked = &options->compute;
  *computation = (bl_computation){0};
  if (strcmp(asked->algorithms, "measure") == 0)
    BL_TRY(bl_algorithms_create(&computation->algorithms));
  BL_TRY(bl_pool_create(&computation->pool));
  computation->judge.algorithms = computation->algorithms;
  computation->judge.pool = computation->pool;
  computation->learn = computation->rollout = computation->judge;
  computation->learn.recompute = asked->recompute;
  computation->rollout.bf16 = asked->bf16;
  if (asked->bf16 && !bl_backend_has_bf16())
    bl_warn("compute.bf16: oneDNN lacks instructions for bfloat16 on this processor; rollouts get slower, not faster");
  return BL_OK;
}

void bl_computation_destroy(bl_computation *computation) {
  bl_algorithms_destroy(&computation->algorithms);
  bl_pool_destroy(&computation->pool);
}

/* On rank 0. Compiling a graph measures the passes that the table lacks. */
static bl_status measure(bl_algorithms *table, const char *recorded, const bl_network_plan *plans, int count) {
  if (recorded != NULL)
    BL_TRY(bl_algorithms_parse(table, recorded));
  for (int i = 0; i < count; i++) {
    bl_graph *graph = NULL;
    const bl_network_plan *plan = &plans[i];
    const bl_status status = bl_network_create_with(&graph, plan->shape, plan->batch, plan->mode, false, plan->compute);
    bl_graph_destroy(&graph);
    if (status != BL_OK && status != BL_ERROR_USAGE)
      return status;
    bl_status_clear();
  }
  return BL_OK;
}

bl_status bl_computation_settle(bl_computation *computation, const char *recorded, const bl_network_plan *plans, int count,
                                MPI_Comm comm) {
  int rank;
  if (computation->algorithms == NULL)
    return BL_OK;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_AGREE(rank == 0 ? measure(computation->algorithms, recorded, plans, count) : BL_OK, comm);
  return bl_algorithms_share(computation->algorithms, comm);
}

const char *bl_computation_text(const bl_computation *computation) {
  return computation->algorithms == NULL ? "" : bl_algorithms_text(computation->algorithms);
}
