#include "base/random.h"
#include "learner/supervised.h"

#include <math.h>

/* The public DDPM code draws t for one half of the batch and takes T − 1 − t for the other, which lowers the variance of
 * the loss; pairs are neighbours here, so that they never part when a batch is cut into micro-batches. */
static uint32_t draw_time(const bl_sample_batch *batch, size_t i, int steps) {
  const uint32_t sample = batch->first + (uint32_t)i;
  const bl_draw draw = {.seed = batch->seed, .purpose = BL_PURPOSE_TIME_STEP, .round = batch->round, .sample = sample / 2};
  const uint32_t t = bl_random_below((uint32_t)steps, draw);
  return sample % 2 == 0 ? t : (uint32_t)steps - 1 - t;
}

static bl_status denoise_gradient(float *d_parameters, double *loss, bl_graph *graph, const bl_schedule *schedule,
                                  const bl_sample_batch *batch) {
  const size_t size = batch->size, total = batch->count * size;
  float *noise = batch->work, *noisy = noise + total, *predicted = noisy + total, *d_predicted = predicted + total;
  float *time = d_predicted + total;
  for (size_t i = 0; i < batch->count; i++) {
    const uint32_t t = draw_time(batch, i, schedule->steps);
    const float signal = (float)sqrt(schedule->alpha_bar[t]), spread = (float)sqrt(1 - schedule->alpha_bar[t]);
    const float *x = batch->values + i * size;
    float *e = noise + i * size, *y = noisy + i * size;
    time[i] = (float)t;
    bl_random_normal(e, size,
                     (bl_draw){.seed = batch->seed,
                               .purpose = BL_PURPOSE_FORWARD_NOISE,
                               .round = batch->round,
                               .sample = batch->first + (uint32_t)i});
    for (size_t j = 0; j < size; j++)
      y[j] = signal * x[j] + spread * e[j];
  }
  if (d_parameters) {
    const bl_draw masks = {
        .seed = batch->seed, .purpose = BL_PURPOSE_DROPOUT, .round = batch->round, .sample = batch->first};
    bl_graph_set_dropout(graph, &masks);
  } else {
    bl_graph_set_dropout(graph, NULL);
  }
  BL_TRY(bl_graph_forward(graph, predicted, noisy, time));
  double sum = 0;
  const float scale = 2 / (float)total;
  for (size_t j = 0; j < total; j++) {
    const float difference = predicted[j] - noise[j];
    sum += (double)difference * difference;
    d_predicted[j] = scale * difference;
  }
  *loss = sum / (double)total;
  return d_parameters ? bl_graph_backward(graph, d_parameters, NULL, d_predicted) : BL_OK;
}

const bl_supervised bl_supervised_denoise = {.name = "denoise", .gradient = denoise_gradient};
