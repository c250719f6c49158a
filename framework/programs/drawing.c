#include "programs/drawing.h"

#include "base/memory.h"
#include "parallel/mpi_check.h"

#include <string.h>

bl_status bl_drawing_create(bl_drawing *drawing, bl_graph *graph, const bl_chain *chain, uint64_t seed, uint32_t round,
                            size_t batch, size_t count, const char *title, MPI_Comm comm) {
  int rank;
  *drawing = (bl_drawing){
      .graph = graph, .chain = chain, .seed = seed, .round = round, .batch = batch, .count = count, .latest = SIZE_MAX};
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &drawing->share)));
  if (count > UINT32_MAX - batch)
    return bl_fail(BL_ERROR_USAGE, "%zu samples are too many at once", count);
  const size_t elements = batch * bl_graph_input_size(graph);
  BL_TRY(bl_allocate(&drawing->final, elements, sizeof *drawing->final));
  BL_TRY(bl_allocate(&drawing->work, bl_sampler_work(chain, batch, bl_graph_input_size(graph)), sizeof *drawing->work));
  return rank == 0 && title ? bl_progress_start(&drawing->progress, title, 0, (long)count) : BL_OK;
}

void bl_drawing_destroy(bl_drawing *drawing) {
  bl_progress_finish(&drawing->progress);
  bl_free(&drawing->final);
  bl_free(&drawing->work);
}

static bl_status draw(bl_drawing *d, size_t micro_batch) {
  if (micro_batch == d->latest)
    return BL_OK;
  d->latest = SIZE_MAX;
  BL_TRY(bl_sampler_rollout(NULL, d->final, d->graph, d->chain, d->seed, d->round, (uint32_t)(micro_batch * d->batch),
                            d->batch, d->work));
  d->latest = micro_batch;
  return BL_OK;
}

static bl_status fetch(float *images, size_t first, size_t rows, void *context) {
  bl_drawing *d = context;
  const size_t size = bl_graph_input_size(d->graph);
  for (size_t done = 0; done < rows;) {
    const size_t at = first + done, within = at % d->batch, left = d->batch - within;
    const size_t part = left < rows - done ? left : rows - done;
    BL_TRY(draw(d, at / d->batch));
    memcpy(images + done * size, d->final + within * size, part * size * sizeof *images);
    done += part;
  }
  if (d->progress) { /* rank 0 has the first share; the other ranks keep pace, by and large */
    const size_t drawn = (first + rows) * (size_t)d->share;
    bl_progress_update(d->progress, (long)(drawn < d->count ? drawn : d->count), "%d steps each", d->chain->steps);
  }
  return BL_OK;
}

bl_images bl_drawing_images(bl_drawing *drawing) {
  return (bl_images){
      .count = drawing->count, .size = bl_graph_input_size(drawing->graph), .fetch = fetch, .context = drawing};
}
