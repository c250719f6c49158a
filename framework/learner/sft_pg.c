#include "learner/sft_pg.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

bl_status bl_sft_pg_configure(bl_sft_pg *method, const bl_options *options, size_t sample_size, int steps) {
  const bl_options_learner *learner = &options->learner;
  const char *regulariser = options->critic.regulariser;
  *method = (bl_sft_pg){.micro_batch = (size_t)learner->micro_batch,
                        .size = sample_size,
                        .steps = steps,
                        .n_critic = learner->n_critic,
                        .n_generator = learner->n_generator,
                        .critic_epochs = learner->critic_epochs,
                        .warm_up = learner->warm_up,
                        .trace = learner->trace,
                        .predicted = learner->baseline && strcmp(learner->baseline_from, "prediction") == 0,
                        .balanced = strcmp(learner->step_weight, "balanced") == 0,
                        .last_step = learner->final_step ? steps : steps - 1,
                        .mean = strcmp(learner->log_density, "mean") == 0,
                        .baseline = learner->baseline,
                        .normalise = false,
                        .weight = options->critic.weight,
                        .spectral_weight = 0,
                        .spectral_bound = 1,
                        .monitor_critic = options->monitor.critic,
                        .monitor_policy = options->monitor.policy,
                        .backprop = strcmp(learner->name, "backprop_chain") == 0,
                        .keep_activations = strcmp(learner->keep, "activations") == 0,
                        .seed = (uint64_t)options->seed};
  if (!method->mean && strcmp(learner->log_density, "sum") != 0)
    return bl_options_reject(options, "learner.log_density", "mean or sum");
  method->even = method->balanced || strcmp(learner->step_weight, "even") == 0;
  if (!method->even && strcmp(learner->step_weight, "density") != 0)
    return bl_options_reject(options, "learner.step_weight", "density, even or balanced");
  if (strcmp(learner->baseline_from, "value") != 0 && strcmp(learner->baseline_from, "prediction") != 0)
    return bl_options_reject(options, "learner.baseline_from", "value or prediction");
  if (method->predicted && method->trace < 1)
    return bl_options_reject(options, "learner.trace", "1 where the baseline is not V");
  if (strcmp(regulariser, "baseline") == 0)
    method->regulariser = BL_REGULARISER_BASELINE;
  else if (strcmp(regulariser, "penalty") == 0)
    method->regulariser = BL_REGULARISER_PENALTY;
  else if (strcmp(regulariser, "none") != 0)
    return bl_options_reject(options, "critic.regulariser", "baseline, penalty or none");
  if (!method->keep_activations && strcmp(learner->keep, "states") != 0)
    return bl_options_reject(options, "learner.keep", "states or activations");
  method->without_value = method->backprop && method->regulariser != BL_REGULARISER_BASELINE;
  if (method->backprop && method->monitor_policy)
    return bl_options_reject(options, "monitor.policy", "false with learner backprop_chain, which draws no transitions");
  const int64_t drawable = (int64_t)learner->n_critic * method->last_step;
  if (!method->backprop && learner->n_generator > drawable)
    return bl_options_reject(options, "learner.n_generator", "at most %lld: so many transitions a sample does a round hold",
                             (long long)drawable);
  return BL_OK;
}

size_t bl_sft_pg_work(const bl_sft_pg *method) {
  const size_t samples = method->micro_batch * (size_t)(method->steps + 3);
  const size_t images = 5 * method->micro_batch * method->size;
  return 4 * samples + images;
}

/* λ E (‖∇f(x̂)‖ − 1)² and its gradient. With u = ∇f/‖∇f‖ held fixed, ∂θ‖∇f‖ is the derivative of ∂θ f
 * along u, taken as the central difference of first-order gradients at x̂ ± εu: no second-order machinery. */
static bl_status penalty_gradient(const bl_gradient_sink *sink, double *penalty, const bl_sft_pg *method, bl_graph *critic,
                                  const float *real, const float *generated, uint32_t round, uint32_t first, float *work) {
  const size_t batch = method->micro_batch, size = method->size, half = batch * size;
  float *points = work, *slopes = points + 2 * half, *d_output = slopes + 2 * half, *answers = d_output + 2 * batch;
  double total = 0;
  for (size_t b = 0; b < batch; b++) {
    float mix;
    bl_random_uniform(
        &mix, 1,
        (bl_draw){.seed = method->seed, .purpose = BL_PURPOSE_PENALTY, .round = round, .sample = first + (uint32_t)b});
    for (size_t j = b * size; j < (b + 1) * size; j++) {
      points[j] = mix * real[j] + (1 - mix) * generated[j];
      points[half + j] = points[j];
    }
    d_output[b] = 1;
    d_output[batch + b] = 0;
  }
  BL_TRY(bl_graph_forward(critic, answers, points, NULL));
  BL_TRY(bl_graph_backward(critic, NULL, slopes, d_output));
  for (size_t b = 0; b < batch; b++) {
    double square = 0, height = 0;
    for (size_t j = b * size; j < (b + 1) * size; j++) {
      square += (double)slopes[j] * slopes[j];
      height = fmax(height, fabs(points[j]));
    }
    const double norm = sqrt(square);
    /* ReLU networks are piecewise linear: a step well above rounding, well below the size of a sample. */
    const double step = 1e-2 * fmax(height, 1e-3);
    total += (norm - 1) * (norm - 1);
    const double along = norm > 0 ? step / norm : 0;
    for (size_t j = b * size; j < (b + 1) * size; j++) {
      points[half + j] = (float)(points[j] - along * slopes[j]);
      points[j] = (float)(points[j] + along * slopes[j]);
    }
    const double weight = method->weight * 2 * (norm - 1) / (double)batch / (2 * step);
    d_output[b] = (float)weight;
    d_output[batch + b] = (float)-weight;
  }
  *penalty = total / (double)batch;
  BL_TRY(bl_graph_forward(critic, answers, points, NULL));
  return bl_graph_backward_to(critic, sink, d_output);
}

