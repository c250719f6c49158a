/* Rounds of SFT-PG on a small point set, over every split that fits the ranks, against one rank alone: equal bits. */
#include "roles/round.h"

#include "base/memory.h"
#include "base/random.h"
#include "network/network.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

enum { MICRO_BATCH = 8, SLOTS = 6, STEPS = 4, ROUNDS = 2, POINTS = 200 };

/* Everything that a run produces. */
typedef struct outcome {
  bool apart; /* how it is to be made: every graph with memory of its own */
  size_t count[3];
  float *values[3], *first[3], *second[3]; /* of θ, f, V */
  bl_round_report report;
} outcome;

static const bl_network_shape policy_shape = {
    .kind = BL_NETWORK_MLP, .channels = 2, .height = 1, .width = 1, .width_count = 2, .widths = {32, 32}, .steps = STEPS};
static const bl_judge_network judge_networks[] = {
    {.part = "critic",
     .title = "critic",
     .figures = 3,
     .shape = {.kind = BL_NETWORK_CRITIC, .channels = 2, .height = 1, .width = 1, .width_count = 2, .widths = {32, 32}}},
    {.part = "value",
     .title = "value network",
     .figures = 1,
     .shape = {.kind = BL_NETWORK_VALUE,
               .channels = 2,
               .height = 1,
               .width = 1,
               .width_count = 2,
               .widths = {32, 32},
               .steps = STEPS}},
};

enum { IPM, VALUE_LOSS, PENALTY, NORM }; /* columns of the critic as a judge */

static const bl_optimiser_settings adam = {.kind = BL_OPTIMISER_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};

static bl_policy_method method_number(int which) {
  bl_policy_method method = {.learner = &bl_policy_learner_sft_pg,
                             .has_value = true,
                             .micro_batch = MICRO_BATCH,
                             .size = 2,
                             .steps = STEPS,
                             .n_critic = 3,
                             .n_generator = 4,
                             .critic_epochs = 1,
                             .mean = false,
                             .advantage = {.baseline = BL_BASELINE_VALUE, .trace = 1},
                             .last_step = STEPS,
                             .regulariser = BL_REGULARISER_BASELINE,
                             .weight = 1,
                             .seed = 17};
  if (which == 1) { /* everything else */
    method.regulariser = BL_REGULARISER_PENALTY;
    method.advantage.trace = 0.8;
    method.last_step = STEPS - 1;
    method.critic_epochs = 2;
    method.warm_up = 1;
    method.monitor_judge = true;
    method.monitor_policy = true;
  }
  if (which == 2) { /* what the critics work out together */
    method.advantage = (bl_advantage){.baseline = BL_BASELINE_PREDICTION, .trace = 1, .balanced = true};
    method.critic_epochs = 2;
  }
  return method;
}

/* Growth of the state in each step: one that learns, and one with which few of the samples, of some ranks only, overflow.
 */
static const double growth = 1.05, explosion = 3.2e9;

static void make_chain(bl_chain *chain, double factor) {
  assert_int_equal(bl_chain_create(chain, STEPS), BL_OK);
  for (int i = 0; i < STEPS; i++) {
    chain->time[i] = (float)(STEPS - 1 - i);
    chain->process[i] = bl_process_of((i + 1) / (STEPS + 1.0));
    chain->state[i] = factor;
    chain->output[i] = -0.3;
    chain->sigma[i] = 0.2;
  }
}

static void make_points(bl_dataset *dataset) {
  *dataset = (bl_dataset){.count = POINTS, .channels = 2, .height = 1, .width = 1};
  assert_int_equal(bl_allocate(&dataset->points, 2 * POINTS, sizeof(float)), BL_OK);
  bl_random_normal(dataset->points, 2 * POINTS, (bl_draw){.seed = 2, .purpose = BL_PURPOSE_TEST});
}

static void initialise(bl_aggregator *aggregator, uint64_t seed) {
  float *values = NULL;
  assert_int_equal(bl_allocate(&values, aggregator->table->count, sizeof *values), BL_OK);
  bl_parameter_initialise(values, aggregator->table, seed);
  bl_aggregator_set(aggregator, values);
  bl_free(&values);
}

/* The costs that this rank's critic found are f of the samples. */
static void check_costs(const bl_critic *critic, const bl_world *world) {
  bl_graph *graph = NULL;
  if (world->critics.rank < 0)
    return;
  assert_int_equal(bl_network_create(&graph, &judge_networks[0].shape, MICRO_BATCH, BL_GRAPH_INFERENCE, false), BL_OK);
  assert_int_equal(bl_graph_load(graph, critic->links->aggregators[1].values), BL_OK);
  for (int m = world->critics.rank; m < SLOTS; m += world->critics.size)
    for (int batch = 0; batch < critic->links->plan->method->n_critic; batch++) {
      const float *samples = bl_buffer_at(critic->links->buffer, batch, m) + STEPS * MICRO_BATCH * 2;
      float expected[MICRO_BATCH];
      assert_int_equal(bl_graph_forward(graph, expected, &(bl_graph_inputs){.x = samples}), BL_OK);
      const int place = (m * critic->links->plan->method->n_critic + batch) * MICRO_BATCH;
      assert_memory_equal(critic->costs + place, expected, sizeof expected);
    }
  bl_graph_destroy(&graph);
}

