#include "metrics/sample_stream.h"

#include "base/clock.h"
#include "base/memory.h"
#include "parallel/mpi_check.h"

#include <string.h>

bl_status bl_sample_stream_create(bl_sample_stream *stream, bl_graph *graph, const bl_chain *chain,
                                  const bl_condition *condition, uint64_t seed, uint32_t round, size_t batch, size_t count,
                                  bool points, const char *title, MPI_Comm comm) {
  int rank;
  *stream = (bl_sample_stream){.graph = graph,
                               .chain = chain,
                               .condition = condition,
                               .seed = seed,
                               .round = round,
                               .batch = batch,
                               .count = count,
                               .points = points,
                               .latest = SIZE_MAX,
                               .titled = title != NULL};
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  if (count > UINT32_MAX - batch)
    return bl_fail(BL_ERROR_USAGE, "%zu samples are too many at once", count);
  const size_t size = bl_graph_input_size(graph);
  BL_TRY(bl_allocate(&stream->final, batch * size, sizeof *stream->final));
  BL_TRY(bl_allocate(&stream->work, bl_sampler_work(chain, condition, batch, size), sizeof *stream->work));
  return rank == 0 && title ? bl_progress_start(&stream->progress, title, 0, (long)count) : BL_OK;
}

void bl_sample_stream_destroy(bl_sample_stream *stream) {
  bl_progress_finish(&stream->progress);
  bl_free(&stream->final);
  bl_free(&stream->work);
}

static bl_status draw(bl_sample_stream *s, size_t micro_batch) {
  if (micro_batch == s->latest)
    return BL_OK;
  const double start = bl_clock_seconds();
  s->latest = SIZE_MAX;
  BL_TRY(bl_sampler_rollout(NULL, s->final, s->graph, s->chain, s->condition, s->seed, s->round,
                            (uint32_t)(micro_batch * s->batch), s->batch, s->work));
  s->latest = micro_batch;
  s->drawn += s->batch;
  s->seconds += bl_clock_seconds() - start;
  return BL_OK;
}

static bl_status fetch(float *images, size_t first, size_t rows, void *context) {
  bl_sample_stream *s = context;
  const size_t size = bl_graph_input_size(s->graph);
  for (size_t done = 0; done < rows;) {
    const size_t at = first + done, within = at % s->batch, left = s->batch - within;
    const size_t part = left < rows - done ? left : rows - done;
    BL_TRY(draw(s, at / s->batch));
    memcpy(images + done * size, s->final + within * size, part * size * sizeof *images);
    done += part;
  }
  return BL_OK;
}

static bl_status show(size_t passed, void *watcher) {
  bl_sample_stream *s = watcher;
  if (s->progress)
    bl_progress_update(s->progress, (long)passed, "%d steps each", s->chain->steps);
  return BL_OK;
}

bl_images bl_sample_stream_images(bl_sample_stream *stream) {
  return (bl_images){.count = stream->count,
                     .size = bl_graph_input_size(stream->graph),
                     .points = stream->points,
                     .batch = stream->batch,
                     .fetch = fetch,
                     .context = stream,
                     .pause = stream->titled ? show : NULL,
                     .watcher = stream};
}
