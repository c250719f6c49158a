#include "roles/ring.h"

#include "parallel/account.h"

static bl_status create_aggregators(bl_ring *ring, const bl_world *world, const bl_ring_plan *plan) {
  for (int i = 0; i < plan->network_count; i++) {
    const bl_ring_network *network = &plan->networks[i];
    const bl_sharing sharing = i == 0 ? bl_sharing_policy(world) : bl_sharing_critics(world);
    BL_TRY(bl_aggregator_create(&ring->aggregators[i], world, sharing, network->title, network->table, network->optimiser,
                                network->clip, network->average));
  }
  return BL_OK;
}

bl_status bl_ring_create(bl_ring *ring, const bl_world *world, const bl_ring_plan *plan) {
  const bl_improvement_kind *kind = bl_improvement_kind_of(plan->method->learner->experience);
  *ring = (bl_ring){.links = {.plan = plan, .world = world}};
  bl_links *links = &ring->links;
  links->buffer = &ring->buffer;
  links->aggregators = ring->aggregators;
  BL_TRY(bl_channel_create(&links->trajectories, world->trajectory_comm, "trajectories"));
  BL_TRY(bl_channel_create(&links->advantages, world->advantage_comm, "advantages"));
  BL_TRY(create_aggregators(ring, world, plan));
  BL_TRY(bl_buffer_create(&ring->buffer, world, plan->method, plan->slots));
  BL_TRY(bl_generator_create(&ring->generator, links));
  BL_TRY(kind->create(&ring->improvement, links));
  return bl_critic_create(&ring->critic, links);
}

void bl_ring_destroy(bl_ring *ring) {
  bl_critic_destroy(&ring->critic);
  if (ring->improvement != NULL)
    ring->improvement->kind->destroy(&ring->improvement);
  bl_generator_destroy(&ring->generator);
  bl_channel_destroy(&ring->links.trajectories);
  bl_channel_destroy(&ring->links.advantages);
  bl_buffer_destroy(&ring->buffer);
  for (int i = 0; i < BL_NETWORKS; i++)
    bl_aggregator_destroy(&ring->aggregators[i]);
}

/* Time that a channel waited for messages. */
static bl_timing waited(const char *name, const bl_channel *channel) {
  const double seconds = channel != NULL ? bl_channel_waited(channel) : 0;
  return (bl_timing){.name = name, .seconds = seconds, .calls = seconds > 0};
}

static double bytes_of(const bl_channel *channel) {
  return channel != NULL ? (double)bl_channel_bytes(channel) : 0;
}

/* The judge's networks step in turn: their times are one. */
static bl_aggregator sum_of_judge(const bl_ring *ring) {
  bl_aggregator sum = {.waiting = {.name = "wait for other critics"}, .stepping = {.name = "critic steps"}};
  for (int i = 1; i < BL_NETWORKS; i++) {
    const bl_aggregator *a = &ring->aggregators[i];
    sum.waiting.seconds += a->waiting.seconds;
    sum.stepping.seconds += a->stepping.seconds;
    sum.gradient_bytes += a->gradient_bytes;
    sum.parameter_bytes += a->parameter_bytes;
  }
  sum.waiting.calls = ring->aggregators[1].waiting.calls;
  sum.stepping.calls = ring->aggregators[1].stepping.calls;
  return sum;
}

static bl_timing named(const char *name, const bl_timing *timing) {
  return (bl_timing){.name = name, .seconds = timing->seconds, .calls = timing->calls};
}

bl_status bl_ring_account(const bl_ring *ring, MPI_Comm comm) {
  const bl_aggregator *policy = &ring->aggregators[0], judge = sum_of_judge(ring);
  const bl_timing *improving = ring->improvement->timings;
  const bl_timing timings[] = {
      ring->generator.rolling_out,
      waited("wait for trajectories", ring->links.trajectories),
      ring->critic.learning,
      judge.waiting,
      judge.stepping,
      ring->critic.judging,
      waited("wait for advantages", ring->links.advantages),
      improving[0],
      improving[1],
      improving[2],
      named("wait for other generators", &policy->waiting),
      named("policy steps", &policy->stepping),
  };
  const bl_traffic traffic[] = {
      {"trajectories", bytes_of(ring->links.trajectories)}, {"advantages", bytes_of(ring->links.advantages)},
      {"gradients of the critics", judge.gradient_bytes},   {"parameters of the critics", judge.parameter_bytes},
      {"gradients of the policy", policy->gradient_bytes},  {"parameters of the policy", policy->parameter_bytes},
  };
  BL_TRY(bl_account_times(timings, sizeof timings / sizeof timings[0], comm));
  return bl_account_traffic(traffic, sizeof traffic / sizeof traffic[0], comm);
}
