#include "roles/critic.h"

#include "base/memory.h"
#include "parallel/agree.h"

#include <string.h>

/* Parameters of f from which on its memory is worth the time to take it again, which is 3 % of a toy's round. */
enum { WORTH_RELEASING = 100000 };

static bool is_critic(const bl_critic *critic) {
  return critic->world->critics.rank >= 0;
}

bl_status bl_critic_create(bl_critic *critic, const bl_world *world, const bl_network_shape *critic_shape,
                           const bl_network_shape *value_shape, const bl_computation *computation, const bl_sft_pg *method,
                           const bl_chain *chain, const bl_buffer *buffer, bl_batches *data, bl_channel *trajectories,
                           bl_channel *advantages, bl_aggregator *critic_aggregator, bl_aggregator *value_aggregator) {
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
  critic->releases = critic_aggregator->table->count >= WORTH_RELEASING;
  if (method->spectral_weight > 0 || method->monitor_critic)
    BL_TRY(bl_lipschitz_create(&critic->lipschitz, critic_shape, bl_graph_parameters(critic->critic)));
  BL_TRY(bl_allocate(&critic->real, buffer->state, sizeof *critic->real));
  if (method->spectral_weight > 0)
    BL_TRY(bl_allocate(&critic->d_spectral, bl_graph_parameters(critic->critic)->count, sizeof *critic->d_spectral));
  BL_TRY(bl_allocate(&critic->work, bl_sft_pg_work(method), sizeof *critic->work));
  if (!method->without_value)
    BL_TRY(bl_network_create_with(&critic->value, value_shape, all, BL_GRAPH_TRAINING, false, learn));
  if (method->backprop) /* roles/backprop.h judges */
    return BL_OK;
  BL_TRY(bl_network_create_with(&critic->critic_judge, critic_shape, batch, BL_GRAPH_INFERENCE, false, judge));
  if (method->baseline && !method->predicted)
    BL_TRY(bl_network_create_with(&critic->value_judge, value_shape, all, BL_GRAPH_INFERENCE, false, judge));
  const size_t samples = (size_t)buffer->slots * (size_t)method->n_critic * method->micro_batch;
  BL_TRY(bl_allocate(&critic->costs, samples, sizeof *critic->costs));
  BL_TRY(bl_allocate(&critic->advantages_of_all, samples * (size_t)method->steps, sizeof *critic->advantages_of_all));
  BL_TRY(bl_allocate(&critic->sent, (size_t)buffer->slots * bl_sft_pg_draws(method), sizeof *critic->sent));
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
  bl_free(&critic->d_spectral);
  bl_free(&critic->work);
}

bl_status bl_critic_begin(bl_critic *critic) {
  const bl_buffer *buffer = critic->buffer;
  const bl_group *group = &critic->world->critics;
  if (!is_critic(critic))
    return BL_OK;
  for (int batch = 0; batch < buffer->batches; batch++)
    for (int m = group->rank; m < buffer->slots; m += group->size) {
      const int generator = bl_buffer_generator(buffer, m);
      if (generator != critic->world->rank)
        BL_TRY(bl_channel_receive(critic->trajectories, bl_buffer_at(buffer, batch, m), buffer->trajectory,
                                  batch * buffer->slots + m, generator));
    }
  return BL_OK;
}

/* Gradients of one slot's micro-batch. */
static bl_status learn_slot(bl_critic *critic, int64_t step, int batch, int m) {
  const bl_sft_pg *method = critic->method;
  const size_t first = (size_t)m * method->micro_batch;
  const bl_gradient_sink of_critic = bl_aggregator_sink(critic->critic_aggregator);
  const bl_gradient_sink of_value = bl_aggregator_sink(critic->value_aggregator);
  bl_sft_pg_losses losses;
  bl_batches_get(critic->real, NULL, critic->data, step, first, method->micro_batch);
  BL_TRY(bl_sft_pg_critic_gradient(&of_critic, &of_value, &losses, method, critic->critic, critic->value, critic->real,
                                   bl_buffer_at(critic->buffer, batch, m), (uint32_t)step, (uint32_t)first, critic->work));
  bl_aggregator_add_figures(critic->critic_aggregator, (double[]){losses.real, losses.generated, losses.penalty}, 3);
  if (critic->value)
    bl_aggregator_add_figures(critic->value_aggregator, (double[]){losses.value}, 1);
  return BL_OK;
}

