#include "base/memory.h"
#include "base/progress.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "sampler/sampler.h"

#include <limits.h>
#include <string.h>

/* Samples in micro-batch m of a total that need not fill the last one. */
static size_t samples_in(size_t m, size_t batch, size_t count) {
  size_t first = m * batch;
  return first >= count ? 0 : count - first < batch ? count - first : batch;
}

/* This rank's micro-batches, each at its place in samples. */
static bl_status draw_share(float *samples, size_t first, size_t count, bl_graph *graph, const bl_chain *chain,
                            const bl_condition *condition, uint64_t seed, uint32_t round, size_t batch, const char *title,
                            int rank, int size) {
  size_t elements = bl_graph_input_size(graph), micro_batches = (count + batch - 1) / batch;
  float *final = NULL, *work = NULL;
  bl_progress *progress = NULL;
  bl_status status = BL_OK;
  BL_GOTO(bl_allocate(&final, batch * elements, sizeof *final));
  BL_GOTO(bl_allocate(&work, bl_sampler_work(chain, condition, batch, elements), sizeof *work));
  if (rank == 0 && title)
    BL_GOTO(bl_progress_start(&progress, title, 0, (long)count));
  for (size_t m = (size_t)rank; m < micro_batches; m += (size_t)size) {
    BL_GOTO(
        bl_sampler_rollout(NULL, final, graph, chain, condition, seed, round, (uint32_t)(first + m * batch), batch, work));
    memcpy(samples + m * batch * elements, final, samples_in(m, batch, count) * elements * sizeof *samples);
    size_t done = (m + (size_t)size) * batch; /* the other ranks keep pace, by and large */
    if (progress)
      bl_progress_update(progress, (long)(done < count ? done : count), "%d steps each", chain->steps);
  }
done:
  bl_progress_finish(&progress);
  bl_free(&final);
  bl_free(&work);
  return status;
}

/* Every rank gets every micro-batch, one wave of `size` micro-batches at a time. */
static bl_status gather(float *samples, size_t count, size_t elements, size_t batch, int size, MPI_Comm comm) {
  int *counts = NULL, *places = NULL;
  bl_status status = BL_OK;
  BL_GOTO(bl_allocate(&counts, (size_t)size, sizeof *counts));
  BL_GOTO(bl_allocate(&places, (size_t)size, sizeof *places));
  for (size_t wave = 0; wave * batch < count; wave += (size_t)size) {
    for (int r = 0; r < size; r++) {
      counts[r] = (int)(samples_in(wave + (size_t)r, batch, count) * elements);
      places[r] = counts[r] > 0 ? (int)((size_t)r * batch * elements) : 0;
    }
    BL_GOTO(BL_MPI(
        MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_FLOAT, samples + wave * batch * elements, counts, places, MPI_FLOAT, comm)));
  }
done:
  bl_free(&counts);
  bl_free(&places);
  return status;
}

bl_status bl_sampler_draw(float *samples, size_t first, size_t count, bl_graph *graph, const bl_chain *chain,
                          const bl_condition *condition, uint64_t seed, uint32_t round, size_t batch, const char *title,
                          MPI_Comm comm) {
  int rank, size;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &size)));
  size_t elements = bl_graph_input_size(graph);
  if (batch * elements > INT_MAX / (size_t)size || first > UINT32_MAX - batch || count > UINT32_MAX - batch - first)
    return bl_fail(BL_ERROR_USAGE, "%zu samples of %zu elements in micro-batches of %zu are too many at once", count,
                   elements, batch);
  BL_AGREE(draw_share(samples, first, count, graph, chain, condition, seed, round, batch, title, rank, size), comm);
  BL_AGREE(gather(samples, count, elements, batch, size, comm), comm);
  return BL_OK;
}
