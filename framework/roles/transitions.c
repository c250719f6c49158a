#include "roles/transitions.h"

#include "base/memory.h"

#include <string.h>

bl_status bl_transitions_create(bl_transitions *transitions, const bl_links *links) {
  const bl_policy_method *method = links->plan->method;
  const size_t count = (size_t)links->buffer->slots * bl_transition_count(method), batch = method->micro_batch;
  bl_transitions *t = transitions;
  *t = (bl_transitions){.links = links};
  BL_TRY(bl_allocate(&t->received, count, sizeof *t->received));
  BL_TRY(bl_allocate(&t->drawn, count, sizeof *t->drawn));
  BL_TRY(bl_allocate(&t->order, (size_t)method->n_critic * (size_t)method->steps * batch, sizeof *t->order));
  BL_TRY(bl_allocate(&t->steps, batch, sizeof *t->steps));
  BL_TRY(bl_allocate(&t->weights, batch, sizeof *t->weights));
  BL_TRY(bl_allocate(&t->time, batch, sizeof *t->time));
  if (links->plan->condition != NULL)
    BL_TRY(bl_allocate(&t->condition, batch * bl_condition_size(links->plan->condition), sizeof *t->condition));
  return bl_allocate(&t->states, 2 * links->buffer->state, sizeof *t->states);
}

void bl_transitions_destroy(bl_transitions *transitions) {
  bl_free(&transitions->received);
  bl_free(&transitions->drawn);
  bl_free(&transitions->order);
  bl_free(&transitions->steps);
  bl_free(&transitions->weights);
  bl_free(&transitions->time);
  bl_free(&transitions->condition);
  bl_free(&transitions->states);
}

bl_status bl_transitions_draw(bl_transitions *transitions, int64_t round) {
  bl_transitions *t = transitions;
  const bl_links *links = t->links;
  const bl_group *group = &links->world->generators;
  const size_t count = bl_transition_count(links->plan->method);
  t->round = round;
  for (int m = group->rank; m < links->buffer->slots; m += group->size) {
    bl_transition_draw(t->drawn + (size_t)m * count, t->order, links->plan->method, (uint32_t)round, (uint32_t)m);
    BL_TRY(bl_channel_receive(links->advantages, t->received + (size_t)m * count, count, m,
                              bl_buffer_critic(links->buffer, m)));
  }
  return BL_OK;
}

size_t bl_transitions_place(const bl_transitions *transitions, int slot, int step) {
  const bl_policy_method *method = transitions->links->plan->method;
  return (size_t)slot * bl_transition_count(method) + (size_t)step * method->micro_batch;
}

/* The condition of one of them, into its place in the micro-batch. */
static bl_status take_condition(bl_transitions *t, size_t place, int slot, const bl_transition *drawn) {
  const bl_ring_plan *plan = t->links->plan;
  const uint32_t first = (uint32_t)((size_t)slot * plan->method->micro_batch);
  if (t->condition == NULL)
    return BL_OK;
  return bl_condition_fill(t->condition + place * bl_condition_size(plan->condition), plan->condition,
                           bl_transition_rollout(plan->method, t->round, drawn->batch), first + (uint32_t)drawn->sample, 1);
}

bl_status bl_transitions_take(bl_transitions *transitions, int slot, int step, bool judged) {
  bl_transitions *t = transitions;
  const bl_buffer *buffer = t->links->buffer;
  const bl_policy_method *method = t->links->plan->method;
  const size_t first = bl_transitions_place(t, slot, step);
  float *state = t->states, *next = state + buffer->state;
  for (size_t b = 0; b < method->micro_batch; b++) {
    const bl_transition *drawn = &t->drawn[first + b];
    const float *from = bl_buffer_at(buffer, drawn->batch, slot) + (size_t)drawn->step * buffer->state +
                        (size_t)drawn->sample * method->size;
    memcpy(state + b * method->size, from, method->size * sizeof *state);
    memcpy(next + b * method->size, from + buffer->state, method->size * sizeof *next);
    t->steps[b] = drawn->step;
    t->time[b] = t->links->plan->chain->time[drawn->step];
    if (judged)
      t->weights[b] = t->received[first + b];
    BL_TRY(take_condition(t, b, slot, drawn));
  }
  return BL_OK;
}

bl_graph_inputs bl_transitions_inputs(const bl_transitions *transitions) {
  return (bl_graph_inputs){.x = transitions->states, .time = transitions->time, .condition = transitions->condition};
}