/* Add the gradient of the spectral regulariser, once over all critics, as many times as micro-batches share a step. */
static bl_status regularise(bl_critic *critic, double *penalty) {
  const bl_sft_pg *method = critic->method;
  double norms[BL_LIPSCHITZ_LAYERS];
  BL_TRY(bl_lipschitz_measure(norms, critic->lipschitz, critic->critic_aggregator->values, critic->world->critics.comm));
  const size_t parameters = critic->critic_aggregator->table->count;
  memset(critic->d_spectral, 0, parameters * sizeof *critic->d_spectral);
  *penalty = bl_lipschitz_penalty(critic->d_spectral, critic->lipschitz, norms, method->spectral_bound,
                                  method->spectral_weight * critic->buffer->slots);
  bl_aggregator_add(critic->critic_aggregator, 0, parameters, critic->d_spectral);
  return BL_OK;
}

/* Have the memory of sums and graphs, and f and V as they are now. */
static bl_status prepare(bl_critic *critic) {
  BL_TRY(bl_aggregator_acquire(critic->critic_aggregator));
  BL_TRY(bl_graph_load(critic->critic, critic->critic_aggregator->values));
  if (critic->value == NULL)
    return BL_OK;
  BL_TRY(bl_aggregator_acquire(critic->value_aggregator));
  return bl_graph_load(critic->value, critic->value_aggregator->values);
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
  const bl_status ready = prepare(critic);
  BL_TRY(critic->releases && epoch == 0 && batch == 0 ? bl_agree(ready, group->comm) : ready);
  for (int m = group->rank; m < buffer->slots; m += group->size) {
    const int generator = bl_buffer_generator(buffer, m);
    if (epoch == 0 && generator != critic->world->rank)
      BL_TRY(bl_channel_wait(critic->trajectories, batch * buffer->slots + m, generator));
    bl_timing_begin(&critic->learning);
    BL_TRY(learn_slot(critic, step, batch, m));
    bl_timing_end(&critic->learning);
  }
  if (critic->method->spectral_weight > 0)
    BL_TRY(regularise(critic, &spectral));
  const bl_status status = bl_aggregator_step(critic->critic_aggregator, &of_critic, critic_rate, buffer->slots);
  if (critic->value)
    BL_TRY(bl_aggregator_step(critic->value_aggregator, &of_value, value_rate, buffer->slots));
  report->real += share * of_critic.figures[0];
  report->generated += share * of_critic.figures[1];
  report->penalty += share * of_critic.figures[2];
  report->norm += share * of_critic.norm;
  report->spectral += share * spectral;
  report->value_loss += share * of_value.figures[0];
  return status;
}

void bl_critic_release(bl_critic *critic) {
  if (!is_critic(critic) || !critic->releases)
    return;
  bl_graph_release(critic->critic);
  bl_graph_release(critic->value);
  bl_aggregator_release(critic->critic_aggregator);
  bl_aggregator_release(critic->value_aggregator);
}

bl_status bl_critic_measure(bl_critic *critic, bl_critic_report *report) {
  if (!is_critic(critic) || !critic->method->monitor_critic)
    return BL_OK;
  BL_TRY(bl_lipschitz_measure(report->norms, critic->lipschitz, critic->critic_aggregator->values,
                              critic->world->critics.comm));
  report->lipschitz = bl_lipschitz_bound(critic->lipschitz, report->norms);
  return BL_OK;
}
