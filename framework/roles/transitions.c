#include "roles/transitions.h"

#include "base/memory.h"
#include "roles/policy_monitor.h"

#include <string.h>

static bool is_generator(const bl_links *links) {
  return links->world->generators.rank >= 0;
}

/* What the learner or the configuration asks for beyond the gradient. */
static bl_status create_extras(bl_transitions *t, const bl_links *links) {
  const bl_policy_method *method = links->plan->method;
  if (links->plan->condition != NULL)
    BL_TRY(
        bl_allocate(&t->condition, method->micro_batch * bl_condition_size(links->plan->condition), sizeof *t->condition));
  if (method->learner->needs_log_density)
    BL_TRY(bl_allocate(&t->log_densities, (size_t)links->buffer->slots * bl_transition_count(method),
                       sizeof *t->log_densities));
  if (method->learner->needs_reference) {
    BL_TRY(bl_network_create(&t->reference, links->plan->networks[0].shape, (int)method->micro_batch, BL_GRAPH_INFERENCE,
                             false));
    BL_TRY(bl_allocate(&t->answer, links->buffer->state, sizeof *t->answer));
  }
  return method->monitor_policy ? bl_policy_monitor_create(&t->monitor, links) : BL_OK;
}

static bl_status create(bl_improvement **improvement, const bl_links *links) {
  const bl_ring_plan *plan = links->plan;
  const bl_policy_method *method = plan->method;
  const size_t count = (size_t)links->buffer->slots * bl_transition_count(method), batch = method->micro_batch;
  bl_transitions *t;
  BL_TRY(bl_allocate(&t, 1, sizeof *t));
  t->base =
      (bl_improvement){.kind = &bl_improvement_transitions, .links = links, .timings = {{.name = "policy gradients"}}};
  *improvement = &t->base;
  if (!is_generator(links))
    return BL_OK;
  BL_TRY(bl_network_create_with(&t->policy, plan->networks[0].shape, (int)batch, BL_GRAPH_TRAINING, false,
                                plan->computation != NULL ? &plan->computation->learn : NULL));
  BL_TRY(bl_allocate(&t->received, count, sizeof *t->received));
  BL_TRY(bl_allocate(&t->transitions, count, sizeof *t->transitions));
  BL_TRY(bl_allocate(&t->order, (size_t)method->n_critic * (size_t)method->steps * batch, sizeof *t->order));
  BL_TRY(bl_allocate(&t->steps, batch, sizeof *t->steps));
  BL_TRY(bl_allocate(&t->weights, batch, sizeof *t->weights));
  BL_TRY(bl_allocate(&t->time, batch, sizeof *t->time));
  BL_TRY(bl_allocate(&t->states, 2 * links->buffer->state, sizeof *t->states));
  BL_TRY(bl_allocate(&t->work, bl_policy_method_work(method), sizeof *t->work));
  return create_extras(t, links);
}

static void destroy(bl_improvement **improvement) {
  bl_transitions *t = (bl_transitions *)*improvement;
  if (t == NULL)
    return;
  bl_graph_destroy(&t->policy);
  bl_graph_destroy(&t->reference);
  bl_free(&t->received);
  bl_free(&t->transitions);
  bl_free(&t->log_densities);
  bl_free(&t->order);
  bl_free(&t->steps);
  bl_free(&t->weights);
  bl_free(&t->time);
  bl_free(&t->condition);
  bl_free(&t->answer);
  bl_free(&t->states);
  bl_free(&t->work);
  bl_policy_monitor_destroy(&t->monitor);
  bl_free(improvement);
}

static bl_status set_reference(bl_improvement *improvement, const float *values) {
  bl_transitions *t = (bl_transitions *)improvement;
  return t->reference != NULL ? bl_graph_load(t->reference, values) : BL_OK;
}

bl_status bl_transitions_take(bl_transitions *t, int slot, int step, bool judged) {
  const bl_links *links = t->base.links;
  const bl_buffer *buffer = links->buffer;
  const bl_policy_method *method = links->plan->method;
  const size_t first = (size_t)slot * bl_transition_count(method) + (size_t)step * method->micro_batch;
  float *state = t->states, *next = state + buffer->state;
  for (size_t b = 0; b < method->micro_batch; b++) {
    const bl_transition *drawn = &t->transitions[first + b];
    const float *from = bl_buffer_at(buffer, drawn->batch, slot) + (size_t)drawn->step * buffer->state +
                        (size_t)drawn->sample * method->size;
    memcpy(state + b * method->size, from, method->size * sizeof *state);
    memcpy(next + b * method->size, from + buffer->state, method->size * sizeof *next);
    t->steps[b] = drawn->step;
    t->time[b] = links->plan->chain->time[drawn->step];
    if (judged)
      t->weights[b] = t->received[first + b];
    BL_TRY(bl_condition_fill(t->condition + b * bl_condition_size(links->plan->condition), links->plan->condition,
                             bl_transition_rollout(method, t->round, drawn->batch),
                             (uint32_t)((size_t)slot * method->micro_batch) + (uint32_t)drawn->sample, 1));
  }
  return BL_OK;
}

