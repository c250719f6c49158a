/* The critic as a judge: its slope against difference quotients of its cost. */
#include "base/memory.h"
#include "base/random.h"
#include "learner/policy_learner.h"
#include "support/cmocka.h"

#include <math.h>

enum { BATCH = 4, SIZE = 2, STEPS = 3 };

static const bl_judge_network networks[] = {
    {.part = "critic",
     .shape = {.kind = BL_NETWORK_CRITIC, .channels = SIZE, .height = 1, .width = 1, .width_count = 2, .widths = {16, 16}}},
    {.part = "value",
     .shape = {.kind = BL_NETWORK_VALUE,
               .channels = SIZE,
               .height = 1,
               .width = 1,
               .width_count = 2,
               .widths = {16, 16},
               .steps = STEPS}},
};

static bl_policy_method method_of(const bl_policy_learner *learner) {
  return (bl_policy_method){.learner = learner,
                            .micro_batch = BATCH,
                            .size = SIZE,
                            .steps = STEPS,
                            .n_critic = 1,
                            .n_generator = 1,
                            .critic_epochs = 1,
                            .last_step = STEPS,
                            .advantage = {.baseline = BL_BASELINE_VALUE, .trace = 1}};
}

/* A judge with drawn parameters, ready to judge. \param [out] values  the caller's. */
static bl_judge *judge_of(float *values[2], const bl_policy_method *method, int count) {
  bl_judge *judge = NULL;
  assert_int_equal(bl_judge_critic.create(&judge, &(bl_judge_plan){method, networks, count, NULL}), BL_OK);
  for (int i = 0; i < 2; i++) {
    bl_graph *graph = NULL;
    assert_int_equal(bl_network_create(&graph, &networks[i].shape, 1, BL_GRAPH_INFERENCE, false), BL_OK);
    const bl_parameter_table *table = bl_graph_parameters(graph);
    assert_int_equal(bl_allocate(&values[i], table->count, sizeof *values[i]), BL_OK);
    bl_parameter_initialise(values[i], table, 5 + (uint64_t)i);
    bl_graph_destroy(&graph);
  }
  assert_int_equal(bl_judge_critic.settle(judge, (const float *const *)values), BL_OK);
  return judge;
}

static void destroy(bl_judge *judge, float *values[2]) {
  bl_judge_critic.destroy(&judge);
  bl_free(&values[0]);
  bl_free(&values[1]);
}

static double mean_cost(bl_judge *judge, const float *x) {
  float cost[BATCH];
  double sum = 0;
  assert_int_equal(bl_judge_critic.cost(judge, cost, x, NULL), BL_OK);
  for (int b = 0; b < BATCH; b++)
    sum += cost[b];
  return sum / BATCH;
}

static void slope_is_the_gradient_of_the_mean_cost(void **state) {
  const bl_policy_method chains = method_of(&bl_policy_learner_backprop_chain);
  const bl_policy_method transitions = method_of(&bl_policy_learner_sft_pg);
  float x[BATCH * SIZE], slope[BATCH * SIZE], *values[2], *same[2];
  double mean;
  (void)state;
  bl_judge *sloping = judge_of(values, &chains, 1), *costing = judge_of(same, &transitions, 2);
  bl_random_normal(x, BATCH * SIZE, (bl_draw){.seed = 6, .purpose = BL_PURPOSE_TEST});
  assert_int_equal(bl_judge_critic.slope(sloping, slope, &mean, x, NULL), BL_OK);
  assert_near(mean, mean_cost(costing, x), 1e-6);
  for (int i = 0; i < BATCH * SIZE; i++) {
    const float held = x[i], change = 1e-3F;
    x[i] = held + change;
    const double above = mean_cost(costing, x);
    x[i] = held - change;
    const double below = mean_cost(costing, x);
    x[i] = held;
    assert_near(slope[i], (above - below) / (2 * (double)change), 2e-3 * (1 + fabs((double)slope[i])));
  }
  destroy(sloping, values);
  destroy(costing, same);
}

static void its_lists_are_as_long_as_it_says(void **state) {
  bl_record_column columns[BL_JUDGE_MONITORS];
  char texts[BL_JUDGE_MONITORS][2][160];
  const bl_policy_method method = method_of(&bl_policy_learner_sft_pg);
  (void)state;
  assert_in_range(bl_judge_critic.column_count, 1, BL_JUDGE_FIGURES);
  assert_int_equal(bl_judge_critic.monitor_columns(columns, texts, &(bl_judge_plan){&method, networks, 2, NULL}), 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(slope_is_the_gradient_of_the_mean_cost),
                                     cmocka_unit_test(its_lists_are_as_long_as_it_says)};
  return cmocka_run_group_tests(tests, NULL, NULL) + (bl_memory_balance() != 0);
}
