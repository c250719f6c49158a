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
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Bcast(&report->critic, sizeof report->critic / sizeof(double), MPI_DOUBLE,
                                       bl_group_world_rank(world, &world->critics, 0), world->comm),
                             world->comm));
  double policy[3] = {report->policy_loss, report->norm, report->clip_rate};
  BL_TRY(BL_MPI(MPI_Bcast(policy, 3, MPI_DOUBLE, bl_group_world_rank(world, &world->aggregators, 0), world->comm)));
  report->policy_loss = policy[0];
  report->norm = policy[1];
  report->clip_rate = policy[2];
  return BL_MPI(MPI_Bcast(&report->policy, sizeof report->policy / sizeof(double), MPI_DOUBLE,
                          bl_group_world_rank(world, &world->generators, 0), world->comm));
}

/* Judge the transitions and take the policy steps. */
static bl_status improve(bl_round_report *report, bl_status *postponed, bl_generator *generator, bl_critic *critic,
                         bl_aggregator *policy_aggregator, int64_t round, double rate) {
  const int steps = generator->method->n_generator;
  bl_backprop *backprop = generator->backprop;
  if (!backprop) {
    BL_TRY(bl_generator_draw(generator, round));
    BL_TRY(postpone(postponed, bl_critic_judge(critic, round)));
    bl_critic_release(critic); /* now the policy's gradients need most */
    BL_TRY(bl_policy_monitor_before(generator->monitor));
  }
  for (int step = 0; step < steps; step++) {
    bl_step_report of_step = {0};
    BL_TRY(backprop ? bl_backprop_improve(backprop, round, step) : bl_generator_improve(generator, step));
    BL_TRY(postpone(postponed, bl_aggregator_step(policy_aggregator, &of_step, rate, generator->buffer->slots)));
    report->policy_loss += of_step.figures[0] / steps;
    report->norm += of_step.norm / steps;
    report->clip_rate += (bl_clip_scale(of_step.norm, policy_aggregator->clip) < 1) / (double)steps;
  }
  return bl_policy_monitor_after(&report->policy, generator->monitor);
}

bl_status bl_round_run(bl_round_report *report, bl_generator *generator, bl_critic *critic,
                       bl_aggregator *policy_aggregator, int64_t round, bl_round_rates rates) {
  const bl_sft_pg *method = generator->method;
  const bl_world *world = generator->world;
  bl_status postponed = BL_OK, collected = BL_OK;
  *report = (bl_round_report){0};

  BL_TRY(bl_critic_begin(critic));
  BL_TRY(bl_generator_begin(generator));
  for (int epoch = 0; epoch < method->critic_epochs; epoch++)
    for (int batch = 0; batch < method->n_critic; batch++) {
      if (epoch == 0)
        BL_TRY(postpone(&collected, bl_generator_collect(generator, round, batch)));
      BL_TRY(
          postpone(&postponed, bl_critic_collect(critic, &report->critic, round, epoch, batch, rates.critic, rates.value)));
    }
  BL_TRY(postpone(&postponed, bl_critic_measure(critic, &report->critic)));
  if (round >= method->warm_up)
    BL_TRY(improve(report, &postponed, generator, critic, policy_aggregator, round, rates.policy));
  BL_TRY(bl_channel_finish(generator->trajectories));
  BL_TRY(bl_channel_finish(generator->advantages));
  BL_TRY(share(report, world));
  /* A sample first: it is the cause of what the critics then found. */
  BL_TRY(bl_agree(collected, world->comm));
  return bl_agree(postponed, world->comm);
}
