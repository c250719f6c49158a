/* SFT-PG: shortcut fine-tuning with policy gradient (Fan & Lee 2023, algorithm 1). A critic's value is the cost at the end
 * of a chain; the policy descends the gradient of  mean of A · log p_θ(x_{t−1} | x_t)  over the micro-batch (the public
 * code's loss; theorem 4.2 of the paper). */
#include "learner/policy_learner.h"

static bl_status configure(bl_policy_method *method, const bl_options *options) {
  const int64_t drawable = (int64_t)method->n_critic * method->last_step;
  if (method->n_generator > drawable)
    return bl_options_reject(options, "learner.n_generator", "at most %lld: so many transitions a sample does a round hold",
                             (long long)drawable);
  return BL_OK;
}

static bl_status gradient(const bl_gradient_sink *sink, double *loss, const bl_policy_method *method, bl_graph *policy,
                          const bl_chain *chain, const bl_transition_batch *transitions, float *work) {
  const size_t batch = method->micro_batch, total = batch * method->size;
  const float *state = transitions->state, *next = transitions->next;
  const int *step = transitions->step;
  float *epsilon = work, *d_epsilon = epsilon + total, *time = d_epsilon + total;
  double *log_density = (double *)(void *)(time + (batch + batch % 2)), *weight = log_density + batch;
  for (size_t b = 0; b < batch; b++) {
    time[b] = chain->time[step[b]];
    weight[b] = bl_advantage_step_weight(&method->advantage, chain, step[b]) * transitions->advantage[b] / (double)batch;
  }
  BL_TRY(
      bl_graph_forward(policy, epsilon, &(bl_graph_inputs){.x = state, .time = time, .condition = transitions->condition}));
  bl_chain_log_density(log_density, chain, step, state, epsilon, next, batch, method->size, method->mean);
  *loss = 0;
  for (size_t b = 0; b < batch; b++)
    *loss += weight[b] * log_density[b];
  bl_chain_log_density_gradient(d_epsilon, chain, step, state, epsilon, next, weight, batch, method->size, method->mean);
  return sink ? bl_graph_backward_to(policy, sink, d_epsilon) : BL_OK;
}

const bl_policy_learner bl_policy_learner_sft_pg = {.name = "sft_pg",
                                                    .judge = &bl_judge_critic,
                                                    .experience = BL_EXPERIENCE_TRANSITIONS,
                                                    .needs_density = true,
                                                    .configure = configure,
                                                    .gradient = gradient};
