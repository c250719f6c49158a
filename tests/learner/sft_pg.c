#include "learner/policy_learner.h"

#include "base/memory.h"
#include "base/random.h"
#include "network/network.h"
#include "support/cmocka.h"
#include "support/whole_gradient.h"

#include <math.h>
#include <string.h>

enum { BATCH = 4, SIZE = 2, STEPS = 3, WORK = 4096 };

static const bl_network_shape policy_shape = {.kind = BL_NETWORK_MLP,
                                              .channels = SIZE,
                                              .height = 1,
                                              .width = 1,
                                              .width_count = 2,
                                              .widths = {16, 16},
                                              .steps = STEPS};

static bl_policy_method method_with(bl_regulariser regulariser) {
  return (bl_policy_method){.micro_batch = BATCH,
                            .size = SIZE,
                            .steps = STEPS,
                            .n_critic = 2,
                            .n_generator = 3,
                            .critic_epochs = 1,
                            .advantage = {.baseline = BL_BASELINE_VALUE, .trace = 1},
                            .last_step = STEPS,
                            .regulariser = regulariser,
                            .weight = 0.7,
                            .seed = 11};
}

static void fill(float *values, size_t count, uint32_t stream) {
  bl_random_normal(values, count, (bl_draw){.seed = 3, .purpose = BL_PURPOSE_TEST, .sample = stream});
}

/* A network with drawn weights; the weights are the caller's. */
static bl_graph *network(float **values, const bl_network_shape *shape, int batch, uint64_t seed) {
  bl_graph *graph = NULL;
  assert_int_equal(bl_network_create(&graph, shape, batch, BL_GRAPH_TRAINING, false), BL_OK);
  const bl_parameter_table *table = bl_graph_parameters(graph);
  assert_int_equal(bl_allocate(values, table->count, sizeof **values), BL_OK);
  bl_parameter_initialise(*values, table, seed);
  assert_int_equal(bl_graph_load(graph, *values), BL_OK);
  return graph;
}

static void policy_gradient_is_that_of_its_loss(void **state) {
  bl_policy_method method = method_with(BL_REGULARISER_BASELINE);
  float *theta = NULL, *gradient = NULL, from[BATCH * SIZE], to[BATCH * SIZE], work[WORK];
  const int step[BATCH] = {0, 2, 1, 2};
  const double advantage[BATCH] = {0.5, -1, 2, 0.25};
  const bl_transition_batch batch = {.state = from, .next = to, .step = step, .advantage = advantage};
  bl_chain chain;
  (void)state;
  assert_int_equal(bl_chain_create(&chain, STEPS), BL_OK);
  for (int i = 0; i < STEPS; i++) {
    chain.time[i] = (float)(STEPS - 1 - i);
    chain.state[i] = 1.1;
    chain.output[i] = -0.4;
    chain.sigma[i] = 0.3 + 0.1 * i;
  }
  bl_graph *policy = network(&theta, &policy_shape, BATCH, 7);
  const size_t count = bl_graph_parameters(policy)->count;
  assert_int_equal(bl_allocate(&gradient, count, sizeof *gradient), BL_OK);
  const bl_gradient_sink sink = whole_gradient(gradient);
  fill(from, BATCH * SIZE, 3);
  fill(to, BATCH * SIZE, 4);
  for (int mean = 0; mean < 2; mean++) {
    double loss, above, below;
    method.mean = mean == 1;
    memset(gradient, 0, count * sizeof *gradient);
    assert_int_equal(bl_graph_load(policy, theta), BL_OK);
    assert_int_equal(bl_policy_learner_sft_pg.gradient(&sink, &loss, &method, policy, &chain, &batch, work), BL_OK);
    for (size_t i = 0; i < count; i += 5) {
      const float held = theta[i], h = 1e-2f;
      theta[i] = held + h;
      assert_int_equal(bl_graph_load(policy, theta), BL_OK);
      assert_int_equal(bl_policy_learner_sft_pg.gradient(NULL, &above, &method, policy, &chain, &batch, work), BL_OK);
      theta[i] = held - h;
      assert_int_equal(bl_graph_load(policy, theta), BL_OK);
      assert_int_equal(bl_policy_learner_sft_pg.gradient(NULL, &below, &method, policy, &chain, &batch, work), BL_OK);
      theta[i] = held;
      assert_near(gradient[i], (above - below) / (2 * (double)h), 3e-3 * fabs((double)gradient[i]) + 2e-3);
    }
  }
  bl_free(&gradient);
  bl_free(&theta);
  bl_graph_destroy(&policy);
  bl_chain_destroy(&chain);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(policy_gradient_is_that_of_its_loss)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return failed + (bl_memory_balance() != 0);
}
