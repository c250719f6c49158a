#include "learner/policy_change.h"

#include <math.h>

/* Of two Gaussians of one σ whose means differ by factor · (after − before). */
static double divergence(const float *before, const float *after, double factor, double sigma, size_t size) {
  double square = 0;
  for (size_t j = 0; j < size; j++) {
    const double difference = (double)after[j] - before[j];
    square += difference * difference;
  }
  return square * factor * factor / (2 * sigma * sigma);
}

void bl_policy_change_find(bl_policy_change *changes, const bl_policy_method *method, const bl_chain *chain,
                           const int *step, const float *state, const float *next, const float *before, const float *after,
                           const double *advantage) {
  const double furthest = 20;
  for (size_t b = 0; b < method->micro_batch; b++) {
    const size_t at = b * method->size;
    const double weight = bl_advantage_step_weight(&method->advantage, chain, step[b]) * advantage[b] /
                          (method->mean ? (double)method->size : 1);
    double log_before, log_after;
    bl_chain_log_density(&log_before, chain, &step[b], state + at, before + at, next + at, 1, method->size, false);
    bl_chain_log_density(&log_after, chain, &step[b], state + at, after + at, next + at, 1, method->size, false);
    changes[b] = (bl_policy_change){
        .before = weight * log_before,
        .after = weight * log_after,
        .advantage = advantage[b],
        .ratio = advantage[b] * exp(fmax(-furthest, fmin(furthest, log_after - log_before))),
        .divergence = divergence(before + at, after + at, chain->output[step[b]], chain->sigma[step[b]], method->size)};
  }
}