/* Run ROUNDS rounds over the ranks of `world`, or up to the one that fails. Graphs share memory, which critics give back
 * between rounds, unless result->apart. */
static bl_status run_chain(outcome *result, const bl_policy_method *method, const bl_world *world, double factor) {
  bl_status status = BL_OK;
  bl_pool *pool = NULL;
  assert_int_equal(bl_pool_create(&pool), BL_OK);
  const bl_compute shared = {.pool = pool};
  const bl_computation computation = {.rollout = shared, .learn = shared, .judge = shared};
  const bl_computation *how = result->apart ? NULL : &computation;
  bl_dataset dataset;
  bl_batches batches;
  bl_chain chain;
  bl_ring ring;
  bl_graph *graphs[3] = {NULL, NULL, NULL};
  make_points(&dataset);
  make_chain(&chain, factor);
  assert_int_equal(bl_batches_create(&batches, &dataset, SLOTS * MICRO_BATCH, 3, false), BL_OK);
  bl_ring_plan plan = {.network_count = 3,
                       .judge_networks = judge_networks,
                       .computation = how,
                       .method = method,
                       .chain = &chain,
                       .data = &batches,
                       .slots = SLOTS};
  for (int i = 0; i < 3; i++) {
    const bl_network_shape *shape = i == 0 ? &policy_shape : &judge_networks[i - 1].shape;
    assert_int_equal(bl_network_create(&graphs[i], shape, 1, BL_GRAPH_INFERENCE, false), BL_OK);
    plan.networks[i] = (bl_ring_network){
        .title = "test", .shape = shape, .table = bl_graph_parameters(graphs[i]), .optimiser = adam, .clip = 0.5};
  }
  assert_int_equal(bl_ring_create(&ring, world, &plan), BL_OK);
  for (int i = 0; i < 3; i++)
    initialise(&ring.aggregators[i], (uint64_t)i + 1);
  ring.critic.releases = how != NULL;
  for (int round = 0; round < ROUNDS && status == BL_OK; round++)
    status = bl_round_run(&result->report, &ring, round, (double[]){1e-3, 1e-3, 1e-3});
  for (int i = 0; i < 3 && status == BL_OK; i++) {
    const bl_aggregator *aggregator = &ring.aggregators[i];
    result->count[i] = aggregator->table->count;
    assert_int_equal(bl_allocate(&result->values[i], result->count[i], sizeof(float)), BL_OK);
    assert_int_equal(bl_allocate(&result->first[i], result->count[i], sizeof(float)), BL_OK);
    assert_int_equal(bl_allocate(&result->second[i], result->count[i], sizeof(float)), BL_OK);
    int64_t steps;
    float *arrays[BL_AGGREGATOR_ARRAYS] = {result->values[i], NULL, result->first[i], result->second[i]};
    for (bl_aggregator_array which = 0; which < BL_AGGREGATOR_ARRAYS; which++)
      if (arrays[which])
        assert_int_equal(bl_aggregator_gather(arrays[which], aggregator, which, true, world), BL_OK);
    assert_int_equal(bl_aggregator_steps(&steps, aggregator, world), BL_OK);
    assert_int_equal(steps, i == 0 ? (ROUNDS - method->warm_up) * method->n_generator
                                   : ROUNDS * method->n_critic * method->critic_epochs);
  }
  if (status == BL_OK)
    check_costs(&ring.critic, world);
  bl_ring_destroy(&ring);
  for (int i = 0; i < 3; i++)
    bl_graph_destroy(&graphs[i]);
  bl_chain_destroy(&chain);
  bl_batches_destroy(&batches);
  bl_dataset_destroy(&dataset);
  bl_pool_destroy(&pool);
  return status;
}

static void run(outcome *result, const bl_policy_method *method, const bl_world *world) {
  assert_int_equal(run_chain(result, method, world, growth), BL_OK);
}

static void free_outcome(outcome *result) {
  for (int i = 0; i < 3; i++) {
    bl_free(&result->values[i]);
    bl_free(&result->first[i]);
    bl_free(&result->second[i]);
  }
}

static void assert_same(const outcome *a, const outcome *b) {
  for (int i = 0; i < 3; i++) {
    assert_memory_equal(a->values[i], b->values[i], a->count[i] * sizeof(float));
    assert_memory_equal(a->first[i], b->first[i], a->count[i] * sizeof(float));
    assert_memory_equal(a->second[i], b->second[i], a->count[i] * sizeof(float));
  }
  assert_memory_equal(&a->report, &b->report, sizeof a->report);
}

