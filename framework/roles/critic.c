#include "roles/critic.h"

#include "base/memory.h"
#include "parallel/agree.h"

#include <string.h>

/* Parameters of the judge from which on its memory is worth the time to take it again, which is 3 % of a toy's round. */
enum { WORTH_RELEASING = 100000 };

static bool is_critic(const bl_critic *critic) {
  return critic->links->world->critics.rank >= 0;
}

/* What judging transitions needs. */
static bl_status allocate(bl_critic *critic) {
  const bl_links *links = critic->links;
  const bl_policy_method *method = links->plan->method;
  const size_t samples = (size_t)links->buffer->slots * (size_t)method->n_critic * method->micro_batch;
  const size_t steps = (size_t)method->steps;
  BL_TRY(bl_allocate(&critic->costs, samples, sizeof *critic->costs));
  BL_TRY(bl_allocate(&critic->advantages, samples * steps, sizeof *critic->advantages));
  BL_TRY(bl_allocate(&critic->values, steps * method->micro_batch, sizeof *critic->values));
  BL_TRY(bl_allocate(&critic->sent, (size_t)links->buffer->slots * bl_transition_count(method), sizeof *critic->sent));
  BL_TRY(bl_allocate(&critic->transitions, bl_transition_count(method), sizeof *critic->transitions));
  return bl_allocate(&critic->order, (size_t)method->n_critic * steps * method->micro_batch, sizeof *critic->order);
}

bl_status bl_critic_create(bl_critic *critic, const bl_links *links) {
  const bl_ring_plan *plan = links->plan;
  const bl_policy_method *method = plan->method;
  *critic = (bl_critic){.links = links,
                        .kind = method->learner->judge,
                        .learning = {.name = "critic gradients"},
                        .judging = {.name = "advantages"}};
  if (!is_critic(critic))
    return BL_OK;
  const bl_judge_plan judge = {method, plan->judge_networks, plan->network_count - 1, plan->computation};
  BL_TRY(critic->kind->create(&critic->judge, &judge));
  critic->releases = plan->network_count > 1 && plan->networks[1].table->count >= WORTH_RELEASING;
  BL_TRY(bl_allocate(&critic->real, links->buffer->state, sizeof *critic->real));
  if (plan->condition != NULL)
    BL_TRY(bl_allocate(&critic->condition, method->micro_batch * bl_condition_size(plan->condition),
                       sizeof *critic->condition));
  return method->learner->experience == BL_EXPERIENCE_TRANSITIONS ? allocate(critic) : BL_OK;
}

void bl_critic_destroy(bl_critic *critic) {
  if (critic->kind != NULL)
    critic->kind->destroy(&critic->judge);
  bl_free(&critic->condition);
  bl_free(&critic->real);
  bl_free(&critic->costs);
  bl_free(&critic->advantages);
  bl_free(&critic->values);
  bl_free(&critic->sent);
  bl_free(&critic->transitions);
  bl_free(&critic->order);
}

bl_status bl_critic_begin(bl_critic *critic) {
  const bl_links *links = critic->links;
  const bl_buffer *buffer = links->buffer;
  const bl_group *group = &links->world->critics;
  if (!is_critic(critic))
    return BL_OK;
  for (int batch = 0; batch < buffer->batches; batch++)
    for (int m = group->rank; m < buffer->slots; m += group->size) {
      const int generator = bl_buffer_generator(buffer, m);
      if (generator != links->world->rank)
        BL_TRY(bl_channel_receive(links->trajectories, bl_buffer_at(buffer, batch, m), buffer->trajectory,
                                  batch * buffer->slots + m, generator));
    }
  return BL_OK;
}

/* The networks of the judge, as far as the plan has them. */
static int count_networks(const bl_critic *critic) {
  return critic->links->plan->network_count - 1;
}

static bl_aggregator *aggregator_of(const bl_critic *critic, int network) {
  return &critic->links->aggregators[1 + network];
}

static void list_values(const float *values[BL_JUDGE_NETWORKS], const bl_critic *critic) {
  for (int i = 0; i < count_networks(critic); i++)
    values[i] = aggregator_of(critic, i)->values;
}

