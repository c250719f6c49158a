/* Policy steps that learn from whole chains: generators unroll their chains and go back through them, critics answer x_0
 * with the slope of the judge's cost in between.
 *
 * Slot m belongs to generator m mod G and critic m mod C, as in the buffer. Slots are worked on in waves of G, one a
 * generator, so that no generator holds the activations of two: all unroll, all judge, all go back. A rank that holds both
 * roles does each part in this order, so none waits for one that waits for it. */
#include "base/log.h"
#include "base/memory.h"
#include "learner/unrolled_chain.h"
#include "roles/improve.h"

enum { UNROLLING, JUDGING, GOING_BACK }; /* timings */

/* x_0 goes to the critics along the trajectories' channel, slopes come back along that of advantages. */
typedef struct chains {
  bl_improvement base;
  bl_unrolled_chain unrolled; /* on generators */
  float *x;                   /* (slots, micro_batch, size) x_0 */
  float *d_x;                 /* (slots, micro_batch × size + 1) slope at x_0, then the mean cost */
  float *gradient;            /* (parameters of θ) */
} chains;

static bl_status create(bl_improvement **improvement, const bl_links *links) {
  const bl_ring_plan *plan = links->plan;
  const bl_policy_method *method = plan->method;
  const size_t slots = (size_t)links->buffer->slots, state = links->buffer->state;
  /* Its graphs do not take turns with those of a rollout, nor with each other. */
  const bl_compute learn = bl_compute_apart(plan->computation != NULL ? &plan->computation->learn : NULL);
  chains *c;
  BL_TRY(bl_allocate(&c, 1, sizeof *c));
  c->base = (bl_improvement){
      .kind = &bl_improvement_chains,
      .links = links,
      .timings = {{.name = "unroll the chain"}, {.name = "gradients by x_0"}, {.name = "back through the chain"}}};
  *improvement = &c->base;
  if (links->world->generators.rank >= 0) {
    BL_TRY(bl_unrolled_chain_create(&c->unrolled, plan->networks[0].shape, &learn, plan->chain, plan->condition,
                                    method->micro_batch, method->keep_activations));
    BL_TRY(bl_allocate(&c->gradient, plan->networks[0].table->count, sizeof *c->gradient));
    bl_log("%s: %.2f MiB of activations for the %d steps of a micro-batch (learner.keep: %s)", method->learner->name,
           (double)bl_unrolled_chain_memory(&c->unrolled) / 1048576, plan->chain->steps,
           method->keep_activations ? "activations" : "states");
  }
  BL_TRY(bl_allocate(&c->x, slots * state, sizeof *c->x));
  return bl_allocate(&c->d_x, slots * (state + 1), sizeof *c->d_x);
}

static void destroy(bl_improvement **improvement) {
  chains *c = (chains *)*improvement;
  if (c == NULL)
    return;
  bl_unrolled_chain_destroy(&c->unrolled);
  bl_free(&c->x);
  bl_free(&c->d_x);
  bl_free(&c->gradient);
  bl_free(improvement);
}

static bl_status set_reference(bl_improvement *improvement, const float *values) {
  (void)improvement;
  (void)values;
  return BL_OK; /* the mean cost has none */
}

static float *origin_of(const chains *c, int m) {
  return c->x + (size_t)m * c->base.links->buffer->state;
}

static float *slope_of(const chains *c, int m) {
  return c->d_x + (size_t)m * (c->base.links->buffer->state + 1);
}

static bool generates(const bl_links *links, int m) {
  return bl_buffer_generator(links->buffer, m) == links->world->rank;
}

static bool judges(const bl_links *links, int m) {
  return bl_buffer_critic(links->buffer, m) == links->world->rank;
}

static bl_status unroll(chains *c, int m, uint32_t draws) {
  const bl_links *links = c->base.links;
  const bl_policy_method *method = links->plan->method;
  const size_t state = links->buffer->state;
  bl_timing_begin(&c->base.timings[UNROLLING]);
  BL_TRY(bl_unrolled_chain_forward(origin_of(c, m), &c->unrolled, method->seed, draws,
                                   (uint32_t)((size_t)m * method->micro_batch)));
  bl_timing_end(&c->base.timings[UNROLLING]);
  if (judges(links, m))
    return BL_OK;
  const int critic = bl_buffer_critic(links->buffer, m);
  BL_TRY(bl_channel_receive(links->advantages, slope_of(c, m), state + 1, m, critic));
  return bl_channel_send(links->trajectories, origin_of(c, m), state, m, critic);
}

