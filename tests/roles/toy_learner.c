/* A policy learner of its own in one file and one row: the score function with a fixed reward, points on an arm of the
 * swiss roll that their label names. It asks for old log-densities and for a frozen reference, and learns over 1 to 4
 * ranks, with the same bits. */
#include "base/memory.h"
#include "base/random.h"
#include "roles/automatic_split.h"
#include "roles/round.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

enum { MICRO_BATCH = 16, SLOTS = 6, STEPS = 4, ROUNDS = 24 };

static const bl_network_shape shape = {.kind = BL_NETWORK_MLP,
                                       .channels = 2,
                                       .height = 1,
                                       .width = 1,
                                       .width_count = 2,
                                       .widths = {32, 32},
                                       .steps = STEPS,
                                       .classes = 2,
                                       .condition = 1};

/* ---- The judge: points shall lie on their arm of a spiral
 * --------------------------------------------------------------------------
 */

static int no_networks(bl_judge_network *list, const bl_policy_method *method, const bl_options *options, int channels,
                       int height, int width) {
  (void)list, (void)method, (void)options, (void)channels, (void)height, (void)width;
  return 0;
}

static bl_status create_judge(bl_judge **judge, const bl_judge_plan *plan) {
  BL_TRY(bl_allocate(judge, 1, sizeof **judge));
  (*judge)->plan = *plan;
  return BL_OK;
}

static void destroy_judge(bl_judge **judge) {
  bl_free(judge);
}

/* Square of the distance to the turn of the spiral r = (angle / 2π + label) / 2 that the label names. */
static bl_status spiral_cost(bl_judge *judge, float *cost, const float *x, const float *condition) {
  for (size_t b = 0; b < judge->plan.method->micro_batch; b++) {
    const double r = hypot((double)x[2 * b], (double)x[2 * b + 1]), turn = atan2((double)x[2 * b + 1], (double)x[2 * b]);
    cost[b] = (float)pow(r - (turn / (2 * acos(-1.0)) + 0.5 + (double)condition[b]) / 2, 2);
  }
  return BL_OK;
}

static const bl_judge_kind spiral = {
    .name = "spiral", .networks = no_networks, .create = create_judge, .destroy = destroy_judge, .cost = spiral_cost};

/* ---- The learner ------------------------------------------------------------------------------------------------------
 */

static bl_status configure(bl_policy_method *method, const bl_options *options) {
  (void)method, (void)options;
  return BL_OK;
}

/* mean of A · p / p_old, and 1/100 of the squared distance from the reference's answers. */
static bl_status gradient(const bl_gradient_sink *sink, double *loss, const bl_policy_method *method, bl_graph *policy,
                          const bl_chain *chain, const bl_transition_batch *t, float *work) {
  const size_t batch = method->micro_batch, size = method->size, total = batch * size;
  float *epsilon = work, *d_epsilon = epsilon + total, time[MICRO_BATCH];
  double log_density[MICRO_BATCH], weight[MICRO_BATCH];
  for (size_t b = 0; b < batch; b++)
    time[b] = chain->time[t->step[b]];
  BL_TRY(bl_graph_forward(policy, epsilon, &(bl_graph_inputs){.x = t->state, .time = time, .condition = t->condition}));
  bl_chain_log_density(log_density, chain, t->step, t->state, epsilon, t->next, batch, size, false);
  *loss = 0;
  for (size_t b = 0; b < batch; b++) {
    weight[b] = t->advantage[b] * exp(log_density[b] - t->log_density[b]) / (double)batch;
    *loss += weight[b];
  }
  bl_chain_log_density_gradient(d_epsilon, chain, t->step, t->state, epsilon, t->next, weight, batch, size, false);
  for (size_t j = 0; j < total; j++) {
    const float far = epsilon[j] - t->reference[j];
    *loss += 0.01 * (double)far * far / (double)total;
    d_epsilon[j] += 0.02F * far / (float)total;
  }
  return sink ? bl_graph_backward_to(policy, sink, d_epsilon) : BL_OK;
}

static const bl_policy_learner toy = {.name = "toy",
                                      .judge = &spiral,
                                      .experience = BL_EXPERIENCE_TRANSITIONS,
                                      .needs_density = true,
                                      .needs_log_density = true,
                                      .needs_reference = true,
                                      .configure = configure,
                                      .gradient = gradient};

/* ---- Its rounds -------------------------------------------------------------------------------------------------------
 */

static const bl_policy_method method = {.learner = &toy,
                                        .micro_batch = MICRO_BATCH,
                                        .size = 2,
                                        .steps = STEPS,
                                        .n_critic = 2,
                                        .n_generator = 4,
                                        .critic_epochs = 1,
                                        .last_step = STEPS,
                                        .advantage = {.baseline = BL_BASELINE_PREDICTION, .trace = 1},
                                        .seed = 5};

