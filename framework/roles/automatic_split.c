#include "roles/automatic_split.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "roles/round.h"

#include <math.h>
#include <stdio.h>

/* ---- Measuring --------------------------------------------------------------------------------------------------------
 */

enum { MEASURED_ROUNDS = 3, TIMINGS = 6 };

/* After so many seconds the rounds measured so far must do. */
static const double patience = 5;

/* The time per micro-batch of everything since `before`, where that is less than what was found so far. */
static void keep_least(double *least, const bl_timing *now, const bl_timing *before) {
  const double seconds =
      (now->seconds - before->seconds) / (double)(now->calls > before->calls ? now->calls - before->calls : 1);
  *least = *least > 0 ? fmin(*least, seconds) : seconds;
}

/* The timings that costs are taken from. */
static void take(bl_timing taken[TIMINGS], const bl_ring *ring) {
  bl_timing judge = {0};
  for (int i = 1; i < BL_NETWORKS; i++) {
    judge.seconds += ring->aggregators[i].stepping.seconds;
    judge.calls = ring->aggregators[1].stepping.calls;
  }
  const bl_timing all[TIMINGS] = {ring->generator.rolling_out,   ring->critic.learning,        judge, ring->critic.judging,
                                  ring->improvement->timings[0], ring->aggregators[0].stepping};
  for (int i = 0; i < TIMINGS; i++)
    taken[i] = all[i];
}

static bl_status run_rounds(bl_split_costs *costs, bl_ring *ring) {
  const double start = bl_clock_seconds();
  double least[TIMINGS] = {0};
  for (int round = 0; round <= MEASURED_ROUNDS && (round < 2 || bl_clock_seconds() - start < patience); round++) {
    bl_timing before[TIMINGS], after[TIMINGS];
    bl_round_report report;
    take(before, ring);
    BL_TRY(bl_round_run(&report, ring, 0, (double[BL_NETWORKS]){0}));
    take(after, ring);
    for (int i = 0; i < TIMINGS && round > 0; i++) /* the first one makes room, fills caches and so on */
      keep_least(&least[i], &after[i], &before[i]);
  }
  *costs = (bl_split_costs){.rollout = least[0],
                            .critic = least[1],
                            .critic_step = least[2],
                            .judge = least[3],
                            .policy = least[4],
                            .policy_step = least[5]};
  return BL_OK;
}

static bl_status measure_alone(bl_split_costs *costs, const bl_ring_plan *plan) {
  bl_policy_method method = *plan->method;
  bl_ring_plan small = *plan;
  bl_world world;
  bl_ring ring = {0};
  method.n_critic = method.n_generator = method.critic_epochs = 1;
  method.warm_up = 0;
  small.method = &method;
  small.slots = 1;
  BL_TRY(bl_world_create(&world, MPI_COMM_SELF, (bl_split){1, 1, 1}));
  bl_status status = bl_ring_create(&ring, &world, &small);
  if (status == BL_OK)
    status = ring.improvement->kind->set_reference(ring.improvement, ring.aggregators[0].values);
  if (status == BL_OK)
    status = run_rounds(costs, &ring);
  costs->judge *= plan->method->n_critic;
  bl_ring_destroy(&ring);
  bl_world_destroy(&world);
  return status;
}

bl_status bl_split_measure(bl_split_costs *costs, const bl_ring_plan *plan, MPI_Comm comm) {
  int rank;
  *costs = (bl_split_costs){0};
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_AGREE(rank == 0 ? measure_alone(costs, plan) : BL_OK, comm);
  return BL_MPI_SYNCHRONISED(MPI_Bcast(costs, sizeof *costs / sizeof(double), MPI_DOUBLE, 0, comm), comm);
}

/* ---- Predicting -------------------------------------------------------------------------------------------------------
 */

/* A simulated round. */
typedef struct simulation {
  bl_split split;
  int ranks;
  double *now;   /* (ranks) until when each rank has worked */
  double *ready; /* (slots) when what the other role waits for is there */
} simulation;