static bl_status judge(chains *c, bl_critic *critic, int m, uint32_t draws) {
  const bl_links *links = c->base.links;
  const int generator = bl_buffer_generator(links->buffer, m);
  const size_t state = links->buffer->state;
  float *slope = slope_of(c, m);
  double mean;
  if (!generates(links, m))
    BL_TRY(bl_channel_wait(links->trajectories, m, generator));
  const size_t samples = links->plan->method->micro_batch;
  BL_TRY(bl_condition_fill(critic->condition, links->plan->condition, draws, (uint32_t)((size_t)m * samples), samples));
  bl_timing_begin(&c->base.timings[JUDGING]);
  BL_TRY(critic->kind->slope(critic->judge, slope, &mean, origin_of(c, m), critic->condition));
  bl_timing_end(&c->base.timings[JUDGING]);
  slope[state] = (float)mean;
  return generates(links, m) ? BL_OK : bl_channel_send(links->advantages, slope, state + 1, m, generator);
}

static bl_status go_back(chains *c, int m) {
  const bl_links *links = c->base.links;
  bl_aggregator *aggregator = &links->aggregators[0];
  if (!judges(links, m))
    BL_TRY(bl_channel_wait(links->advantages, m, bl_buffer_critic(links->buffer, m)));
  bl_timing_begin(&c->base.timings[GOING_BACK]);
  BL_TRY(bl_unrolled_chain_backward(c->gradient, &c->unrolled, slope_of(c, m)));
  bl_timing_end(&c->base.timings[GOING_BACK]);
  const double mean = slope_of(c, m)[links->buffer->state];
  bl_aggregator_add(aggregator, 0, aggregator->table->count, c->gradient);
  bl_aggregator_add_figures(aggregator, &mean, 1);
  return BL_OK;
}

static bl_status begin(bl_improvement *improvement, bl_critic *critic, int64_t round) {
  (void)improvement;
  (void)round;
  return bl_critic_settle(critic);
}

/* Slots first … end − 1, one of each generator. */
static bl_status improve_wave(chains *c, bl_critic *critic, int first, int end, uint32_t draws) {
  const bl_links *links = c->base.links;
  for (int m = first; m < end; m++)
    if (generates(links, m))
      BL_TRY(unroll(c, m, draws));
  for (int m = first; m < end; m++)
    if (judges(links, m))
      BL_TRY(judge(c, critic, m, draws));
  for (int m = first; m < end; m++)
    if (generates(links, m))
      BL_TRY(go_back(c, m));
  return BL_OK;
}

/* From fresh draws: round 2^31 + round × n_generator + step of a rollout's. */
static bl_status step(bl_improvement *improvement, bl_critic *critic, int64_t round, int step) {
  chains *c = (chains *)improvement;
  const bl_links *links = improvement->links;
  const int slots = links->buffer->slots, wave = links->world->generators.size;
  const uint32_t draws = 0x80000000U + (uint32_t)(round * links->plan->method->n_generator + step);
  if (links->world->generators.rank >= 0)
    BL_TRY(bl_unrolled_chain_load(&c->unrolled, links->aggregators[0].values));
  for (int m = 0; m < slots; m++)
    if (judges(links, m) && !generates(links, m))
      BL_TRY(bl_channel_receive(links->trajectories, origin_of(c, m), links->buffer->state, m,
                                bl_buffer_generator(links->buffer, m)));
  for (int first = 0; first < slots; first += wave)
    BL_TRY(improve_wave(c, critic, first, first + wave < slots ? first + wave : slots, draws));
  /* What was sent is written again in the next step. */
  BL_TRY(bl_channel_finish(links->trajectories));
  return bl_channel_finish(links->advantages);
}

static bl_status end(bl_improvement *improvement, bl_policy_report *report) {
  (void)improvement;
  (void)report;
  return BL_OK;
}

const bl_improvement_kind bl_improvement_chains = {
    .create = create, .destroy = destroy, .set_reference = set_reference, .begin = begin, .step = step, .end = end};
