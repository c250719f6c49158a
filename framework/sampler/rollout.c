#include "base/random.h"
#include "sampler/sampler.h"

#include <math.h>
#include <string.h>

/* z of every sample of the micro-batch: each has its own stream of draws. */
static void draw_normal(float *z, bl_draw draw, size_t batch, size_t size) {
  uint32_t first = draw.sample;
  for (size_t s = 0; s < batch; s++) {
    draw.sample = first + (uint32_t)s;
    bl_random_normal(z + s * size, size, draw);
  }
}

static bl_status check_finite(const float *x, uint32_t first_sample, size_t batch, size_t size) {
  for (size_t i = 0; i < batch * size; i++)
    if (!isfinite(x[i]))
      return bl_fail(BL_ERROR_NUMERIC,
                     "sample %lu is not finite (%g): the network's output exploded; use an earlier model or smaller rates",
                     (unsigned long)(first_sample + i / size), (double)x[i]);
  return BL_OK;
}

bl_status bl_sampler_rollout(float *trajectory, float *final, bl_graph *graph, const bl_chain *chain, uint64_t seed,
                             uint32_t round, uint32_t first_sample, size_t batch, float *work) {
  size_t size = bl_graph_input_size(graph), count = batch * size;
  float *state = work, *epsilon = work + count, *z = work + 2 * count, *time = z; /* time is read before z is drawn */
  bl_draw draw = {.seed = seed, .purpose = BL_PURPOSE_PRIOR, .round = round, .sample = first_sample};
  float *x = trajectory ? trajectory : state;
  draw_normal(x, draw, batch, size);
  draw.purpose = BL_PURPOSE_TRANSITION;
  for (int i = 0; i < chain->steps; i++) {
    for (size_t s = 0; s < batch; s++)
      time[s] = chain->time[i];
    BL_TRY(bl_graph_forward(graph, epsilon, x, time));
    if (chain->prediction != BL_PREDICTION_EPSILON)
      bl_prediction_epsilon(epsilon, chain->prediction, epsilon, x, chain->alpha_bar[i], count);
    draw.step = (uint32_t)i;
    if (chain->sigma[i] > 0.0)
      draw_normal(z, draw, batch, size);
    float *next = trajectory ? x + count : x;
    bl_chain_step(next, chain, i, x, epsilon, z, batch, size);
    x = next;
  }
  if (final)
    memcpy(final, x, count * sizeof *final);
  return check_finite(x, first_sample, batch, size);
}
