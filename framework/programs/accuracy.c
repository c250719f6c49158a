#include "programs/accuracy.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "roles/checkpoint.h"

/* How many of a micro-batch from \a first on are right; what lies beyond the end does not count. */
static bl_status count_right(long long *right, bl_graph *graph, const bl_dataset *data, size_t first, size_t batch,
                             float *values, float *logits) {
  const size_t classes = (size_t)data->classes, size = bl_dataset_sample_size(data);
  for (size_t b = 0; b < batch; b++)
    bl_dataset_sample(values + b * size, data, first + b < data->count ? first + b : first);
  BL_TRY(bl_graph_forward(graph, logits, &(bl_graph_inputs){.x = values}));
  for (size_t b = 0; b < batch && first + b < data->count; b++) {
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
      if (logits[b * classes + c] > logits[b * classes + best])
        best = c;
    *right += best == (size_t)data->labels[first + b];
  }
  return BL_OK;
}

bl_status bl_accuracy_measure(double *share, bl_graph *graph, const bl_aggregator *aggregator, const bl_world *world,
                              const bl_dataset *data, size_t batch, float *values, float *logits) {
  float *parameters = NULL;
  long long right = 0;
  BL_AGREE(bl_allocate(&parameters, bl_graph_parameters(graph)->count, sizeof *parameters), world->comm);
  bl_status status = bl_checkpoint_current(parameters, aggregator, world);
  if (status == BL_OK)
    status = bl_graph_load(graph, parameters);
  for (size_t m = (size_t)world->rank; status == BL_OK && m * batch < data->count; m += (size_t)world->size)
    status = count_right(&right, graph, data, m * batch, batch, values, logits);
  bl_free(&parameters);
  BL_AGREE(status, world->comm);
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Allreduce(MPI_IN_PLACE, &right, 1, MPI_LONG_LONG, MPI_SUM, world->comm), world->comm));
  *share = (double)right / (double)data->count;
  return BL_OK;
}