static int generator_of(const simulation *s, int slot) {
  return slot % s->split.generators % s->ranks;
}

static int critic_of(const simulation *s, int slot) {
  return (s->split.generators + slot % s->split.critics) % s->ranks;
}

static bool is_among(const simulation *s, int rank, int first, int size) {
  return (rank - first % s->ranks + s->ranks) % s->ranks < size;
}

static double later(double a, double b) {
  return a > b ? a : b;
}

/* The members of one or two groups of ranks wait for each other, then work for so long. */
static void meet(simulation *s, const int first[2], const int size[2], double seconds) {
  double last = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int rank = 0; rank < s->ranks; rank++) {
      if (!is_among(s, rank, first[0], size[0]) && !is_among(s, rank, first[1], size[1]))
        continue;
      if (pass == 0)
        last = later(last, s->now[rank]);
      else
        s->now[rank] = last + seconds;
    }
}

static void simulate_collect(simulation *s, const bl_split_costs *costs, const bl_split_counts *counts) {
  const bl_split split = s->split;
  for (int epoch = 0; epoch < counts->critic_epochs; epoch++)
    for (int batch = 0; batch < counts->n_critic; batch++) {
      for (int m = 0; epoch == 0 && m < counts->slots; m++)
        s->ready[m] = s->now[generator_of(s, m)] += costs->rollout;
      for (int m = 0; m < counts->slots; m++) {
        double *critic = &s->now[critic_of(s, m)];
        *critic = (epoch == 0 ? later(*critic, s->ready[m]) : *critic) + costs->critic;
      }
      meet(s, (int[]){split.generators, split.generators}, (int[]){split.critics, split.critics},
           costs->critic_step / split.critics);
    }
}

static void simulate_improve(simulation *s, const bl_split_costs *costs, const bl_split_counts *counts) {
  const bl_split split = s->split;
  for (int m = 0; m < counts->slots; m++)
    s->now[critic_of(s, m)] += costs->judge;
  for (int m = 0; m < counts->slots; m++) /* a critic sends when it has judged all */
    s->ready[m] = s->now[critic_of(s, m)];
  for (int step = 0; step < counts->n_generator; step++) {
    for (int m = 0; m < counts->slots; m++) {
      double *generator = &s->now[generator_of(s, m)];
      *generator = (step == 0 ? later(*generator, s->ready[m]) : *generator) + costs->policy;
    }
    meet(s, (int[]){0, split.generators + split.critics}, (int[]){split.generators, split.aggregators},
         costs->policy_step / split.aggregators);
  }
}

bl_status bl_split_predict(double *seconds, bl_split split, int ranks, const bl_split_costs *costs,
                           const bl_split_counts *counts) {
  simulation s = {.split = split, .ranks = ranks};
  bl_status status = bl_allocate(&s.now, (size_t)ranks, sizeof *s.now);
  if (status == BL_OK)
    status = bl_allocate(&s.ready, (size_t)counts->slots, sizeof *s.ready);
  if (status == BL_OK) {
    simulate_collect(&s, costs, counts);
    simulate_improve(&s, costs, counts);
    *seconds = 0;
    for (int rank = 0; rank < ranks; rank++)
      *seconds = later(*seconds, s.now[rank]);
  }
  bl_free(&s.now);
  bl_free(&s.ready);
  return status;
}

/* ---- Choosing ---------------------------------------------------------------------------------------------------------
 */

/* Up to so many ranks, all splits are tried; above, those in which no rank is generator and critic at once. */
enum { RANKS_FOR_ALL = 12 };

/* A split has to be faster than all roles on every rank by more than this share: messages are not in the prediction. */
static const double margin = 0.03;

