#include "roles/critic.h"

#include "base/memory.h"
#include "learner/baseline.h"
#include "sampler/sampler.h"

#include <math.h>
#include <string.h>

static bool is_critic(const bl_critic *critic) {
  return critic->world->critics.rank >= 0;
}

bl_status bl_critic_create(bl_critic *critic, const bl_world *world, const bl_network_shape *critic_shape,
                           const bl_network_shape *value_shape, const bl_computation *computation, const bl_sft_pg *method,
                           const bl_chain *chain, const bl_buffer *buffer, bl_batches *data, bl_arrow *trajectories,
                           bl_arrow *advantages, bl_aggregator *critic_aggregator, bl_aggregator *value_aggregator) {
  const int batch = (int)method->micro_batch;
  *critic = (bl_critic){.world = world,
                        .method = method,
                        .chain = chain,
                        .buffer = buffer,
                        .data = data,
                        .trajectories = trajectories,
                        .advantages = advantages,
                        .critic_aggregator = critic_aggregator,
                        .value_aggregator = value_aggregator,
                        .learning = {.name = "critic gradients"},
                        .judging = {.name = "advantages"}};
  if (!is_critic(critic))
    return BL_OK;
  const int all = method->steps * batch;
  const bl_compute *learn = computation != NULL ? &computation->learn : NULL;
  const bl_compute *judge = computation != NULL ? &computation->judge : NULL;
  BL_TRY(bl_network_create_with(&critic->critic, critic_shape, 2 * batch, BL_GRAPH_TRAINING, false, learn));
  const size_t critic_parameters = bl_graph_parameters(critic->critic)->count;
  if (method->spectral_weight > 0 || method->monitor_critic)
    BL_TRY(bl_lipschitz_create(&critic->lipschitz, critic_shape, bl_graph_parameters(critic->critic)));
  BL_TRY(bl_allocate(&critic->real, buffer->state, sizeof *critic->real));
  BL_TRY(bl_allocate(&critic->d_critic, critic_parameters, sizeof *critic->d_critic));
  BL_TRY(bl_allocate(&critic->work, bl_sft_pg_work(method, critic_parameters), sizeof *critic->work));
  if (!method->without_value) {
    BL_TRY(bl_network_create_with(&critic->value, value_shape, all, BL_GRAPH_TRAINING, false, learn));
    BL_TRY(bl_allocate(&critic->d_value, bl_graph_parameters(critic->value)->count, sizeof *critic->d_value));
  }
  if (method->backprop) /* roles/backprop.h judges */
    return BL_OK;
  BL_TRY(bl_network_create_with(&critic->critic_judge, critic_shape, batch, BL_GRAPH_INFERENCE, false, judge));
  BL_TRY(bl_network_create_with(&critic->value_judge, value_shape, all, BL_GRAPH_INFERENCE, false, judge));
  const size_t samples = (size_t)buffer->strata * (size_t)method->n_critic * method->micro_batch;
  BL_TRY(bl_allocate(&critic->costs, samples, sizeof *critic->costs));
  BL_TRY(bl_allocate(&critic->advantages_of_all, samples * (size_t)method->steps, sizeof *critic->advantages_of_all));
  BL_TRY(bl_allocate(&critic->sent, (size_t)buffer->strata * bl_sft_pg_draws(method), sizeof *critic->sent));
  BL_TRY(bl_allocate(&critic->transitions, bl_sft_pg_draws(method), sizeof *critic->transitions));
  return bl_allocate(&critic->order, (size_t)method->n_critic * (size_t)method->steps * method->micro_batch,
                     sizeof *critic->order);
}

void bl_critic_destroy(bl_critic *critic) {
  bl_graph_destroy(&critic->critic);
  bl_graph_destroy(&critic->value);
  bl_graph_destroy(&critic->critic_judge);
  bl_graph_destroy(&critic->value_judge);
  bl_lipschitz_destroy(&critic->lipschitz);
  bl_free(&critic->real);
  bl_free(&critic->costs);
  bl_free(&critic->advantages_of_all);
  bl_free(&critic->sent);
  bl_free(&critic->transitions);
  bl_free(&critic->order);
  bl_free(&critic->d_critic);
  bl_free(&critic->d_value);
  bl_free(&critic->work);
}

bl_status bl_critic_begin(bl_critic *critic) {
  const bl_buffer *buffer = critic->buffer;
  const bl_group *group = &critic->world->critics;
  if (!is_critic(critic))
    return BL_OK;
  for (int batch = 0; batch < buffer->batches; batch++)
    for (int m = group->rank; m < buffer->strata; m += group->size) {
      const int generator = bl_buffer_generator(buffer, m);
      if (generator != critic->world->rank)
        BL_TRY(bl_arrow_receive(critic->trajectories, bl_buffer_at(buffer, batch, m), buffer->trajectory,
                                batch * buffer->strata + m, generator));
    }
  return BL_OK;
}

