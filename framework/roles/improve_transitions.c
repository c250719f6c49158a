/* Policy steps that learn from transitions: generators take those that they drew, and compute the learner's gradient. */
#include "base/memory.h"
#include "roles/improve.h"
#include "roles/policy_monitor.h"
#include "roles/transitions.h"

typedef struct improve_transitions {
  bl_improvement base;
  bl_transitions drawn;  /* owned, as all that follows; empty but on generators */
  bl_graph *policy;      /* the network for training */
  bl_graph *reference;   /* the network before fine-tuning; NULL unless the learner asks for it */
  float *answer;         /* (micro_batch, size) of the reference */
  double *log_densities; /* (slots, n_generator × micro_batch) of the policy before its steps; NULL unless asked for */
  float *work;           /* (bl_policy_method_work) */
  bl_policy_monitor *monitor; /* NULL unless method->monitor_policy */
} improve_transitions;

static bool is_generator(const bl_links *links) {
  return links->world->generators.rank >= 0;
}

/* What the learner or the configuration asks for beyond the gradient. */
static bl_status create_extras(improve_transitions *t, const bl_links *links) {
  const bl_policy_method *method = links->plan->method;
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
  improve_transitions *t;
  BL_TRY(bl_allocate(&t, 1, sizeof *t));
  t->base =
      (bl_improvement){.kind = &bl_improvement_transitions, .links = links, .timings = {{.name = "policy gradients"}}};
  *improvement = &t->base;
  if (!is_generator(links))
    return BL_OK;
  BL_TRY(bl_network_create_with(&t->policy, plan->networks[0].shape, (int)plan->method->micro_batch, BL_GRAPH_TRAINING,
                                false, plan->computation != NULL ? &plan->computation->learn : NULL));
  BL_TRY(bl_transitions_create(&t->drawn, links));
  BL_TRY(bl_allocate(&t->work, bl_policy_method_work(plan->method), sizeof *t->work));
  return create_extras(t, links);
}

static void destroy(bl_improvement **improvement) {
  improve_transitions *t = (improve_transitions *)*improvement;
  if (t == NULL)
    return;
  bl_transitions_destroy(&t->drawn);
  bl_graph_destroy(&t->policy);
  bl_graph_destroy(&t->reference);
  bl_free(&t->answer);
  bl_free(&t->log_densities);
  bl_free(&t->work);
  bl_policy_monitor_destroy(&t->monitor);
  bl_free(improvement);
}

static bl_status set_reference(bl_improvement *improvement, const float *values) {
  improve_transitions *t = (improve_transitions *)improvement;
  return t->reference != NULL ? bl_graph_load(t->reference, values) : BL_OK;
}

/* log p of all transitions under the policy that rolled them out, by the graph that learns: at the first policy step, old
 * and new density have equal bits. */
static bl_status find_log_densities(improve_transitions *t) {
  const bl_links *links = t->base.links;
  const bl_policy_method *method = links->plan->method;
  const bl_group *group = &links->world->generators;
  BL_TRY(bl_graph_load(t->policy, links->aggregators[0].values));
  for (int m = group->rank; m < links->buffer->slots; m += group->size)
    for (int step = 0; step < method->n_generator; step++) {
      BL_TRY(bl_transitions_take(&t->drawn, m, step, false));
      const bl_graph_inputs inputs = bl_transitions_inputs(&t->drawn);
      BL_TRY(bl_graph_forward(t->policy, t->work, &inputs));
      bl_chain_log_density(t->log_densities + bl_transitions_place(&t->drawn, m, step), links->plan->chain, t->drawn.steps,
                           t->drawn.states, t->work, t->drawn.states + links->buffer->state, method->micro_batch,
                           method->size, false);
    }
  return BL_OK;
}

static bl_status begin(bl_improvement *improvement, bl_critic *critic, int64_t round) {
  improve_transitions *t = (improve_transitions *)improvement;
  const bool generates = is_generator(improvement->links);
  if (generates)
    BL_TRY(bl_transitions_draw(&t->drawn, round));
  const bl_status judged = bl_critic_judge(critic, round);
  if (judged != BL_OK && judged != BL_ERROR_NUMERIC)
    return judged;
  bl_critic_release(critic); /* now the policy's gradients need most */
  if (generates && t->log_densities != NULL)
    BL_TRY(find_log_densities(t));
  if (t->monitor != NULL)
    BL_TRY(bl_policy_monitor_before(t->monitor, &t->drawn, t->policy));
  return judged;
}

/* The policy gradient of one slot's micro-batch number `step`. */
static bl_status improve_slot(improve_transitions *t, int m, int step) {
  const bl_links *links = t->base.links;
  const bl_policy_method *method = links->plan->method;
  bl_aggregator *aggregator = &links->aggregators[0];
  const bl_gradient_sink sink = bl_aggregator_sink(aggregator);
  bl_transitions *drawn = &t->drawn;
  double loss;
  BL_TRY(bl_transitions_take(drawn, m, step, true));
  const bl_graph_inputs inputs = bl_transitions_inputs(drawn);
  if (t->reference != NULL)
    BL_TRY(bl_graph_forward(t->reference, t->answer, &inputs));
  const bl_transition_batch batch = {
      .state = drawn->states,
      .next = drawn->states + links->buffer->state,
      .condition = drawn->condition,
      .step = drawn->steps,
      .advantage = drawn->weights,
      .log_density = t->log_densities != NULL ? t->log_densities + bl_transitions_place(drawn, m, step) : NULL,
      .reference = t->answer};
  BL_TRY(method->learner->gradient(&sink, &loss, method, t->policy, links->plan->chain, &batch, t->work));
  bl_aggregator_add_figures(aggregator, &loss, 1);
  return BL_OK;
}

static bl_status step(bl_improvement *improvement, bl_critic *critic, int64_t round, int step) {
  improve_transitions *t = (improve_transitions *)improvement;
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
  improve_transitions *t = (improve_transitions *)improvement;
  return t->monitor != NULL ? bl_policy_monitor_after(report, t->monitor, &t->drawn, t->policy, t->work) : BL_OK;
}

const bl_improvement_kind bl_improvement_transitions = {
    .create = create, .destroy = destroy, .set_reference = set_reference, .begin = begin, .step = step, .end = end};
