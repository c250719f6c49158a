#include "learner/critic_loss.h"

#include "base/memory.h"
#include "base/random.h"
#include "network/network.h"
#include "support/cmocka.h"
#include "support/whole_gradient.h"

#include <math.h>
#include <string.h>

enum { BATCH = 4, SIZE = 2, STEPS = 3, WORK = 4096 };

static const bl_network_shape critic_shape = {
    .kind = BL_NETWORK_CRITIC, .channels = SIZE, .height = 1, .width = 1, .width_count = 2, .widths = {16, 16}};
static const bl_network_shape value_shape = {.kind = BL_NETWORK_VALUE,
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

/* Everything of a critic step. */
typedef struct critic_trial {
  bl_policy_method method;
  bl_graph *critic, *value;
  float *f, *v;
  float *d_f, *d_v;
  float real[BATCH * SIZE], trajectory[(STEPS + 1) * BATCH * SIZE], work[WORK];
  bl_critic_losses losses;
} critic_trial;

static void critic_trial_create(critic_trial *t, bl_regulariser regulariser) {
  t->method = method_with(regulariser);
  t->critic = network(&t->f, &critic_shape, 2 * BATCH, 23);
  t->value = network(&t->v, &value_shape, STEPS * BATCH, 22);
  assert_int_equal(bl_allocate(&t->d_f, bl_graph_parameters(t->critic)->count, sizeof *t->d_f), BL_OK);
  assert_int_equal(bl_allocate(&t->d_v, bl_graph_parameters(t->value)->count, sizeof *t->d_v), BL_OK);
  assert_true(bl_policy_method_work(&t->method) <= WORK);
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
  const bl_judge_batch batch = {.real = t->real, .trajectory = t->trajectory, .step = 5, .first = 8};
  assert_int_equal(bl_critic_loss_gradient(&of_f, &of_v, &t->losses, &t->method, t->critic, t->value, &batch, t->work),
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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(baseline_regularises_the_critic),
                                     cmocka_unit_test(without_regulariser_the_target_is_detached),
                                     cmocka_unit_test(penalty_has_its_closed_form)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return failed + (bl_memory_balance() != 0);
}