/* Gradients of one stratum's micro-batch. */
static bl_status learn_stratum(bl_critic *critic, int64_t step, int batch, int m) {
  const bl_sft_pg *method = critic->method;
  const size_t first = (size_t)m * method->micro_batch;
  bl_sft_pg_losses losses;
  bl_batches_get(critic->real, NULL, critic->data, step, first, method->micro_batch);
  BL_TRY(bl_sft_pg_critic_gradient(critic->d_critic, critic->d_value, &losses, method, critic->critic, critic->value,
                                   critic->real, bl_buffer_at(critic->buffer, batch, m), (uint32_t)step, (uint32_t)first,
                                   critic->work));
  bl_aggregator_add(critic->critic_aggregator, critic->d_critic, (double[]){losses.real, losses.generated, losses.penalty},
                    3);
  if (!method->without_value)
    bl_aggregator_add(critic->value_aggregator, critic->d_value, (double[]){losses.value}, 1);
  return BL_OK;
}

/* Add the gradient of the spectral regulariser, once over all critics, as many times as micro-batches share a step. */
static bl_status regularise(bl_critic *critic, double *penalty) {
  const bl_sft_pg *method = critic->method;
  double norms[BL_LIPSCHITZ_LAYERS];
  BL_TRY(bl_lipschitz_measure(norms, critic->lipschitz, critic->critic_aggregator->values, critic->world->critics.comm));
  memset(critic->d_critic, 0, critic->critic_aggregator->table->count * sizeof *critic->d_critic);
  *penalty = bl_lipschitz_penalty(critic->d_critic, critic->lipschitz, norms, method->spectral_bound,
                                  method->spectral_weight * critic->buffer->strata);
  bl_aggregator_add(critic->critic_aggregator, critic->d_critic, NULL, 0);
  return BL_OK;
}

bl_status bl_critic_collect(bl_critic *critic, bl_critic_report *report, int64_t round, int epoch, int batch,
                            double critic_rate, double value_rate) {
  const bl_buffer *buffer = critic->buffer;
  const bl_group *group = &critic->world->critics;
  const int64_t steps = (int64_t)critic->method->critic_epochs * buffer->batches;
  const int64_t step = round * steps + (int64_t)epoch * buffer->batches + batch;
  const double share = 1.0 / (double)steps;
  bl_step_report of_critic = {0}, of_value = {0};
  double spectral = 0;
  if (!is_critic(critic))
    return BL_OK;
  BL_TRY(bl_graph_load(critic->critic, critic->critic_aggregator->values));
  if (critic->value)
    BL_TRY(bl_graph_load(critic->value, critic->value_aggregator->values));
  for (int m = group->rank; m < buffer->strata; m += group->size) {
    const int generator = bl_buffer_generator(buffer, m);
    if (epoch == 0 && generator != critic->world->rank)
      BL_TRY(bl_arrow_wait(critic->trajectories, batch * buffer->strata + m, generator));
    bl_timing_begin(&critic->learning);
    BL_TRY(learn_stratum(critic, step, batch, m));
    bl_timing_end(&critic->learning);
  }
  if (critic->method->spectral_weight > 0)
    BL_TRY(regularise(critic, &spectral));
  const bl_status status = bl_aggregator_step(critic->critic_aggregator, &of_critic, critic_rate, buffer->strata);
  if (critic->value)
    BL_TRY(bl_aggregator_step(critic->value_aggregator, &of_value, value_rate, buffer->strata));
  report->real += share * of_critic.figures[0];
  report->generated += share * of_critic.figures[1];
  report->penalty += share * of_critic.figures[2];
  report->norm += share * of_critic.norm;
  report->spectral += share * spectral;
  report->value_loss += share * of_value.figures[0];
  return status;
}

bl_status bl_critic_measure(bl_critic *critic, bl_critic_report *report) {
  if (!is_critic(critic) || !critic->method->monitor_critic)
    return BL_OK;
  BL_TRY(bl_lipschitz_measure(report->norms, critic->lipschitz, critic->critic_aggregator->values,
                              critic->world->critics.comm));
  report->lipschitz = bl_lipschitz_bound(critic->lipschitz, report->norms);
  return BL_OK;
}

/* Place of a batch of a stratum in `costs` and, times the steps, in `advantages_of_all`. */
static size_t place_of(const bl_critic *critic, int batch, int m) {
  return ((size_t)m * (size_t)critic->method->n_critic + (size_t)batch) * critic->method->micro_batch;
}

