#include "learner/critic_loss.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

/* λ E (‖∇f(x̂)‖ − 1)² and its gradient. With u = ∇f/‖∇f‖ held fixed, ∂θ‖∇f‖ is the derivative of ∂θ f
 * along u, taken as the central difference of first-order gradients at x̂ ± εu: no second-order machinery. */
static bl_status penalty_gradient(const bl_gradient_sink *sink, double *penalty, const bl_policy_method *method,
                                  bl_graph *critic, const float *real, const float *generated, uint32_t round,
                                  uint32_t first, float *work) {
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
  BL_TRY(bl_graph_forward(critic, answers, &(bl_graph_inputs){.x = points}));
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
  BL_TRY(bl_graph_forward(critic, answers, &(bl_graph_inputs){.x = points}));
  return bl_graph_backward_to(critic, sink, d_output);
}

bl_status bl_critic_loss_gradient(const bl_gradient_sink *of_critic, const bl_gradient_sink *of_value,
                                  bl_critic_losses *losses, const bl_policy_method *method, bl_graph *critic,
                                  bl_graph *value, const bl_judge_batch *samples, float *work) {
  const size_t batch = method->micro_batch, half = batch * method->size, steps = (size_t)method->steps;
  const float *real = samples->real, *trajectory = samples->trajectory, *generated = trajectory + steps * half;
  const double share = 1 / (double)batch;
  const bool joint = method->regulariser == BL_REGULARISER_BASELINE;
  const double value_weight = joint ? method->weight : 1;
  float *cost = work, *d_cost = cost + 2 * batch, *predicted = d_cost + 2 * batch;
  float *d_predicted = predicted + steps * batch, *time = d_predicted + steps * batch, *pair = time + steps * batch;

  memcpy(pair, real, half * sizeof *pair);
  memcpy(pair + half, generated, half * sizeof *pair);
  BL_TRY(bl_graph_forward(critic, cost, &(bl_graph_inputs){.x = pair}));
  for (size_t i = 0; i < steps; i++)
    for (size_t b = 0; b < batch; b++)
      time[i * batch + b] = (float)i;
  if (value)
    BL_TRY(bl_graph_forward(value, predicted, &(bl_graph_inputs){.x = trajectory, .time = time}));

  *losses = (bl_critic_losses){0};
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
    BL_TRY(penalty_gradient(of_critic, &losses->penalty, method, critic, real, generated, samples->step, samples->first,
                            work));
  return BL_OK;
}
