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

size_t bl_sampler_work(const bl_chain *chain, const bl_condition *condition, size_t batch, size_t size) {
  return (2 * (size_t)chain->depth + (chain->head ? 5 : 3)) * batch * size + batch * bl_condition_size(condition);
}

/* As the head says. \param [in,out] answers  what the network predicts of it becomes ε. */
static void scale_noise(float *z, float *answers, const bl_chain *chain, int step, const float *x, size_t batch,
                        size_t size) {
  for (size_t s = 0; s < batch; s++) {
    float *epsilon = answers + 2 * s * size, *answer = epsilon + size;
    if (chain->prediction != BL_PREDICTION_EPSILON)
      bl_prediction_epsilon(epsilon, chain->prediction, epsilon, x + s * size, chain->process[step], size);
    bl_head_scale_noise(z + s * size, chain->head, &chain->drawn[step], epsilon, answer, size);
  }
}

bl_status bl_sampler_walk(float *trajectory, float *final, bl_predict *predict, void *model, const bl_chain *chain,
                          const bl_condition *condition, uint64_t seed, uint32_t round, uint32_t first_sample, size_t batch,
                          size_t size, float *work) {
  const size_t count = batch * size;
  const int kept =
      chain->depth + 1; /* what the latest steps saw: state i and the answer to it at place i % kept of the rings */
  float *states = work, *predictions = work + (size_t)kept * count, *z = predictions + (size_t)kept * count;
  float *time = z; /* read before z is drawn */
  float *answers = chain->head ? z + count : NULL, *conditions = z + (chain->head ? 3 : 1) * count;
  bl_graph_inputs inputs = {.time = time, .condition = condition ? conditions : NULL};
  const float *x[BL_CHAIN_DEPTH + 1];
  float *prediction[BL_CHAIN_DEPTH + 1];
  bl_draw draw = {.seed = seed, .purpose = BL_PURPOSE_PRIOR, .round = round, .sample = first_sample};
  float *present = trajectory ? trajectory : states;
  BL_TRY(bl_condition_fill(conditions, condition, round, first_sample, batch));
  draw_normal(present, draw, batch, size);
  draw.purpose = BL_PURPOSE_TRANSITION;
  for (int i = 0; i < chain->steps; i++) {
    for (int d = 0; d < kept && d <= i; d++) {
      x[d] = trajectory ? present - (size_t)d * count : states + (size_t)((i - d) % kept) * count;
      prediction[d] = predictions + (size_t)((i - d) % kept) * count;
    }
    for (int d = i + 1; d < kept; d++) { /* nothing was before: the factors are zero */
      x[d] = x[i];
      prediction[d] = prediction[i];
    }
    for (size_t s = 0; s < batch; s++)
      time[s] = chain->time[i];
    inputs.x = present;
    BL_TRY(predict(model, chain->head ? answers : prediction[0], &inputs));
    for (size_t s = 0; s < batch && chain->head; s++)
      memcpy(prediction[0] + s * size, answers + 2 * s * size, size * sizeof *answers);
    draw.step = (uint32_t)i;
    if (chain->sigma[i] > 0.0)
      draw_normal(z, draw, batch, size);
    if (chain->head && chain->sigma[i] > 0.0)
      scale_noise(z, answers, chain, i, present, batch, size);
    float *next = trajectory ? present + count : states + (size_t)((i + 1) % kept) * count;
    bl_chain_advance(next, chain, i, x, prediction, z, batch, size);
    present = next;
  }
  if (final)
    memcpy(final, present, count * sizeof *final);
  return check_finite(present, first_sample, batch, size);
}

void bl_sampler_origin(float *origin, const bl_chain *chain, int step, const float *trajectory, uint64_t seed,
                       uint32_t round, uint32_t first_sample, size_t batch, size_t size) {
  const size_t count = batch * size;
  const float *x = trajectory + (size_t)step * count, *next = x + count;
  const double factor = chain->output[step], state = chain->state[step], sigma = chain->sigma[step];
  const bl_prediction_origin guess = bl_prediction_find_origin(chain->prediction, chain->process[step]);
  float *z = origin;
  if (fabs(factor) < 1e-9) {
    memcpy(origin, x, count * sizeof *origin);
    return;
  }
  draw_normal(
      z,
      (bl_draw){
          .seed = seed, .purpose = BL_PURPOSE_TRANSITION, .round = round, .sample = first_sample, .step = (uint32_t)step},
      batch, size);
  for (size_t j = 0; j < count; j++) {
    const double output = (next[j] - state * x[j] - sigma * z[j]) / factor;
    origin[j] = (float)((guess.state * x[j] - guess.output * output) / guess.divisor);
  }
}

bl_status bl_sampler_predict(void *graph, float *output, const bl_graph_inputs *inputs) {
  return bl_graph_forward(graph, output, inputs);
}

bl_status bl_sampler_rollout(float *trajectory, float *final, bl_graph *graph, const bl_chain *chain,
                             const bl_condition *condition, uint64_t seed, uint32_t round, uint32_t first_sample,
                             size_t batch, float *work) {
  const size_t size = bl_graph_input_size(graph), outputs = chain->head ? 2 : 1;
  if (bl_graph_output_size(graph) != outputs * size)
    return bl_fail(BL_ERROR_USAGE, "the network answers %zu numbers for a sample of %zu, but the sampler takes %zu",
                   bl_graph_output_size(graph), size, outputs * size);
  if (bl_graph_condition_size(graph) != bl_condition_size(condition))
    return bl_fail(BL_ERROR_USAGE, "the network takes a condition of %zu numbers for a sample, but %zu are given",
                   bl_graph_condition_size(graph), bl_condition_size(condition));
  return bl_sampler_walk(trajectory, final, bl_sampler_predict, graph, chain, condition, seed, round, first_sample, batch,
                         size, work);
}