/* f(x_0) of one batch of a stratum, and its advantages over V; or, for the line that becomes the baseline, f(x̂_0) of all
 * its steps. */
static bl_status judge_batch(bl_critic *critic, int64_t round, int batch, int m) {
  const bl_sft_pg *method = critic->method;
  const size_t samples = method->micro_batch, all = (size_t)method->steps * samples;
  const float *trajectory = bl_buffer_at(critic->buffer, batch, m);
  float *costs = critic->costs + place_of(critic, batch, m);
  float *advantages = critic->advantages_of_all + place_of(critic, batch, m) * (size_t)method->steps;
  float *value = critic->work, *time = value + all;
  BL_TRY(bl_graph_forward(critic->critic_judge, costs, trajectory + (size_t)method->steps * critic->buffer->state, NULL));
  if (method->predicted) {
    for (int i = 0; i < method->steps; i++) {
      bl_sampler_origin(critic->real, critic->chain, i, trajectory, method->seed, bl_sft_pg_rollout(method, round, batch),
                        (uint32_t)((size_t)m * samples), samples, method->size);
      BL_TRY(bl_graph_forward(critic->critic_judge, advantages + (size_t)i * samples, critic->real, NULL));
    }
    return BL_OK;
  }
  for (size_t i = 0; i < all; i++)
    time[i] = (float)(i / samples);
  if (method->baseline)
    BL_TRY(bl_graph_forward(critic->value_judge, value, trajectory, time));
  bl_sft_pg_advantages(advantages, method, costs, value);
  return BL_OK;
}

/* A visit of each number in `advantages_of_all` that this critic judged, with its step and f(x_0). */
typedef void visit_advantage(float *advantage, int step, float cost, void *context);

static void visit(bl_critic *critic, visit_advantage *call, void *context) {
  const bl_sft_pg *method = critic->method;
  const bl_group *group = &critic->world->critics;
  for (int m = group->rank; m < critic->buffer->strata; m += group->size)
    for (size_t b = 0; b < (size_t)method->n_critic * method->micro_batch; b++) {
      const size_t first = place_of(critic, (int)(b / method->micro_batch), m), sample = b % method->micro_batch;
      float *advantages = critic->advantages_of_all + first * (size_t)method->steps + sample;
      for (int i = 0; i < method->steps; i++)
        call(advantages + (size_t)i * method->micro_batch, i, critic->costs[first + sample], context);
    }
}

static void add_moments(float *predicted, int step, float cost, void *sum) {
  double moments[BL_BASELINE_MOMENTS];
  bl_baseline_moments(moments, cost, *predicted);
  bl_exact_sum_add_double(sum, (size_t)step * BL_BASELINE_MOMENTS, BL_BASELINE_MOMENTS, moments);
}

static void take_residual(float *predicted, int step, float cost, void *baselines) {
  *predicted = (float)bl_baseline_residual((const bl_baseline *)baselines + step, cost, *predicted);
}

static void add_square(float *advantage, int step, float cost, void *sum) {
  (void)cost;
  bl_exact_sum_add_double(sum, 2 * (size_t)step, 2, (double[]){*advantage, (double)*advantage * *advantage});
}

static void take_scale(float *advantage, int step, float cost, void *scales) {
  (void)cost;
  *advantage *= ((const float *)scales)[step];
}

/* Sum what `call` adds for each advantage, `terms` numbers a step, over all critics; the means go to `means`. */
static bl_status mean_of_steps(double *means, bl_critic *critic, size_t terms, visit_advantage *call) {
  const bl_sft_pg *method = critic->method;
  const double samples = (double)critic->buffer->strata * method->n_critic * (double)method->micro_batch;
  bl_exact_sum *sum = NULL;
  bl_status status = BL_OK;
  BL_GOTO(bl_exact_sum_create(&sum, terms * (size_t)method->steps));
  visit(critic, call, sum);
  BL_GOTO(bl_exact_sum_allreduce(sum, critic->world->critics.comm));
  BL_GOTO(bl_exact_sum_get_double(means, sum, 0, terms * (size_t)method->steps, 1 / samples));
done:
  bl_exact_sum_destroy(&sum);
  return status;
}

/* Turn f(x̂_0) into what is left of f(x_0) by the line of its step. */
static bl_status fit_baselines(bl_critic *critic) {
  double *means = NULL;
  bl_baseline *baselines = NULL;
  bl_status status = BL_OK;
  const size_t steps = (size_t)critic->method->steps;
  BL_GOTO(bl_allocate(&means, steps * BL_BASELINE_MOMENTS, sizeof *means));
  BL_GOTO(bl_allocate(&baselines, steps, sizeof *baselines));
  BL_GOTO(mean_of_steps(means, critic, BL_BASELINE_MOMENTS, add_moments));
  for (size_t i = 0; i < steps; i++)
    baselines[i] = bl_baseline_fit(means + i * BL_BASELINE_MOMENTS);
  visit(critic, take_residual, baselines);
done:
  bl_free(&means);
  bl_free(&baselines);
  return status;
}

