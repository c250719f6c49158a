#include "roles/ring.h"

#include "parallel/account.h"

static bl_status create_aggregator(bl_aggregator *aggregator, const bl_world *world, bl_sharing sharing, const char *name,
                                   const bl_ring_network *network) {
  return bl_aggregator_create(aggregator, world, sharing, name, network->table, network->optimiser, network->clip,
                              network->average);
}

bl_status bl_ring_create(bl_ring *ring, const bl_world *world, const bl_ring_plan *plan) {
  const bl_sharing critics = bl_sharing_critics(world);
  *ring = (bl_ring){0};
  BL_TRY(bl_channel_create(&ring->trajectories, world->trajectory_comm, "trajectories"));
  BL_TRY(bl_channel_create(&ring->advantages, world->advantage_comm, "advantages"));
  BL_TRY(create_aggregator(&ring->policy, world, bl_sharing_policy(world), "policy", &plan->policy));
  BL_TRY(create_aggregator(&ring->critic, world, critics, "critic", &plan->critic));
  if (!plan->method->without_value)
    BL_TRY(create_aggregator(&ring->value, world, critics, "value network", &plan->value));
  BL_TRY(bl_buffer_create(&ring->buffer, world, plan->method, plan->slots));
  BL_TRY(bl_generator_create(&ring->generators, world, plan->policy.shape, plan->computation, plan->method, plan->chain,
                             &ring->buffer, ring->trajectories, ring->advantages, &ring->policy));
  if (plan->method->backprop) {
    BL_TRY(bl_backprop_create(&ring->backprop, world, plan->policy.shape, plan->critic.shape, plan->computation,
                              plan->method, plan->chain, &ring->buffer, ring->trajectories, ring->advantages, &ring->policy,
                              &ring->critic));
    ring->generators.backprop = &ring->backprop;
  }
  return bl_critic_create(&ring->critics, world, plan->critic.shape, plan->value.shape, plan->computation, plan->method,
                          plan->chain, &ring->buffer, plan->data, ring->trajectories, ring->advantages, &ring->critic,
                          &ring->value);
}

void bl_ring_destroy(bl_ring *ring) {
  bl_backprop_destroy(&ring->backprop);
  bl_critic_destroy(&ring->critics);
  bl_generator_destroy(&ring->generators);
  bl_channel_destroy(&ring->trajectories);
  bl_channel_destroy(&ring->advantages);
  bl_buffer_destroy(&ring->buffer);
  bl_aggregator_destroy(&ring->policy);
  bl_aggregator_destroy(&ring->critic);
  bl_aggregator_destroy(&ring->value);
}

/* Time that a channel waited for messages. */
static bl_timing waited(const char *name, const bl_channel *channel) {
  const double seconds = channel != NULL ? bl_channel_waited(channel) : 0;
  return (bl_timing){.name = name, .seconds = seconds, .calls = seconds > 0};
}

static bl_timing named(const char *name, const bl_timing *timing) {
  return (bl_timing){.name = name, .seconds = timing->seconds, .calls = timing->calls};
}

/* f and V step in turn: their times are one. */
static bl_timing sum(const char *name, const bl_timing *a, const bl_timing *b) {
  return (bl_timing){.name = name, .seconds = a->seconds + b->seconds, .calls = a->calls};
}

bl_status bl_ring_account(const bl_ring *ring, MPI_Comm comm) {
  const bl_timing timings[] = {
      ring->generators.rolling_out,
      waited("wait for trajectories", ring->trajectories),
      ring->critics.learning,
      sum("wait for other critics", &ring->critic.waiting, &ring->value.waiting),
      sum("critic steps", &ring->critic.stepping, &ring->value.stepping),
      ring->critics.judging,
      waited("wait for advantages", ring->advantages),
      ring->generators.improving,
      ring->backprop.unrolling,
      ring->backprop.judging,
      ring->backprop.going_back,
      named("wait for other generators", &ring->policy.waiting),
      named("policy steps", &ring->policy.stepping),
  };
  const bl_traffic traffic[] = {
      {"trajectories", ring->trajectories != NULL ? (double)bl_channel_bytes(ring->trajectories) : 0},
      {"advantages", ring->advantages != NULL ? (double)bl_channel_bytes(ring->advantages) : 0},
      {"gradients of the critics", ring->critic.gradient_bytes + ring->value.gradient_bytes},
      {"parameters of the critics", ring->critic.parameter_bytes + ring->value.parameter_bytes},
      {"gradients of the policy", ring->policy.gradient_bytes},
      {"parameters of the policy", ring->policy.parameter_bytes},
  };
  BL_TRY(bl_account_times(timings, sizeof timings / sizeof timings[0], comm));
  return bl_account_traffic(traffic, sizeof traffic / sizeof traffic[0], comm);
}