static void make_chain(bl_chain *chain) {
  assert_int_equal(bl_chain_create(chain, STEPS), BL_OK);
  for (int i = 0; i < STEPS; i++) {
    const double here = (i + 0.2) / STEPS, next = i + 1 < STEPS ? (i + 1.2) / STEPS : 1;
    bl_chain_set_step(chain, i, STEPS - 1 - i, here, fmin(next, 1), next < 1 ? 0.5 * sqrt(1 - next) : 0.05);
  }
}

/* Mean cost of what was rolled out in the latest round, over all critics. */
static double mean_cost(const bl_ring *ring, const bl_world *world) {
  double sum = 0;
  for (int m = world->critics.rank; m >= 0 && m < SLOTS; m += world->critics.size)
    for (int n = 0; n < method.n_critic * MICRO_BATCH; n++)
      sum += ring->critic.costs[m * method.n_critic * MICRO_BATCH + n];
  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM, world->comm);
  return sum / (SLOTS * method.n_critic * MICRO_BATCH);
}

/* \param [out] values  of θ at the end; the caller's. \param [out] cost  in the first round and the last. */
static void run(float **values, size_t *count, double cost[2], const bl_world *world) {
  static const int classes = 2;
  const bl_condition labels = bl_condition_labels(&classes);
  bl_chain chain;
  bl_graph *table = NULL;
  bl_ring ring;
  float *start = NULL;
  bl_round_report report;
  make_chain(&chain);
  assert_int_equal(bl_network_create(&table, &shape, 1, BL_GRAPH_INFERENCE, false), BL_OK);
  const bl_ring_plan plan = {.networks = {{.part = "model",
                                           .title = "policy",
                                           .shape = &shape,
                                           .table = bl_graph_parameters(table),
                                           .optimiser = {BL_OPTIMISER_ADAM, 0.9, 0.999, 1e-8, 0, 0}}},
                             .network_count = 1,
                             .condition = &labels,
                             .method = &method,
                             .chain = &chain,
                             .slots = SLOTS};
  *count = plan.networks[0].table->count;
  bl_split_costs costs;
  assert_int_equal(bl_split_measure(&costs, &plan, world->comm), BL_OK);
  assert_true(costs.rollout > 0 && costs.policy > 0);
  assert_int_equal(bl_ring_create(&ring, world, &plan), BL_OK);
  assert_int_equal(bl_allocate(&start, *count, sizeof *start), BL_OK);
  assert_int_equal(bl_allocate(values, *count, sizeof **values), BL_OK);
  bl_parameter_initialise(start, plan.networks[0].table, 3);
  bl_aggregator_set(&ring.aggregators[0], start);
  assert_int_equal(ring.improvement->kind->set_reference(ring.improvement, start), BL_OK);
  for (int round = 0; round < ROUNDS; round++) {
    assert_int_equal(bl_round_run(&report, &ring, round, (double[BL_NETWORKS]){1e-2}), BL_OK);
    if (round == 0 || round == ROUNDS - 1)
      cost[round > 0] = mean_cost(&ring, world);
  }
  assert_int_equal(bl_aggregator_gather(*values, &ring.aggregators[0], BL_AGGREGATOR_VALUES, true, world), BL_OK);
  bl_free(&start);
  bl_ring_destroy(&ring);
  bl_graph_destroy(&table);
  bl_chain_destroy(&chain);
}

static void it_learns_with_the_same_bits(void **state) {
  static const char *const splits[] = {"all", "1:1:1", "2:1:1", "1:2:1", "2:2:1", "3:1:1", "1:2:3"};
  float *alone = NULL;
  double cost[2];
  size_t count;
  bl_world world;
  int size;
  (void)state;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  assert_int_equal(bl_world_create(&world, MPI_COMM_SELF, (bl_split){1, 1, 1}), BL_OK);
  run(&alone, &count, cost, &world);
  bl_world_destroy(&world);
  assert_true(cost[1] < 0.8 * cost[0]);
  for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
    float *shared = NULL;
    double same[2];
    bl_split split;
    if (bl_split_parse(&split, splits[i], size) != BL_OK) {
      bl_status_clear();
      continue;
    }
    assert_int_equal(bl_world_create(&world, MPI_COMM_WORLD, split), BL_OK);
    run(&shared, &count, same, &world);
    bl_world_destroy(&world);
    assert_memory_equal(shared, alone, count * sizeof *alone);
    bl_free(&shared);
  }
  bl_free(&alone);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(it_learns_with_the_same_bits)};
  MPI_Init(&argc, &argv);
  const int failed = cmocka_run_group_tests(tests, NULL, NULL) + (bl_memory_balance() != 0);
  MPI_Finalize();
  return failed;
}