/* Divide the advantages of each step by their spread, times that of the first step so that their size stays what it was:
 * no step less than 1 / 1000 of that, where there is nothing but rounding. */
static bl_status balance(bl_critic *critic) {
  double *means = NULL;
  float *scales = NULL;
  bl_status status = BL_OK;
  const size_t steps = (size_t)critic->method->steps;
  BL_GOTO(bl_allocate(&means, 2 * steps, sizeof *means));
  BL_GOTO(bl_allocate(&scales, steps, sizeof *scales));
  BL_GOTO(mean_of_steps(means, critic, 2, add_square));
  const double first = sqrt(fmax(means[1] - means[0] * means[0], 1e-12));
  for (size_t i = 0; i < steps; i++) {
    const double spread = sqrt(fmax(means[2 * i + 1] - means[2 * i] * means[2 * i], 0));
    scales[i] = (float)(first / fmax(spread, 1e-3 * first));
  }
  visit(critic, take_scale, scales);
done:
  bl_free(&means);
  bl_free(&scales);
  return status;
}

/* Advantages of the transitions of a stratum that improve the policy. */
static void choose(bl_critic *critic, int64_t round, int m) {
  const bl_sft_pg *method = critic->method;
  float *sent = critic->sent + (size_t)m * bl_sft_pg_draws(method);
  bl_sft_pg_draw(critic->transitions, critic->order, method, (uint32_t)round, (uint32_t)m);
  for (size_t k = 0; k < bl_sft_pg_draws(method); k++) {
    const bl_transition *t = &critic->transitions[k];
    const float *advantages = critic->advantages_of_all + place_of(critic, t->batch, m) * (size_t)method->steps;
    sent[k] = advantages[(size_t)t->step * method->micro_batch + (size_t)t->sample];
  }
}

/* Divide the advantages of the round by their standard deviation over all critics. */
static bl_status normalise(bl_critic *critic) {
  const bl_group *group = &critic->world->critics;
  const size_t count = bl_sft_pg_draws(critic->method);
  const double total = (double)count * critic->buffer->strata;
  bl_exact_sum *sum = NULL;
  bl_status status = bl_exact_sum_create(&sum, 2);
  double moments[2];
  for (int m = group->rank; status == BL_OK && m < critic->buffer->strata; m += group->size)
    for (size_t i = 0; i < count; i++) {
      const double advantage = critic->sent[(size_t)m * count + i];
      bl_exact_sum_add_double(sum, 0, 2, (double[]){advantage, advantage * advantage});
    }
  BL_GOTO(bl_exact_sum_allreduce(sum, group->comm));
  BL_GOTO(bl_exact_sum_get_double(moments, sum, 0, 2, 1 / total));
  const float scale = (float)(1 / sqrt(fmax(moments[1] - moments[0] * moments[0], 1e-12)));
  for (int m = group->rank; m < critic->buffer->strata; m += group->size)
    for (size_t i = 0; i < count; i++)
      critic->sent[(size_t)m * count + i] *= scale;
done:
  bl_exact_sum_destroy(&sum);
  return status;
}

bl_status bl_critic_judge(bl_critic *critic, int64_t round) {
  const bl_group *group = &critic->world->critics;
  const size_t count = bl_sft_pg_draws(critic->method);
  bl_status status = BL_OK;
  if (!is_critic(critic))
    return BL_OK;
  BL_TRY(bl_graph_load(critic->critic_judge, critic->critic_aggregator->values));
  BL_TRY(bl_graph_load(critic->value_judge, critic->value_aggregator->values));
  for (int m = group->rank; m < critic->buffer->strata; m += group->size) {
    bl_timing_begin(&critic->judging);
    for (int batch = 0; batch < critic->buffer->batches; batch++)
      BL_TRY(judge_batch(critic, round, batch, m));
    bl_timing_end(&critic->judging);
  }
  if (critic->method->predicted)
    status = fit_baselines(critic);
  if (status == BL_OK && critic->method->balanced)
    status = balance(critic);
  for (int m = group->rank; m < critic->buffer->strata; m += group->size)
    choose(critic, round, m);
  if (status == BL_OK && critic->method->normalise)
    status = normalise(critic);
  for (int m = group->rank; m < critic->buffer->strata; m += group->size)
    BL_TRY(bl_arrow_send(critic->advantages, critic->sent + (size_t)m * count, count, m,
                         bl_buffer_generator(critic->buffer, m)));
  return status;
}