/* Gradients of one slot's micro-batch. */
static bl_status learn_slot(bl_critic *critic, int64_t step, int batch, int m) {
  const bl_ring_plan *plan = critic->links->plan;
  const size_t samples = plan->method->micro_batch, first = (size_t)m * samples;
  bl_gradient_sink sinks[BL_JUDGE_NETWORKS];
  double figures[BL_JUDGE_NETWORKS][BL_JUDGE_FIGURES];
  for (int i = 0; i < count_networks(critic); i++)
    sinks[i] = bl_aggregator_sink(aggregator_of(critic, i));
  bl_batches_get(critic->real, NULL, plan->data, step, first, samples);
  BL_TRY(critic->kind->learn(critic->judge, sinks, figures,
                             &(bl_judge_batch){.real = critic->real,
                                               .trajectory = bl_buffer_at(critic->links->buffer, batch, m),
                                               .step = (uint32_t)step,
                                               .first = (uint32_t)first}));
  for (int i = 0; i < count_networks(critic); i++)
    bl_aggregator_add_figures(aggregator_of(critic, i), figures[i], plan->judge_networks[i].figures);
  return BL_OK;
}

/* Have the memory of sums and graphs, and the networks as they are now. */
static bl_status prepare(bl_critic *critic) {
  const float *values[BL_JUDGE_NETWORKS];
  for (int i = 0; i < count_networks(critic); i++)
    BL_TRY(bl_aggregator_acquire(aggregator_of(critic, i)));
  list_values(values, critic);
  return critic->kind->load(critic->judge, values);
}

/* Step all networks, also after one whose gradient is not finite, since the others must stay together. */
static bl_status step_networks(bl_critic *critic, bl_judge_step *steps, const double *rates) {
  bl_status status = BL_OK;
  for (int i = 0; i < count_networks(critic); i++) {
    bl_step_report report = {0};
    const bl_status stepped =
        bl_aggregator_step(aggregator_of(critic, i), &report, rates[1 + i], critic->links->buffer->slots);
    if (stepped != BL_OK && stepped != BL_ERROR_NUMERIC)
      return stepped;
    status = status == BL_OK ? stepped : status;
    steps[i].norm = report.norm;
    memcpy(steps[i].figures, report.figures, sizeof steps[i].figures);
  }
  return status;
}

/* The trajectories of a slot, in the first epoch. */
static bl_status wait_for(bl_critic *critic, int batch, int m) {
  const bl_links *links = critic->links;
  const int generator = bl_buffer_generator(links->buffer, m);
  return generator == links->world->rank
             ? BL_OK
             : bl_channel_wait(links->trajectories, batch * links->buffer->slots + m, generator);
}

bl_status bl_critic_collect(bl_critic *critic, double *row, int64_t round, int epoch, int batch, const double *rates) {
  const bl_buffer *buffer = critic->links->buffer;
  const bl_group *group = &critic->links->world->critics;
  const bool learns = count_networks(critic) > 0;
  const int64_t steps = (int64_t)critic->links->plan->method->critic_epochs * buffer->batches;
  const int64_t step = round * steps + (int64_t)epoch * buffer->batches + batch;
  bl_judge_step told[BL_JUDGE_NETWORKS] = {{.norm = 0}};
  if (!is_critic(critic))
    return BL_OK;
  const bl_status ready = learns ? prepare(critic) : BL_OK;
  BL_TRY(critic->releases && epoch == 0 && batch == 0 ? bl_agree(ready, group->comm) : ready);
  for (int m = group->rank; m < buffer->slots; m += group->size) {
    if (epoch == 0)
      BL_TRY(wait_for(critic, batch, m));
    bl_timing_begin(&critic->learning);
    if (learns)
      BL_TRY(learn_slot(critic, step, batch, m));
    bl_timing_end(&critic->learning);
  }
  const bl_status status = step_networks(critic, told, rates);
  if (learns)
    critic->kind->tell(row, told, 1.0 / (double)steps);
  return status;
}

void bl_critic_release(bl_critic *critic) {
  if (!is_critic(critic) || !critic->releases)
    return;
  critic->kind->release(critic->judge);
  for (int i = 0; i < count_networks(critic); i++)
    bl_aggregator_release(aggregator_of(critic, i));
}

bl_status bl_critic_monitor(bl_critic *critic, double *row) {
  const float *values[BL_JUDGE_NETWORKS];
  if (!is_critic(critic) || !critic->links->plan->method->monitor_judge || critic->kind->monitor == NULL)
    return BL_OK;
  list_values(values, critic);
  return critic->kind->monitor(critic->judge, row, values, critic->links->world->critics.comm);
}

bl_status bl_critic_settle(bl_critic *critic) {
  const float *values[BL_JUDGE_NETWORKS];
  if (!is_critic(critic) || critic->kind->settle == NULL)
    return BL_OK;
  list_values(values, critic);
  return critic->kind->settle(critic->judge, values);
}
