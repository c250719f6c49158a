#include "learner/sft_pg.h"

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
static const bl_network_shape critic_shape = {
    .kind = BL_NETWORK_CRITIC, .channels = SIZE, .height = 1, .width = 1, .width_count = 2, .widths = {16, 16}};
static const bl_network_shape value_shape = {.kind = BL_NETWORK_VALUE,
                                             .channels = SIZE,
                                             .height = 1,
                                             .width = 1,
                                             .width_count = 2,
                                             .widths = {16, 16},
                                             .steps = STEPS};

static bl_sft_pg method_with(bl_regulariser regulariser) {
  return (bl_sft_pg){.micro_batch = BATCH,
                     .size = SIZE,
                     .steps = STEPS,
                     .n_critic = 2,
                     .n_generator = 3,
                     .critic_epochs = 1,
                     .baseline = true,
                     .trace = 1,
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

/* Everything of a critic step. */
typedef struct critic_trial {
  bl_sft_pg method;
  bl_graph *critic, *value;
  float *f, *v;
  float *d_f, *d_v;
  float real[BATCH * SIZE], trajectory[(STEPS + 1) * BATCH * SIZE], work[WORK];
  bl_sft_pg_losses losses;
} critic_trial;

static void critic_trial_create(critic_trial *t, bl_regulariser regulariser) {
  t->method = method_with(regulariser);
  t->critic = network(&t->f, &critic_shape, 2 * BATCH, 23);
  t->value = network(&t->v, &value_shape, STEPS * BATCH, 22);
  assert_int_equal(bl_allocate(&t->d_f, bl_graph_parameters(t->critic)->count, sizeof *t->d_f), BL_OK);
  assert_int_equal(bl_allocate(&t->d_v, bl_graph_parameters(t->value)->count, sizeof *t->d_v), BL_OK);
  assert_true(bl_sft_pg_work(&t->method) <= WORK);
  fill(t->real, BATCH * SIZE, 1);
  fill(t->trajectory, (STEPS + 1) * BATCH * SIZE, 2);
}

static void critic_trial_destroy(critic_trial *t) {
  bl_graph_destroy(&t->critic);
  bl_graph_destroy(&t->value);
  bl_free(&t->f);
  bl_free(&t->v);
  bl_free(&t->d_f);
  bl_free(&t->d_v);
}

static void critic_trial_run(critic_trial *t) {
  assert_int_equal(bl_graph_load(t->critic, t->f), BL_OK);
  assert_int_equal(bl_graph_load(t->value, t->v), BL_OK);
  memset(t->d_f, 0, bl_graph_parameters(t->critic)->count * sizeof *t->d_f);
  memset(t->d_v, 0, bl_graph_parameters(t->value)->count * sizeof *t->d_v);
  const bl_gradient_sink of_f = whole_gradient(t->d_f), of_v = whole_gradient(t->d_v);
  assert_int_equal(bl_sft_pg_critic_gradient(&of_f, &of_v, &t->losses, &t->method, t->critic, t->value, t->real,
                                             t->trajectory, 5, 8, t->work),
                   BL_OK);
}

/* What the critic and the value network minimise together; λ Σ_t is STEPS times the mean over steps. */
static double joint_loss(critic_trial *t) {
  critic_trial_run(t);
  const double weight = t->method.regulariser == BL_REGULARISER_BASELINE ? t->method.weight : 1;
  return t->losses.real - t->losses.generated + weight * STEPS * t->losses.value;
}

static double difference_quotient(critic_trial *t, float *parameter, double (*loss)(critic_trial *)) {
  const float held = *parameter, step = 5e-4f;
  *parameter = held + step;
  const double above = loss(t);
  *parameter = held - step;
  const double below = loss(t);
  *parameter = held;
  return (above - below) / (2 * (double)step);
}

/* Relative error of a gradient against difference quotients of the loss, as vectors: single elements may sit at a kink of
 * ReLU. */
static double gradient_error(critic_trial *t, float *parameters, const float *gradient, size_t count,
                             double (*loss)(critic_trial *)) {
  double error = 0, size = 0;
  critic_trial_run(t);
  for (size_t i = 0; i < count; i++) {
    const double found = gradient[i], expected = difference_quotient(t, &parameters[i], loss);
    error += (found - expected) * (found - expected);
    size += expected * expected;
    critic_trial_run(t);
  }
  return sqrt(error / size);
}

static void baseline_regularises_the_critic(void **state) {
  critic_trial t;
  (void)state;
  critic_trial_create(&t, BL_REGULARISER_BASELINE);
  assert_near(gradient_error(&t, t.f, t.d_f, bl_graph_parameters(t.critic)->count, joint_loss), 0, 2e-2);
  assert_near(gradient_error(&t, t.v, t.d_v, bl_graph_parameters(t.value)->count, joint_loss), 0, 2e-2);
  critic_trial_destroy(&t);
}

static double ipm_loss(critic_trial *t) {
  critic_trial_run(t);
  return t->losses.real - t->losses.generated;
}

static void without_regulariser_the_target_is_detached(void **state) {
  critic_trial t;
  (void)state;
  critic_trial_create(&t, BL_REGULARISER_NONE);
  assert_near(gradient_error(&t, t.f, t.d_f, bl_graph_parameters(t.critic)->count, ipm_loss), 0, 2e-2);
  critic_trial_destroy(&t);
}

/* For f(x) = ReLU(w·x + b) + ReLU(−w·x − b) = |w·x + b| the slope is w everywhere, so the penalty is (‖w‖ − 1)² and its
 * gradient along w is 2 (‖w‖ − 1) w/‖w‖, a closed form; both units together carry it. */
static void penalty_has_its_closed_form(void **state) {
  const bl_network_shape shape = {
      .kind = BL_NETWORK_CRITIC, .channels = SIZE, .height = 1, .width = 1, .width_count = 1, .widths = {2}};
  const float w[SIZE] = {1.5f, -2};
  const double norm = 2.5;
  critic_trial t;
  (void)state;
  critic_trial_create(&t, BL_REGULARISER_PENALTY);
  bl_graph_destroy(&t.critic);
  bl_free(&t.f);
  bl_free(&t.d_f);
  t.critic = network(&t.f, &shape, 2 * BATCH, 1);
  const bl_parameter_table *table = bl_graph_parameters(t.critic);
  assert_int_equal(bl_allocate(&t.d_f, table->count, sizeof *t.d_f), BL_OK);
  const bl_parameter *first = &table->entries[0], *last = NULL;
  for (size_t i = 0; i < table->entry_count; i++) {
    memset(t.f + table->entries[i].offset, 0, table->entries[i].count * sizeof *t.f);
    if (table->entries[i].dimensions == 2)
      last = &table->entries[i];
  }
  assert_int_equal(first->count, 2 * SIZE);
  assert_int_equal(last->count, 2);
  for (int j = 0; j < SIZE; j++) {
    t.f[first->offset + (size_t)j] = w[j];
    t.f[first->offset + SIZE + (size_t)j] = -w[j];
  }
  t.f[last->offset] = t.f[last->offset + 1] = 1;

  t.method.weight = 0;
  critic_trial_run(&t);
  float without[2 * SIZE], with[2 * SIZE];
  memcpy(without, t.d_f + first->offset, sizeof without);
  t.method.weight = 0.7;
  critic_trial_run(&t);
  memcpy(with, t.d_f + first->offset, sizeof with);
  assert_near(t.losses.penalty, (norm - 1) * (norm - 1), 1e-4);
  for (int j = 0; j < SIZE; j++) {
    const double found = (double)(with[j] - without[j]) - (double)(with[SIZE + j] - without[SIZE + j]);
    assert_near(found, 0.7 * 2 * (norm - 1) * (double)w[j] / norm, 2e-3);
  }
  critic_trial_destroy(&t);
}

static void policy_gradient_is_that_of_its_loss(void **state) {
  bl_sft_pg method = method_with(BL_REGULARISER_BASELINE);
  float *theta = NULL, *gradient = NULL, from[BATCH * SIZE], to[BATCH * SIZE], work[WORK];
  const int step[BATCH] = {0, 2, 1, 2};
  const double advantage[BATCH] = {0.5, -1, 2, 0.25};
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
    assert_int_equal(bl_sft_pg_policy_gradient(&sink, &loss, &method, policy, &chain, from, to, step, advantage, work),
                     BL_OK);
    for (size_t i = 0; i < count; i += 5) {
      const float held = theta[i], h = 1e-2f;
      theta[i] = held + h;
      assert_int_equal(bl_graph_load(policy, theta), BL_OK);
      assert_int_equal(bl_sft_pg_policy_gradient(NULL, &above, &method, policy, &chain, from, to, step, advantage, work),
                       BL_OK);
      theta[i] = held - h;
      assert_int_equal(bl_graph_load(policy, theta), BL_OK);
      assert_int_equal(bl_sft_pg_policy_gradient(NULL, &below, &method, policy, &chain, from, to, step, advantage, work),
                       BL_OK);
      theta[i] = held;
      assert_near(gradient[i], (above - below) / (2 * (double)h), 3e-3 * fabs((double)gradient[i]) + 2e-3);
    }
  }
  bl_free(&gradient);
  bl_free(&theta);
  bl_graph_destroy(&policy);
  bl_chain_destroy(&chain);
}

static void a_stratum_draws_without_replacement(void **state) {
  enum { DRAWN = 3 * BATCH, POOL = 2 * STEPS * BATCH };
  const bl_sft_pg method = method_with(BL_REGULARISER_NONE);
  bl_transition drawn[DRAWN], other[DRAWN];
  uint32_t order[POOL];
  int seen[2][STEPS][BATCH] = {{{0}}};
  (void)state;
  bl_sft_pg_draw(drawn, order, &method, 1, 0);
  for (int k = 0; k < DRAWN; k++) {
    assert_in_range(drawn[k].batch, 0, 1);
    assert_in_range(drawn[k].step, 0, STEPS - 1);
    assert_in_range(drawn[k].sample, 0, BATCH - 1);
    assert_int_equal(seen[drawn[k].batch][drawn[k].step][drawn[k].sample]++, 0);
  }
  bl_sft_pg_draw(other, order, &method, 1, 1);
  assert_memory_not_equal(drawn, other, sizeof drawn);
  bl_sft_pg_draw(other, order, &method, 1, 0);
  assert_memory_equal(drawn, other, sizeof drawn);
}

static void advantages_telescope(void **state) {
  bl_sft_pg method = method_with(BL_REGULARISER_BASELINE);
  float cost[BATCH], value[STEPS * BATCH], found[STEPS * BATCH];
  (void)state;
  fill(cost, BATCH, 5);
  fill(value, STEPS * BATCH, 6);
  bl_sft_pg_advantages(found, &method, cost, value);
  for (int i = 0; i < STEPS * BATCH; i++) /* λ = 1: the paper's */
    assert_near(found[i], cost[i % BATCH] - value[i], 1e-6);
  method.trace = 0;
  bl_sft_pg_advantages(found, &method, cost, value);
  for (int i = 0; i < STEPS * BATCH; i++) /* λ = 0: one step ahead */
    assert_near(found[i], (i / BATCH + 1 < STEPS ? value[i + BATCH] : cost[i % BATCH]) - value[i], 1e-6);
  method.trace = 0.5;
  bl_sft_pg_advantages(found, &method, cost, value);
  for (int b = 0; b < BATCH; b++) { /* λ between: the definition */
    const double last = cost[b] - value[2 * BATCH + b], middle = (double)value[2 * BATCH + b] - value[BATCH + b];
    assert_near(found[BATCH + b], middle + 0.5 * last, 1e-6);
  }
  method.baseline = false;
  bl_sft_pg_advantages(found, &method, cost, NULL);
  for (int i = 0; i < STEPS * BATCH; i++)
    assert_near(found[i], cost[i % BATCH], 0);
}

static void the_final_step_can_be_left_out(void **state) {
  enum { DRAWN = 3 * BATCH };
  bl_sft_pg method = method_with(BL_REGULARISER_NONE);
  bl_transition drawn[DRAWN];
  uint32_t order[2 * STEPS * BATCH];
  (void)state;
  method.last_step = STEPS - 1;
  for (uint32_t round = 0; round < 20; round++) {
    bl_sft_pg_draw(drawn, order, &method, round, 0);
    for (int k = 0; k < DRAWN; k++)
      assert_in_range(drawn[k].step, 0, STEPS - 2);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(baseline_regularises_the_critic),     cmocka_unit_test(without_regulariser_the_target_is_detached),
      cmocka_unit_test(penalty_has_its_closed_form),         cmocka_unit_test(policy_gradient_is_that_of_its_loss),
      cmocka_unit_test(a_stratum_draws_without_replacement), cmocka_unit_test(advantages_telescope),
      cmocka_unit_test(the_final_step_can_be_left_out)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return failed + (bl_memory_balance() != 0);
}
