/* The second half of a critic's round: what the judge says of the trajectories, as advantages. */
#include "roles/critic.h"
#include "sampler/sampler.h"

/* f(x_0) of one batch of a slot, and its advantages; or, for the line that becomes the baseline, f(x̂_0) of all steps. */
static bl_status judge_batch(bl_critic *critic, int64_t round, int batch, int m) {
  const bl_ring_plan *plan = critic->links->plan;
  const bl_policy_method *method = plan->method;
  const size_t samples = method->micro_batch;
  const uint32_t rollout = bl_transition_rollout(method, round, batch), first = (uint32_t)((size_t)m * samples);
  const float *trajectory = bl_buffer_at(critic->links->buffer, batch, m);
  float *costs = critic->costs + bl_judgement_place(method, batch, m);
  float *advantages = critic->advantages + bl_judgement_place(method, batch, m) * (size_t)method->steps;
  BL_TRY(bl_condition_fill(critic->condition, plan->condition, rollout, first, samples));
  BL_TRY(critic->kind->cost(critic->judge, costs, trajectory + (size_t)method->steps * critic->links->buffer->state,
                            critic->condition));
  if (method->advantage.baseline == BL_BASELINE_PREDICTION) {
    float *origin = critic->real; /* between two learning steps nobody needs what it holds */
    for (int i = 0; i < method->steps; i++) {
      bl_sampler_origin(origin, plan->chain, i, trajectory, method->seed, rollout, first, samples, method->size);
      BL_TRY(critic->kind->cost(critic->judge, advantages + (size_t)i * samples, origin, critic->condition));
    }
    return BL_OK;
  }
  if (method->advantage.baseline == BL_BASELINE_VALUE)
    BL_TRY(critic->kind->value(critic->judge, critic->values, trajectory));
  bl_advantage_over_value(advantages, method, costs, critic->values);
  return BL_OK;
}

/* Advantages of the transitions of a slot that improve the policy. */
static void choose(bl_critic *critic, int64_t round, int m) {
  const bl_policy_method *method = critic->links->plan->method;
  float *sent = critic->sent + (size_t)m * bl_transition_count(method);
  bl_transition_draw(critic->transitions, critic->order, method, (uint32_t)round, (uint32_t)m);
  for (size_t k = 0; k < bl_transition_count(method); k++) {
    const bl_transition *t = &critic->transitions[k];
    const float *advantages = critic->advantages + bl_judgement_place(method, t->batch, m) * (size_t)method->steps;
    sent[k] = advantages[(size_t)t->step * method->micro_batch + (size_t)t->sample];
  }
}

static bl_status send(bl_critic *critic, int m) {
  const size_t count = bl_transition_count(critic->links->plan->method);
  return bl_channel_send(critic->links->advantages, critic->sent + (size_t)m * count, count, m,
                         bl_buffer_generator(critic->links->buffer, m));
}

bl_status bl_critic_judge(bl_critic *critic, int64_t round) {
  const bl_buffer *buffer = critic->links->buffer;
  const bl_group *group = &critic->links->world->critics;
  if (group->rank < 0)
    return BL_OK;
  BL_TRY(bl_critic_settle(critic));
  for (int m = group->rank; m < buffer->slots; m += group->size) {
    bl_timing_begin(&critic->judging);
    for (int batch = 0; batch < buffer->batches; batch++)
      BL_TRY(judge_batch(critic, round, batch, m));
    bl_timing_end(&critic->judging);
  }
  const bl_judgement judgement = {critic->advantages, critic->costs, group->rank, group->size, buffer->slots, group->comm};
  const bl_status status = bl_judgement_finish(&judgement, critic->links->plan->method);
  for (int m = group->rank; m < buffer->slots; m += group->size) {
    choose(critic, round, m);
    BL_TRY(send(critic, m));
  }
  return status;
}