bl_graph_inputs bl_transitions_inputs(const bl_transitions *t) {
  return (bl_graph_inputs){.x = t->states, .time = t->time, .condition = t->condition};
}

/* Draw the round's transitions and begin to receive their advantages. */
static bl_status draw(bl_transitions *t, int64_t round) {
  const bl_links *links = t->base.links;
  const bl_group *group = &links->world->generators;
  const size_t count = bl_transition_count(links->plan->method);
  for (int m = group->rank; m < links->buffer->slots; m += group->size) {
    bl_transition_draw(t->transitions + (size_t)m * count, t->order, links->plan->method, (uint32_t)round, (uint32_t)m);
    BL_TRY(bl_channel_receive(links->advantages, t->received + (size_t)m * count, count, m,
                              bl_buffer_critic(links->buffer, m)));
  }
  return BL_OK;
}

/* log p of all transitions under the policy that rolled them out, by the graph that learns: at the first policy step, old
 * and new density have equal bits. */
static bl_status find_log_densities(bl_transitions *t) {
  const bl_links *links = t->base.links;
  const bl_policy_method *method = links->plan->method;
  const bl_group *group = &links->world->generators;
  BL_TRY(bl_graph_load(t->policy, links->aggregators[0].values));
  for (int m = group->rank; m < links->buffer->slots; m += group->size)
    for (int step = 0; step < method->n_generator; step++) {
      const size_t first = (size_t)m * bl_transition_count(method) + (size_t)step * method->micro_batch;
      BL_TRY(bl_transitions_take(t, m, step, false));
      const bl_graph_inputs inputs = bl_transitions_inputs(t);
      BL_TRY(bl_graph_forward(t->policy, t->work, &inputs));
      bl_chain_log_density(t->log_densities + first, links->plan->chain, t->steps, t->states, t->work,
                           t->states + links->buffer->state, method->micro_batch, method->size, false);
    }
  return BL_OK;
}

static bl_status begin(bl_improvement *improvement, bl_critic *critic, int64_t round) {
  bl_transitions *t = (bl_transitions *)improvement;
  const bool generates = is_generator(improvement->links);
  t->round = round;
  if (generates)
    BL_TRY(draw(t, round));
  const bl_status judged = bl_critic_judge(critic, round);
  if (judged != BL_OK && judged != BL_ERROR_NUMERIC)
    return judged;
  bl_critic_release(critic); /* now the policy's gradients need most */
  if (generates && t->log_densities != NULL)
    BL_TRY(find_log_densities(t));
  if (t->monitor != NULL)
    BL_TRY(bl_policy_monitor_before(t->monitor, t));
  return judged;
}

/* The policy gradient of one slot's micro-batch number `step`. */
static bl_status improve_slot(bl_transitions *t, int m, int step) {
  const bl_links *links = t->base.links;
  const bl_policy_method *method = links->plan->method;
  const size_t first = (size_t)m * bl_transition_count(method) + (size_t)step * method->micro_batch;
  bl_aggregator *aggregator = &links->aggregators[0];
  const bl_gradient_sink sink = bl_aggregator_sink(aggregator);
  double loss;
  BL_TRY(bl_transitions_take(t, m, step, true));
  const bl_graph_inputs inputs = bl_transitions_inputs(t);
  if (t->reference != NULL)
    BL_TRY(bl_graph_forward(t->reference, t->answer, &inputs));
  const bl_transition_batch batch = {.state = t->states,
                                     .next = t->states + links->buffer->state,
                                     .condition = t->condition,
                                     .step = t->steps,
                                     .advantage = t->weights,
                                     .log_density = t->log_densities != NULL ? t->log_densities + first : NULL,
                                     .reference = t->answer};
  BL_TRY(method->learner->gradient(&sink, &loss, method, t->policy, links->plan->chain, &batch, t->work));
  bl_aggregator_add_figures(aggregator, &loss, 1);
  return BL_OK;
}

static bl_status step(bl_improvement *improvement, bl_critic *critic, int64_t round, int step) {
  bl_transitions *t = (bl_transitions *)improvement;
  const bl_links *links = improvement->links;
  const bl_group *group = &links->world->generators;
  (void)critic;
  (void)round;
  if (!is_generator(links))
    return BL_OK;
  BL_TRY(bl_graph_load(t->policy, links->aggregators[0].values));
  for (int m = group->rank; m < links->buffer->slots; m += group->size) {
    if (step == 0)
      BL_TRY(bl_channel_wait(links->advantages, m, bl_buffer_critic(links->buffer, m)));
    bl_timing_begin(&improvement->timings[0]);
    BL_TRY(improve_slot(t, m, step));
    bl_timing_end(&improvement->timings[0]);
  }
  return BL_OK;
}

static bl_status end(bl_improvement *improvement, bl_policy_report *report) {
  bl_transitions *t = (bl_transitions *)improvement;
  return t->monitor != NULL ? bl_policy_monitor_after(report, t->monitor, t) : BL_OK;
}

const bl_improvement_kind bl_improvement_transitions = {
    .create = create, .destroy = destroy, .set_reference = set_reference, .begin = begin, .step = step, .end = end};
