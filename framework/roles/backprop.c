#include "roles/backprop.h"

#include "base/memory.h"

bl_status bl_backprop_create(bl_backprop *backprop, const bl_world *world, const bl_network_shape *policy_shape,
                             const bl_network_shape *critic_shape, const bl_computation *computation,
                             const bl_sft_pg *method, const bl_chain *chain, const bl_buffer *buffer, bl_channel *origins,
                             bl_channel *slopes, bl_aggregator *policy_aggregator, bl_aggregator *critic_aggregator) {
  /* Its graphs do not take turns with those of a rollout, nor with each other. */
  const bl_compute learn = bl_compute_apart(computation != NULL ? &computation->learn : NULL);
  const size_t slots = (size_t)buffer->slots;
  *backprop = (bl_backprop){.world = world,
                            .method = method,
                            .buffer = buffer,
                            .origins = origins,
                            .slopes = slopes,
                            .policy_aggregator = policy_aggregator,
                            .critic_aggregator = critic_aggregator,
                            .unrolling = {.name = "unroll the chain"},
                            .judging = {.name = "gradients by x_0"},
                            .going_back = {.name = "back through the chain"}};
  if (world->generators.rank >= 0) {
    BL_TRY(bl_backprop_chain_create(&backprop->unrolled, policy_shape, &learn, chain, method->micro_batch,
                                    method->keep_activations));
    BL_TRY(bl_allocate(&backprop->gradient, bl_graph_parameters(backprop->unrolled.graphs[0])->count,
                       sizeof *backprop->gradient));
  }
  if (world->critics.rank >= 0)
    BL_TRY(bl_network_create_with(&backprop->critic, critic_shape, (int)method->micro_batch, BL_GRAPH_TRAINING, false,
                                  &learn));
  BL_TRY(bl_allocate(&backprop->x, slots * buffer->state, sizeof *backprop->x));
  BL_TRY(bl_allocate(&backprop->d_x, slots * (buffer->state + 1), sizeof *backprop->d_x));
  return bl_allocate(&backprop->work, 2 * method->micro_batch, sizeof *backprop->work);
}

void bl_backprop_destroy(bl_backprop *backprop) {
  bl_backprop_chain_destroy(&backprop->unrolled);
  bl_graph_destroy(&backprop->critic);
  bl_free(&backprop->x);
  bl_free(&backprop->d_x);
  bl_free(&backprop->gradient);
  bl_free(&backprop->work);
}

static float *origin_of(const bl_backprop *backprop, int m) {
  return backprop->x + (size_t)m * backprop->buffer->state;
}

static float *slope_of(const bl_backprop *backprop, int m) {
  return backprop->d_x + (size_t)m * (backprop->buffer->state + 1);
}

static bool generates(const bl_backprop *backprop, int m) {
  return bl_buffer_generator(backprop->buffer, m) == backprop->world->rank;
}

static bool judges(const bl_backprop *backprop, int m) {
  return bl_buffer_critic(backprop->buffer, m) == backprop->world->rank;
}

static bl_status unroll(bl_backprop *backprop, int m, uint32_t draws) {
  const bl_sft_pg *method = backprop->method;
  const size_t state = backprop->buffer->state;
  bl_timing_begin(&backprop->unrolling);
  BL_TRY(bl_backprop_chain_forward(origin_of(backprop, m), &backprop->unrolled, method->seed, draws,
                                   (uint32_t)((size_t)m * method->micro_batch)));
  bl_timing_end(&backprop->unrolling);
  if (judges(backprop, m))
    return BL_OK;
  const int critic = bl_buffer_critic(backprop->buffer, m);
  BL_TRY(bl_channel_receive(backprop->slopes, slope_of(backprop, m), state + 1, m, critic));
  return bl_channel_send(backprop->origins, origin_of(backprop, m), state, m, critic);
}

static bl_status judge(bl_backprop *backprop, int m) {
  const int generator = bl_buffer_generator(backprop->buffer, m);
  const size_t state = backprop->buffer->state;
  float *slope = slope_of(backprop, m);
  double mean;
  if (!generates(backprop, m))
    BL_TRY(bl_channel_wait(backprop->origins, m, generator));
  bl_timing_begin(&backprop->judging);
  BL_TRY(bl_backprop_chain_slope(slope, &mean, backprop->critic, origin_of(backprop, m), backprop->method->micro_batch,
                                 backprop->work));
  bl_timing_end(&backprop->judging);
  slope[state] = (float)mean;
  return generates(backprop, m) ? BL_OK : bl_channel_send(backprop->slopes, slope, state + 1, m, generator);
}

static bl_status go_back(bl_backprop *backprop, int m) {
  if (!judges(backprop, m))
    BL_TRY(bl_channel_wait(backprop->slopes, m, bl_buffer_critic(backprop->buffer, m)));
  bl_timing_begin(&backprop->going_back);
  BL_TRY(bl_backprop_chain_backward(backprop->gradient, &backprop->unrolled, slope_of(backprop, m)));
  bl_timing_end(&backprop->going_back);
  const double mean = slope_of(backprop, m)[backprop->buffer->state];
  bl_aggregator_add(backprop->policy_aggregator, 0, backprop->policy_aggregator->table->count, backprop->gradient);
  bl_aggregator_add_figures(backprop->policy_aggregator, &mean, 1);
  return BL_OK;
}

bl_status bl_backprop_improve(bl_backprop *backprop, int64_t round, int step) {
  const bl_world *world = backprop->world;
  const int slots = backprop->buffer->slots, wave = world->generators.size;
  const uint32_t draws = 0x80000000U + (uint32_t)(round * backprop->method->n_generator + step);
  if (world->generators.rank >= 0)
    BL_TRY(bl_backprop_chain_load(&backprop->unrolled, backprop->policy_aggregator->values));
  if (world->critics.rank >= 0 && step == 0)
    BL_TRY(bl_graph_load(backprop->critic, backprop->critic_aggregator->values));
  for (int m = 0; m < slots; m++)
    if (judges(backprop, m) && !generates(backprop, m))
      BL_TRY(bl_channel_receive(backprop->origins, origin_of(backprop, m), backprop->buffer->state, m,
                                bl_buffer_generator(backprop->buffer, m)));
  for (int first = 0; first < slots; first += wave) {
    const int end = first + wave < slots ? first + wave : slots;
    for (int m = first; m < end; m++)
      if (generates(backprop, m))
        BL_TRY(unroll(backprop, m, draws));
    for (int m = first; m < end; m++)
      if (judges(backprop, m))
        BL_TRY(judge(backprop, m));
    for (int m = first; m < end; m++)
      if (generates(backprop, m))
        BL_TRY(go_back(backprop, m));
  }
  /* What was sent is written again in the next step. */
  BL_TRY(bl_channel_finish(backprop->origins));
  return bl_channel_finish(backprop->slopes);
}
