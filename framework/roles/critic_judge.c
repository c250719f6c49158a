/* The second half of a critic's round: what f and V say of the trajectories, as advantages. */
#include "base/memory.h"
#include "learner/baseline.h"
#include "roles/critic.h"
#include "sampler/sampler.h"

#include <math.h>

/* Place of a batch of a slot in `costs` and, times the steps, in `advantages_of_all`. */
static size_t place_of(const bl_critic *critic, int batch, int m) {
  return ((size_t)m * (size_t)critic->method->n_critic + (size_t)batch) * critic->method->micro_batch;
}

/* f(x_0) of one batch of a slot, and its advantages over V; or, for the line that becomes the baseline, f(x̂_0) of all
 * its steps. */
static bl_status judge_batch(bl_critic *critic, int64_t round, int batch, int m) {
  const bl_sft_pg *method = critic->method;
  const size_t samples = method->micro_batch, all = (size_t)method->steps * samples;
  const float *trajectory = bl_buffer_at(critic->buffer, batch, m);
  float *costs = critic->costs + place_of(critic, batch, m);
  float *advantages = critic->advantages_of_all + place_of(critic, batch, m) * (size_t)method->steps;
  float *value = critic->work, *time = value + all;
  BL_TRY(bl_graph_forward(critic->critic_judge, costs,
                          &(bl_graph_inputs){.x = trajectory + (size_t)method->steps * critic->buffer->state}));
  if (method->predicted) {
    float *origin = critic->real; /* between two steps of the critic nobody needs what it holds */
    for (int i = 0; i < method->steps; i++) {
      bl_sampler_origin(origin, critic->chain, i, trajectory, method->seed, bl_sft_pg_rollout(method, round, batch),
                        (uint32_t)((size_t)m * samples), samples, method->size);
      BL_TRY(bl_graph_forward(critic->critic_judge, advantages + (size_t)i * samples, &(bl_graph_inputs){.x = origin}));
    }
    return BL_OK;
  }
  for (size_t i = 0; i < all; i++)
    time[i] = (float)(i / samples);
  if (critic->value_judge)
    BL_TRY(bl_graph_forward(critic->value_judge, value, &(bl_graph_inputs){.x = trajectory, .time = time}));
  bl_sft_pg_advantages(advantages, method, costs, value);
  return BL_OK;
}

/* A visit of each number in `advantages_of_all` that this critic judged, with its step and f(x_0). */
typedef void visit_advantage(float *advantage, int step, float cost, void *context);

static void visit(bl_critic *critic, visit_advantage *call, void *context) {
  const bl_sft_pg *method = critic->method;
  const bl_group *group = &critic->world->critics;
  for (int m = group->rank; m < critic->buffer->slots; m += group->size)
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

/* The standard deviation of numbers whose mean and mean square are \a means, of a variance of at least \a least. */
static double spread(const double means[2], double least) {
  return sqrt(fmax(means[1] - means[0] * means[0], least));
}

/* Sum what `call` adds for each advantage, `terms` numbers a step, over all critics; the means go to `means`. */
static bl_status mean_of_steps(double *means, bl_critic *critic, size_t terms, visit_advantage *call) {
  const bl_sft_pg *method = critic->method;
  const double samples = (double)critic->buffer->slots * method->n_critic * (double)method->micro_batch;
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
  const double first = spread(means, 1e-12);
  for (size_t i = 0; i < steps; i++)
    scales[i] = (float)(first / fmax(spread(means + 2 * i, 0), 1e-3 * first));
  visit(critic, take_scale, scales);
done:
  bl_free(&means);
  bl_free(&scales);
  return status;
}

/* Advantages of the transitions of a slot that improve the policy. */
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
  const double total = (double)count * critic->buffer->slots;
  bl_exact_sum *sum = NULL;
  bl_status status = bl_exact_sum_create(&sum, 2);
  double moments[2];
  for (int m = group->rank; status == BL_OK && m < critic->buffer->slots; m += group->size)
    for (size_t i = 0; i < count; i++) {
      const double advantage = critic->sent[(size_t)m * count + i];
      bl_exact_sum_add_double(sum, 0, 2, (double[]){advantage, advantage * advantage});
    }
  BL_GOTO(bl_exact_sum_allreduce(sum, group->comm));
  BL_GOTO(bl_exact_sum_get_double(moments, sum, 0, 2, 1 / total));
  const float scale = (float)(1 / spread(moments, 1e-12));
  for (int m = group->rank; m < critic->buffer->slots; m += group->size)
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
  if (group->rank < 0)
    return BL_OK;
  BL_TRY(bl_graph_load(critic->critic_judge, critic->critic_aggregator->values));
  if (critic->value_judge)
    BL_TRY(bl_graph_load(critic->value_judge, critic->value_aggregator->values));
  for (int m = group->rank; m < critic->buffer->slots; m += group->size) {
    bl_timing_begin(&critic->judging);
    for (int batch = 0; batch < critic->buffer->batches; batch++)
      BL_TRY(judge_batch(critic, round, batch, m));
    bl_timing_end(&critic->judging);
  }
  if (critic->method->predicted)
    status = fit_baselines(critic);
  if (status == BL_OK && critic->method->balanced)
    status = balance(critic);
  for (int m = group->rank; m < critic->buffer->slots; m += group->size)
    choose(critic, round, m);
  if (status == BL_OK && critic->method->normalise)
    status = normalise(critic);
  for (int m = group->rank; m < critic->buffer->slots; m += group->size)
    BL_TRY(bl_channel_send(critic->advantages, critic->sent + (size_t)m * count, count, m,
                           bl_buffer_generator(critic->buffer, m)));
  return status;
}