/* Put a split where it belongs. */
static bl_status consider(bl_split_candidate best[BL_SPLIT_CANDIDATES], int *count, bl_split split, int ranks,
                          const bl_split_costs *costs, const bl_split_counts *counts) {
  bl_split_candidate candidate = {.split = split};
  BL_TRY(bl_split_predict(&candidate.seconds, split, ranks, costs, counts));
  int place = *count;
  while (place > 0 && candidate.seconds < best[place - 1].seconds * (1 - 1e-9))
    place--;
  if (place == BL_SPLIT_CANDIDATES)
    return BL_OK;
  *count = *count < BL_SPLIT_CANDIDATES ? *count + 1 : *count;
  for (int i = *count - 1; i > place; i--)
    best[i] = best[i - 1];
  best[place] = candidate;
  return BL_OK;
}

static bool gives_all_to_all(bl_split split, int ranks) {
  return split.generators == ranks && split.critics == ranks && split.aggregators == ranks;
}

bl_status bl_split_choose(bl_split_candidate best[BL_SPLIT_CANDIDATES], int *count, int ranks, const bl_split_costs *costs,
                          const bl_split_counts *counts) {
  *count = 0;
  BL_TRY(consider(best, count, (bl_split){ranks, ranks, ranks}, ranks, costs, counts));
  const double together = best[0].seconds;
  for (int g = 1; g <= ranks; g++)
    for (int c = 1; c <= (ranks <= RANKS_FOR_ALL ? ranks : ranks - g); c++) {
      const int free = ranks - g - c; /* ranks without a role so far */
      for (int a = free > 1 ? free : 1; a <= ranks; a = a == ranks ? ranks + 1 : ranks <= RANKS_FOR_ALL ? a + 1 : ranks)
        if ((ranks <= RANKS_FOR_ALL || free <= 4) && !gives_all_to_all((bl_split){g, c, a}, ranks))
          BL_TRY(consider(best, count, (bl_split){g, c, a}, ranks, costs, counts));
    }
  if (best[0].seconds >= together * (1 - margin) && !gives_all_to_all(best[0].split, ranks)) {
    int place = 1;
    while (place < *count - 1 && !gives_all_to_all(best[place].split, ranks))
      place++;
    for (; place > 0; place--)
      best[place] = best[place - 1];
    best[0] = (bl_split_candidate){{ranks, ranks, ranks}, together};
  }
  return BL_OK;
}

void bl_split_explain(const bl_split_candidate *best, int count, int ranks, const bl_split_costs *costs) {
  bl_log(
      "roles auto: measured on rank 0, in seconds for one micro-batch: roll out %.4g, critic gradients %.4g, advantages "
      "%.4g, policy gradient %.4g; for one step: critic %.4g, policy %.4g",
      costs->rollout, costs->critic, costs->judge, costs->policy, costs->critic_step, costs->policy_step);
  bl_log("  roles (generators:critics:aggregators)   predicted seconds a round");
  for (int i = 0; i < count; i++) {
    const bl_split split = best[i].split;
    char roles[48];
    snprintf(roles, sizeof roles, "%d:%d:%d%s", split.generators, split.critics, split.aggregators,
             gives_all_to_all(split, ranks) ? " (all)" : "");
    bl_log("  %-40s %.4g%s", roles, best[i].seconds, i == 0 ? "  <- taken" : "");
  }
}

bl_status bl_split_automatic(bl_split *split, const bl_ring_plan *plan, MPI_Comm comm) {
  const bl_policy_method *method = plan->method;
  const bl_split_counts counts = {plan->slots, method->n_critic, method->critic_epochs, method->n_generator};
  bl_split_candidate best[BL_SPLIT_CANDIDATES];
  bl_split_costs costs;
  int ranks, count;
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &ranks)));
  *split = (bl_split){ranks, ranks, ranks};
  if (ranks == 1 || method->learner->experience == BL_EXPERIENCE_CHAINS) /* then no image has to move */
    return BL_OK;
  BL_TRY(bl_split_measure(&costs, plan, comm));
  BL_AGREE(bl_split_choose(best, &count, ranks, &costs, &counts), comm);
  bl_split_explain(best, count, ranks, &costs);
  *split = best[0].split;
  return BL_OK;
}
