#include "roles/policy_monitor.h"

#include "base/memory.h"
#include "learner/policy_change.h"
#include "parallel/exact_sum.h"

#include <math.h>
#include <string.h>

/* Sums over transitions: five, then for each step of the chain its divergences and its transitions. */
enum { BEFORE, AFTER, ADVANTAGE, RATIO, DIVERGENCE, OF_STEPS };

struct bl_policy_monitor {
  const bl_links *links;
  float *epsilon;    /* (own slots, n_generator, micro_batch, size) of the old policy */
  float *parameters; /* θ before, on the first generator */
  bl_policy_change *changes;
  bl_exact_sum *sums;
  double *means; /* (OF_STEPS + 2 × steps) */
};

bl_status bl_policy_monitor_create(bl_policy_monitor **monitor, const bl_links *links) {
  const bl_group *group = &links->world->generators;
  const bl_policy_method *method = links->plan->method;
  const size_t slots = (size_t)((links->buffer->slots + group->size - 1) / group->size);
  const size_t figures = OF_STEPS + 2 * (size_t)method->steps;
  bl_status status;
  BL_TRY(bl_allocate(monitor, 1, sizeof **monitor));
  bl_policy_monitor *m = *monitor;
  m->links = links;
  BL_GOTO(bl_allocate(&m->epsilon, slots * bl_transition_count(method) * method->size, sizeof *m->epsilon));
  if (group->rank == 0)
    BL_GOTO(bl_allocate(&m->parameters, links->aggregators[0].table->count, sizeof *m->parameters));
  BL_GOTO(bl_allocate(&m->changes, method->micro_batch, sizeof *m->changes));
  BL_GOTO(bl_allocate(&m->means, figures, sizeof *m->means));
  BL_GOTO(bl_exact_sum_create(&m->sums, figures));
  return BL_OK;
done:
  bl_policy_monitor_destroy(monitor);
  return status;
}

void bl_policy_monitor_destroy(bl_policy_monitor **monitor) {
  bl_policy_monitor *m = *monitor;
  if (m == NULL)
    return;
  bl_free(&m->epsilon);
  bl_free(&m->parameters);
  bl_free(&m->changes);
  bl_free(&m->means);
  bl_exact_sum_destroy(&m->sums);
  bl_free(monitor);
}

/* Where the answer of the old policy is kept for micro-batch `step` of this generator's slot m. */
static float *kept(const bl_policy_monitor *monitor, int m, int step) {
  const bl_policy_method *method = monitor->links->plan->method;
  const size_t slot = (size_t)(m / monitor->links->world->generators.size);
  return monitor->epsilon + (slot * (size_t)method->n_generator + (size_t)step) * method->micro_batch * method->size;
}

bl_status bl_policy_monitor_before(bl_policy_monitor *monitor, bl_transitions *t, bl_graph *policy) {
  const bl_links *links = monitor->links;
  const bl_group *group = &links->world->generators;
  const float *values = links->aggregators[0].values;
  if (monitor->parameters)
    memcpy(monitor->parameters, values, links->aggregators[0].table->count * sizeof *values);
  BL_TRY(bl_graph_load(policy, values));
  for (int m = group->rank; m < links->buffer->slots; m += group->size)
    for (int step = 0; step < links->plan->method->n_generator; step++) {
      BL_TRY(bl_transitions_take(t, m, step, false));
      const bl_graph_inputs inputs = bl_transitions_inputs(t);
      BL_TRY(bl_graph_forward(policy, kept(monitor, m, step), &inputs));
    }
  return BL_OK;
}

/* Add what became of one micro-batch of transitions. */
static bl_status add(bl_policy_monitor *monitor, bl_transitions *t, bl_graph *policy, int m, int step, float *work) {
  const bl_policy_method *method = monitor->links->plan->method;
  const size_t steps = (size_t)method->steps;
  BL_TRY(bl_transitions_take(t, m, step, true));
  const bl_graph_inputs inputs = bl_transitions_inputs(t);
  BL_TRY(bl_graph_forward(policy, work, &inputs));
  bl_policy_change_find(monitor->changes, method, monitor->links->plan->chain, t->steps, t->states,
                        t->states + monitor->links->buffer->state, kept(monitor, m, step), work, t->weights);
  for (size_t b = 0; b < method->micro_batch; b++) {
    const bl_policy_change *c = &monitor->changes[b];
    const size_t i = (size_t)t->steps[b];
    bl_exact_sum_add_double(monitor->sums, 0, OF_STEPS,
                            (double[]){c->before, c->after, c->advantage, c->ratio, c->divergence});
    bl_exact_sum_add_double(monitor->sums, OF_STEPS + i, 1, &c->divergence);
    bl_exact_sum_add_double(monitor->sums, OF_STEPS + steps + i, 1, (double[]){1});
  }
  return BL_OK;
}

static double distance(const float *a, const float *b, size_t count) {
  double square = 0;
  for (size_t i = 0; i < count; i++)
    square += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
  return sqrt(square);
}

static void report_means(bl_policy_report *report, const double *means, int steps) {
  report->surrogate_before = means[BEFORE];
  report->surrogate_after = means[AFTER];
  report->ratio_before = means[ADVANTAGE];
  report->ratio_after = means[RATIO];
  report->divergence = means[DIVERGENCE];
  report->divergence_most = isnan(means[DIVERGENCE]) ? NAN : 0;
  for (int i = 0; i < steps; i++) {
    const double share = means[OF_STEPS + steps + i], mean = share > 0 ? means[OF_STEPS + i] / share : NAN;
    report->divergence_most = mean > report->divergence_most ? mean : report->divergence_most;
    if (i < BL_POLICY_MONITOR_STEPS)
      report->divergences[i] = mean;
  }
}

bl_status bl_policy_monitor_after(bl_policy_report *report, bl_policy_monitor *monitor, bl_transitions *t, bl_graph *policy,
                                  float *work) {
  const bl_links *links = monitor->links;
  const bl_group *group = &links->world->generators;
  const bl_policy_method *method = links->plan->method;
  const bl_aggregator *aggregator = &links->aggregators[0];
  const size_t figures = OF_STEPS + 2 * (size_t)method->steps;
  const double total = (double)bl_transition_count(method) * links->buffer->slots;
  const bool first_failure = bl_status_message()[0] == '\0';
  bl_exact_sum_clear(monitor->sums);
  BL_TRY(bl_graph_load(policy, aggregator->values));
  for (int m = group->rank; m < links->buffer->slots; m += group->size)
    for (int step = 0; step < method->n_generator; step++)
      BL_TRY(add(monitor, t, policy, m, step, work));
  BL_TRY(bl_exact_sum_allreduce(monitor->sums, group->comm));
  if (bl_exact_sum_get_double(monitor->means, monitor->sums, 0, figures, 1 / total) != BL_OK) {
    if (first_failure)
      bl_status_clear(); /* what is only watched does not end a run */
    for (size_t i = 0; i < figures; i++)
      monitor->means[i] = NAN;
  }
  report_means(report, monitor->means, method->steps);
  if (monitor->parameters)
    report->change = distance(monitor->parameters, aggregator->values, aggregator->table->count);
  return BL_OK;
}
