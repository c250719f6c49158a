#include "roles/round.h"

#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

/* A number that is not finite is found by all ranks of a role together, a sample that is not by one generator alone. The
 * round then goes on to its end, since others wait for messages, and all ranks learn of it there. */
static bl_status postpone(bl_status *postponed, bl_status status) {
  if (status != BL_ERROR_NUMERIC)
    return status;
  *postponed = status;
  return BL_OK;
}

/* What the first critic, aggregator and generator know, to all. */
static bl_status share(bl_round_report *report, const bl_world *world) {
  const int judges = sizeof report->judge / sizeof(double), monitors = sizeof report->monitor / sizeof(double);
  const int critic = bl_group_world_rank(world, &world->critics, 0);
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Bcast(report->judge, judges, MPI_DOUBLE, critic, world->comm), world->comm));
  BL_TRY(BL_MPI(MPI_Bcast(report->monitor, monitors, MPI_DOUBLE, critic, world->comm)));
  double policy[3] = {report->policy_loss, report->norm, report->clip_rate};
  BL_TRY(BL_MPI(MPI_Bcast(policy, 3, MPI_DOUBLE, bl_group_world_rank(world, &world->aggregators, 0), world->comm)));
  report->policy_loss = policy[0];
  report->norm = policy[1];
  report->clip_rate = policy[2];
  return BL_MPI(MPI_Bcast(&report->policy, sizeof report->policy / sizeof(double), MPI_DOUBLE,
                          bl_group_world_rank(world, &world->generators, 0), world->comm));
}

/* Have the round judged and take the policy steps. */
static bl_status improve(bl_round_report *report, bl_status *postponed, bl_ring *ring, int64_t round, double rate) {
  bl_improvement *improvement = ring->improvement;
  bl_aggregator *policy = &ring->aggregators[0];
  const int steps = ring->links.plan->method->n_generator;
  BL_TRY(postpone(postponed, improvement->kind->begin(improvement, &ring->critic, round)));
  for (int step = 0; step < steps; step++) {
    bl_step_report of_step = {0};
    BL_TRY(improvement->kind->step(improvement, &ring->critic, round, step));
    BL_TRY(postpone(postponed, bl_aggregator_step(policy, &of_step, rate, ring->buffer.slots)));
    report->policy_loss += of_step.figures[0] / steps;
    report->norm += of_step.norm / steps;
    report->clip_rate += (bl_clip_scale(of_step.norm, policy->clip) < 1) / (double)steps;
  }
  return improvement->kind->end(improvement, &report->policy);
}

/* All trajectories of the round, and the judge's learning from them. */
static bl_status collect(bl_round_report *report, bl_status *collected, bl_status *postponed, bl_ring *ring, int64_t round,
                         const double *rates) {
  const bl_policy_method *method = ring->links.plan->method;
  BL_TRY(bl_critic_begin(&ring->critic));
  BL_TRY(bl_generator_begin(&ring->generator));
  for (int epoch = 0; epoch < method->critic_epochs; epoch++)
    for (int batch = 0; batch < method->n_critic; batch++) {
      if (epoch == 0)
        BL_TRY(postpone(collected, bl_generator_collect(&ring->generator, round, batch)));
      BL_TRY(postpone(postponed, bl_critic_collect(&ring->critic, report->judge, round, epoch, batch, rates)));
    }
  return postpone(postponed, bl_critic_monitor(&ring->critic, report->monitor));
}

bl_status bl_round_run(bl_round_report *report, bl_ring *ring, int64_t round, const double *rates) {
  const bl_world *world = ring->links.world;
  bl_status postponed = BL_OK, collected = BL_OK;
  *report = (bl_round_report){.norm = 0};
  BL_TRY(collect(report, &collected, &postponed, ring, round, rates));
  if (round >= ring->links.plan->method->warm_up)
    BL_TRY(improve(report, &postponed, ring, round, rates[0]));
  BL_TRY(bl_channel_finish(ring->links.trajectories));
  BL_TRY(bl_channel_finish(ring->links.advantages));
  BL_TRY(share(report, world));
  /* A sample first: it is the cause of what the critics then found. */
  BL_TRY(bl_agree(collected, world->comm));
  return bl_agree(postponed, world->comm);
}