bl_status bl_sft_pg_critic_gradient(const bl_gradient_sink *of_critic, const bl_gradient_sink *of_value,
                                    bl_sft_pg_losses *losses, const bl_sft_pg *method, bl_graph *critic, bl_graph *value,
                                    const float *real, const float *trajectory, uint32_t round, uint32_t first,
                                    float *work) {
  const size_t batch = method->micro_batch, half = batch * method->size, steps = (size_t)method->steps;
  const float *generated = trajectory + steps * half;
  const double share = 1 / (double)batch;
  const bool joint = method->regulariser == BL_REGULARISER_BASELINE;
  const double value_weight = joint ? method->weight : 1;
  float *cost = work, *d_cost = cost + 2 * batch, *predicted = d_cost + 2 * batch;
  float *d_predicted = predicted + steps * batch, *time = d_predicted + steps * batch, *pair = time + steps * batch;

  memcpy(pair, real, half * sizeof *pair);
  memcpy(pair + half, generated, half * sizeof *pair);
  BL_TRY(bl_graph_forward(critic, cost, pair, NULL));
  for (size_t i = 0; i < steps; i++)
    for (size_t b = 0; b < batch; b++)
      time[i * batch + b] = (float)i;
  if (value)
    BL_TRY(bl_graph_forward(value, predicted, trajectory, time));

  *losses = (bl_sft_pg_losses){0};
  for (size_t b = 0; b < batch; b++) {
    double pull = 0;
    for (size_t i = 0; value && i < steps; i++) {
      const double error = (double)predicted[i * batch + b] - cost[batch + b];
      losses->value += share * error * error / (double)steps;
      d_predicted[i * batch + b] = (float)(2 * value_weight * share * error);
      pull += error;
    }
    losses->real += share * cost[b];
    losses->generated += share * cost[batch + b];
    d_cost[b] = (float)share;
    d_cost[batch + b] = (float)(-share - (joint ? 2 * method->weight * share * pull : 0));
  }
  if (value)
    BL_TRY(bl_graph_backward_to(value, of_value, d_predicted));
  BL_TRY(bl_graph_backward_to(critic, of_critic, d_cost));
  if (method->regulariser == BL_REGULARISER_PENALTY)
    BL_TRY(penalty_gradient(of_critic, &losses->penalty, method, critic, real, generated, round, first, work));
  return BL_OK;
}

uint32_t bl_sft_pg_rollout(const bl_sft_pg *method, int64_t round, int batch) {
  return (uint32_t)(round * method->n_critic + batch);
}

size_t bl_sft_pg_draws(const bl_sft_pg *method) {
  return (size_t)method->n_generator * method->micro_batch;
}

void bl_sft_pg_draw(bl_transition *transitions, uint32_t *order, const bl_sft_pg *method, uint32_t round, uint32_t slot) {
  const size_t batch = method->micro_batch, steps = (size_t)method->last_step;
  bl_random_permutation(
      order, (uint32_t)((size_t)method->n_critic * steps * batch),
      (bl_draw){.seed = method->seed, .purpose = BL_PURPOSE_POLICY_BATCH, .round = round, .sample = slot});
  for (size_t k = 0; k < bl_sft_pg_draws(method); k++)
    transitions[k] = (bl_transition){.batch = (int)(order[k] / (steps * batch)),
                                     .step = (int)(order[k] / batch % steps),
                                     .sample = (int)(order[k] % batch)};
}

void bl_sft_pg_advantages(float *advantages, const bl_sft_pg *method, const float *cost, const float *value) {
  const size_t batch = method->micro_batch;
  for (size_t b = 0; b < batch; b++) {
    double later = 0, next = cost[b];
    for (size_t i = (size_t)method->steps; i-- > 0;) {
      if (!method->baseline) {
        advantages[i * batch + b] = cost[b];
        continue;
      }
      later = next - value[i * batch + b] + method->trace * later;
      next = value[i * batch + b];
      advantages[i * batch + b] = (float)later;
    }
  }
}

double bl_sft_pg_step_weight(const bl_sft_pg *method, const bl_chain *chain, int step) {
  return method->even ? chain->sigma[step] / fabs(chain->noise[step]) : 1;
}

bl_status bl_sft_pg_policy_gradient(const bl_gradient_sink *sink, double *loss, const bl_sft_pg *method, bl_graph *policy,
                                    const bl_chain *chain, const float *state, const float *next, const int *step,
                                    const double *advantage, float *work) {
  const size_t batch = method->micro_batch, total = batch * method->size;
  float *epsilon = work, *d_epsilon = epsilon + total, *time = d_epsilon + total;
  double *log_density = (double *)(void *)(time + (batch + batch % 2)), *weight = log_density + batch;
  for (size_t b = 0; b < batch; b++) {
    time[b] = chain->time[step[b]];
    weight[b] = bl_sft_pg_step_weight(method, chain, step[b]) * advantage[b] / (double)batch;
  }
  BL_TRY(bl_graph_forward(policy, epsilon, state, time));
  bl_chain_log_density(log_density, chain, step, state, epsilon, next, batch, method->size, method->mean);
  *loss = 0;
  for (size_t b = 0; b < batch; b++)
    *loss += weight[b] * log_density[b];
  bl_chain_log_density_gradient(d_epsilon, chain, step, state, epsilon, next, weight, batch, method->size, method->mean);
  return sink ? bl_graph_backward_to(policy, sink, d_epsilon) : BL_OK;
}