static void every_split_gives_the_same_bits(void **state) {
  static const char *const splits[] = {"all",   "1:1:1", "2:1:1", "1:2:1", "1:1:2", "2:2:1", "2:2:2", "3:1:1",
                                       "1:3:1", "2:1:2", "3:3:1", "1:2:3", "4:4:1", "2:3:4", "4:1:1"};
  int size, tried = 0;
  (void)state;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  for (int which = 0; which < 3; which++) {
    const bl_policy_method method = method_number(which);
    outcome alone = {.apart = true};
    bl_world world;
    assert_int_equal(bl_world_create(&world, MPI_COMM_SELF, (bl_split){1, 1, 1}), BL_OK);
    run(&alone, &method, &world);
    bl_world_destroy(&world);
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
      outcome shared = {.count = {0}};
      bl_split split;
      if (bl_split_parse(&split, splits[i], size) != BL_OK) {
        bl_status_clear();
        continue;
      }
      assert_int_equal(bl_world_create(&world, MPI_COMM_WORLD, split), BL_OK);
      run(&shared, &method, &world);
      assert_same(&alone, &shared);
      free_outcome(&shared);
      bl_world_destroy(&world);
      tried++;
    }
    free_outcome(&alone);
  }
  assert_true(tried >= 2);
}

/* A sample that overflows on one generator stops the round on all ranks, with that sample's number. */
static void a_sample_that_is_not_finite_stops_all_ranks(void **state) {
  static const char *const splits[] = {"all", "1:1:1", "2:1:1", "1:2:1", "2:2:1", "3:1:1", "1:1:2"};
  int size, tried = 0;
  (void)state;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  for (int which = 0; which < 3; which++) {
    const bl_policy_method method = method_number(which);
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
      outcome result = {.count = {0}};
      bl_split split;
      bl_world world;
      if (bl_split_parse(&split, splits[i], size) != BL_OK) {
        bl_status_clear();
        continue;
      }
      assert_int_equal(bl_world_create(&world, MPI_COMM_WORLD, split), BL_OK);
      assert_int_equal(run_chain(&result, &method, &world, explosion), BL_ERROR_NUMERIC);
      assert_non_null(strstr(bl_status_message(), "sample "));
      assert_non_null(strstr(bl_status_message(), "is not finite"));
      bl_status_clear();
      bl_world_destroy(&world);
      tried++;
    }
  }
  assert_true(tried >= 2);
}

/* What is only recorded changes no bits, and tells what the round did. */
static void monitors_watch_without_a_touch(void **state) {
  bl_policy_method method = method_number(0);
  outcome without = {.count = {0}}, with = {.count = {0}};
  bl_world world;
  (void)state;
  assert_int_equal(bl_world_create(&world, MPI_COMM_SELF, (bl_split){1, 1, 1}), BL_OK);
  run(&without, &method, &world);
  method.monitor_judge = method.monitor_policy = true;
  run(&with, &method, &world);
  const bl_policy_report *policy = &with.report.policy;
  assert_true(policy->divergence > 0 && policy->divergence < policy->divergence_most && policy->change > 0);
  assert_true(policy->surrogate_after < policy->surrogate_before && policy->ratio_after < policy->ratio_before);
  for (int i = 0; i < STEPS; i++)
    assert_true(policy->divergences[i] > 0 && policy->divergences[i] <= policy->divergence_most);
  const double *monitor = with.report.monitor; /* singular values of three layers, then their product */
  assert_near(monitor[3], monitor[0] * monitor[1] * monitor[2], 1e-12 * monitor[3]);
  assert_true(monitor[3] > 0 && without.report.monitor[3] == 0);
  with.report.policy = without.report.policy;
  memcpy(with.report.monitor, without.report.monitor, sizeof with.report.monitor);
  assert_same(&without, &with);
  free_outcome(&without);
  free_outcome(&with);
  bl_world_destroy(&world);
}

static void a_round_moves_all_three_networks(void **state) {
  const bl_policy_method method = method_number(0);
  outcome result = {.count = {0}};
  bl_world world;
  (void)state;
  assert_int_equal(bl_world_create(&world, MPI_COMM_SELF, (bl_split){1, 1, 1}), BL_OK);
  run(&result, &method, &world);
  for (int i = 0; i < 3; i++) {
    size_t moved = 0;
    for (size_t j = 0; j < result.count[i]; j++)
      moved += result.second[i][j] > 0;
    assert_true(moved > result.count[i] / 2);
  }
  /* One policy step of four is the least share of clipped ones; 0.5 is the limit. */
  assert_near(result.report.clip_rate * 4, round(result.report.clip_rate * 4), 0);
  assert_true(result.report.clip_rate > 0 ? result.report.norm > 0.5 / 4 : result.report.norm <= 0.5);
  assert_true(result.report.norm > 0 && result.report.judge[NORM] > 0 && result.report.judge[VALUE_LOSS] > 0);
  free_outcome(&result);
  bl_world_destroy(&world);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_round_moves_all_three_networks), cmocka_unit_test(monitors_watch_without_a_touch),
      cmocka_unit_test(every_split_gives_the_same_bits), cmocka_unit_test(a_sample_that_is_not_finite_stops_all_ranks)};
  MPI_Init(&argc, &argv);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  failed += bl_memory_balance() != 0;
  MPI_Finalize();
  return failed;
}
