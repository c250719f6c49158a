#include "diffusion/denoise.h"
#include "learner/supervised.h"

static bl_status denoise_gradient(const bl_gradient_sink *sink, double *loss, bl_graph *graph, const bl_schedule *schedule,
                                  const bl_sample_batch *batch) {
  const size_t size = batch->size, total = batch->count * size;
  float *noise = batch->work, *noisy = noise + total, *predicted = noisy + total, *d_predicted = predicted + total;
  float *time = d_predicted + total;
  bl_denoise_input(noisy, noise, time, batch->values, schedule, batch->seed, batch->round, batch->first, true, batch->count,
                   size);
  if (sink) {
    const bl_draw masks = {
        .seed = batch->seed, .purpose = BL_PURPOSE_DROPOUT, .round = batch->round, .sample = batch->first};
    bl_graph_set_dropout(graph, &masks);
  } else {
    bl_graph_set_dropout(graph, NULL);
  }
  BL_TRY(bl_graph_forward(graph, predicted, &(bl_graph_inputs){.x = noisy, .time = time, .condition = batch->condition}));
  double sum = 0;
  const float scale = 2 / (float)total;
  for (size_t j = 0; j < total; j++) {
    const float difference = predicted[j] - noise[j];
    sum += (double)difference * difference;
    d_predicted[j] = scale * difference;
  }
  *loss = sum / (double)total;
  return sink ? bl_graph_backward_to(graph, sink, d_predicted) : BL_OK;
}

const bl_supervised bl_supervised_denoise = {.name = "denoise", .gradient = denoise_gradient};
