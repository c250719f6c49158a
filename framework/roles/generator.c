#include "roles/generator.h"

#include "base/memory.h"
#include "roles/policy_monitor.h"
#include "sampler/sampler.h"

#include <string.h>

static bool is_generator(const bl_generator *generator) {
  return generator->world->generators.rank >= 0;
}

bl_status bl_generator_create(bl_generator *generator, const bl_world *world, const bl_network_shape *shape,
                              const bl_computation *computation, const bl_sft_pg *method, const bl_chain *chain,
                              const bl_buffer *buffer, bl_channel *trajectories, bl_channel *advantages,
                              bl_aggregator *policy_aggregator) {
  const int batch = (int)method->micro_batch;
  const size_t slots = (size_t)buffer->slots;
  *generator = (bl_generator){.world = world,
                              .method = method,
                              .chain = chain,
                              .buffer = buffer,
                              .trajectories = trajectories,
                              .advantages = advantages,
                              .policy_aggregator = policy_aggregator,
                              .rolling_out = {.name = "roll out"},
                              .improving = {.name = "policy gradients"}};
  if (!is_generator(generator))
    return BL_OK;
  BL_TRY(bl_network_create_with(&generator->rollout, shape, batch, BL_GRAPH_INFERENCE, false,
                                computation != NULL ? &computation->rollout : NULL));
  if (method->backprop) /* roles/backprop.h improves */
    return bl_allocate(&generator->work, 3 * buffer->state, sizeof *generator->work);
  BL_TRY(bl_network_create_with(&generator->policy, shape, batch, BL_GRAPH_TRAINING, false,
                                computation != NULL ? &computation->learn : NULL));
  BL_TRY(bl_allocate(&generator->received, slots * bl_sft_pg_draws(method), sizeof *generator->received));
  BL_TRY(bl_allocate(&generator->transitions, slots * bl_sft_pg_draws(method), sizeof *generator->transitions));
  BL_TRY(bl_allocate(&generator->order, (size_t)method->n_critic * (size_t)method->steps * method->micro_batch,
                     sizeof *generator->order));
  BL_TRY(bl_allocate(&generator->steps, method->micro_batch, sizeof *generator->steps));
  BL_TRY(bl_allocate(&generator->weights, method->micro_batch, sizeof *generator->weights));
  if (method->monitor_policy)
    BL_TRY(bl_policy_monitor_create(&generator->monitor, generator));
  /* Scratch of the rollout (3 states), or of the policy gradient after the two states of its transitions. */
  return bl_allocate(&generator->work, bl_sft_pg_work(method) + 2 * buffer->state, sizeof *generator->work);
}

void bl_generator_destroy(bl_generator *generator) {
  bl_graph_destroy(&generator->rollout);
  bl_graph_destroy(&generator->policy);
  bl_free(&generator->received);
  bl_free(&generator->transitions);
  bl_free(&generator->order);
  bl_free(&generator->steps);
  bl_free(&generator->weights);
  bl_free(&generator->work);
  bl_policy_monitor_destroy(&generator->monitor);
}

bl_status bl_generator_begin(bl_generator *generator) {
  return is_generator(generator) ? bl_graph_load(generator->rollout, generator->policy_aggregator->values) : BL_OK;
}

bl_status bl_generator_collect(bl_generator *generator, int64_t round, int batch) {
  const bl_buffer *buffer = generator->buffer;
  const bl_sft_pg *method = generator->method;
  const bl_group *group = &generator->world->generators;
  bl_status status = BL_OK;
  if (!is_generator(generator))
    return BL_OK;
  for (int m = group->rank; m < buffer->slots; m += group->size) {
    float *trajectory = bl_buffer_at(buffer, batch, m);
    bl_timing_begin(&generator->rolling_out);
    const bl_status drawn = bl_sampler_rollout(
        trajectory, NULL, generator->rollout, generator->chain, NULL, method->seed, bl_sft_pg_rollout(method, round, batch),
        (uint32_t)((size_t)m * method->micro_batch), method->micro_batch, generator->work);
    bl_timing_end(&generator->rolling_out);
    if (drawn != BL_OK && drawn != BL_ERROR_NUMERIC)
      return drawn;
    status = drawn == BL_OK ? status : drawn;
    const int critic = bl_buffer_critic(buffer, m);
    if (critic != generator->world->rank)
      BL_TRY(bl_channel_send(generator->trajectories, trajectory, buffer->trajectory, batch * buffer->slots + m, critic));
  }
  return status;
}

bl_status bl_generator_draw(bl_generator *generator, int64_t round) {
  const bl_buffer *buffer = generator->buffer;
  const bl_group *group = &generator->world->generators;
  const size_t count = bl_sft_pg_draws(generator->method);
  if (!is_generator(generator))
    return BL_OK;
  for (int m = group->rank; m < buffer->slots; m += group->size) {
    bl_sft_pg_draw(generator->transitions + (size_t)m * count, generator->order, generator->method, (uint32_t)round,
                   (uint32_t)m);
    BL_TRY(bl_channel_receive(generator->advantages, generator->received + (size_t)m * count, count, m,
                              bl_buffer_critic(buffer, m)));
  }
  return BL_OK;
}

void bl_generator_take(bl_generator *generator, int slot, int step, bool judged) {
  const bl_buffer *buffer = generator->buffer;
  const bl_sft_pg *method = generator->method;
  const size_t first = (size_t)slot * bl_sft_pg_draws(method) + (size_t)step * method->micro_batch;
  float *state = generator->work, *next = state + buffer->state;
  for (size_t b = 0; b < method->micro_batch; b++) {
    const bl_transition *t = &generator->transitions[first + b];
    const float *from =
        bl_buffer_at(buffer, t->batch, slot) + (size_t)t->step * buffer->state + (size_t)t->sample * method->size;
    memcpy(state + b * method->size, from, method->size * sizeof *state);
    memcpy(next + b * method->size, from + buffer->state, method->size * sizeof *next);
    generator->steps[b] = t->step;
    if (judged)
      generator->weights[b] = generator->received[first + b];
  }
}

/* The policy gradient of one slot's micro-batch number `step`. */
static bl_status improve_slot(bl_generator *generator, int m, int step) {
  const bl_sft_pg *method = generator->method;
  float *state = generator->work, *next = state + generator->buffer->state, *work = next + generator->buffer->state;
  const bl_gradient_sink sink = bl_aggregator_sink(generator->policy_aggregator);
  double loss;
  bl_generator_take(generator, m, step, true);
  BL_TRY(bl_sft_pg_policy_gradient(&sink, &loss, method, generator->policy, generator->chain, state, next, generator->steps,
                                   generator->weights, work));
  bl_aggregator_add_figures(generator->policy_aggregator, &loss, 1);
  return BL_OK;
}

bl_status bl_generator_improve(bl_generator *generator, int step) {
  const bl_group *group = &generator->world->generators;
  if (!is_generator(generator))
    return BL_OK;
  BL_TRY(bl_graph_load(generator->policy, generator->policy_aggregator->values));
  for (int m = group->rank; m < generator->buffer->slots; m += group->size) {
    if (step == 0)
      BL_TRY(bl_channel_wait(generator->advantages, m, bl_buffer_critic(generator->buffer, m)));
    bl_timing_begin(&generator->improving);
    BL_TRY(improve_slot(generator, m, step));
    bl_timing_end(&generator->improving);
  }
  return BL_OK;
}
