/* Lipschitz bounds of critics: that they hold, and that they are shared over ranks without a change of bits. */
#include "learner/lipschitz.h"

#include "base/memory.h"
#include "base/random.h"
#include "network/network.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

static const bl_network_shape shapes[] = {
    {.kind = BL_NETWORK_CRITIC, .channels = 2, .height = 1, .width = 1, .width_count = 2, .widths = {16, 8}},
    {.kind = BL_NETWORK_CRITIC, .channels = 1, .height = 8, .width = 8, .width_count = 2, .widths = {6, 8}},
    {.kind = BL_NETWORK_CRITIC, .channels = 3, .height = 14, .width = 12, .width_count = 1, .widths = {5}},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0], BATCH = 4, LARGEST = 2 * BATCH * 3 * 14 * 12 };

/* A critic with drawn weights. */
typedef struct trial {
  bl_graph *graph;
  const bl_parameter_table *table;
  float *values;
  bl_lipschitz *lipschitz;
  int layers;
} trial;

static void trial_create(trial *t, const bl_network_shape *shape) {
  *t = (trial){.layers = shape->width_count + 1};
  assert_int_equal(bl_network_create(&t->graph, shape, 2 * BATCH, BL_GRAPH_INFERENCE, false), BL_OK);
  t->table = bl_graph_parameters(t->graph);
  assert_int_equal(bl_allocate(&t->values, t->table->count, sizeof *t->values), BL_OK);
  bl_parameter_initialise(t->values, t->table, 5);
  assert_int_equal(bl_graph_load(t->graph, t->values), BL_OK);
  assert_int_equal(bl_lipschitz_create(&t->lipschitz, shape, t->table), BL_OK);
}

static void trial_destroy(trial *t) {
  bl_graph_destroy(&t->graph);
  bl_free(&t->values);
  bl_lipschitz_destroy(&t->lipschitz);
}

static void normal(float *values, size_t count, uint32_t stream) {
  bl_random_normal(values, count, (bl_draw){.seed = 4, .purpose = BL_PURPOSE_TEST, .sample = stream});
}

/* |f(x) − f(y)| ≤ L ‖x − y‖ for pairs far and near. */
static void the_bound_holds(void **state) {
  static const float scales[] = {1e-2f, 0.3f, 5};
  float x[LARGEST], f[2 * BATCH];
  (void)state;
  for (int s = 0; s < SHAPES; s++) {
    trial t;
    double norms[BL_LIPSCHITZ_LAYERS], steepest = 0;
    trial_create(&t, &shapes[s]);
    const size_t size = bl_graph_input_size(t.graph);
    assert_int_equal(bl_lipschitz_measure(norms, t.lipschitz, t.values, MPI_COMM_WORLD), BL_OK);
    const double bound = bl_lipschitz_bound(t.lipschitz, norms);
    for (uint32_t draw = 0; draw < 30; draw++) {
      normal(x, 2 * BATCH * size, draw);
      for (size_t i = 0; i < BATCH * size; i++) /* the second half are neighbours of the first */
        x[BATCH * size + i] = x[i] + scales[draw % 3] * x[BATCH * size + i];
      assert_int_equal(bl_graph_forward(t.graph, f, &(bl_graph_inputs){.x = x}), BL_OK);
      for (size_t b = 0; b < BATCH; b++) {
        double square = 0;
        for (size_t i = b * size; i < (b + 1) * size; i++)
          square += pow((double)x[BATCH * size + i] - x[i], 2);
        steepest = fmax(steepest, fabs((double)f[BATCH + b] - f[b]) / sqrt(square));
      }
    }
    assert_true(steepest > 0 && steepest <= bound);
    trial_destroy(&t);
  }
}

/* Weights of one element a layer: the norms are known, and with positive ones a critic of points is as steep as its bound.
 */
static void a_critic_of_single_elements_has_its_product(void **state) {
  trial t;
  double norms[BL_LIPSCHITZ_LAYERS];
  float x[LARGEST] = {0}, f[2 * BATCH];
  (void)state;
  trial_create(&t, &shapes[0]);
  memset(t.values, 0, t.table->count * sizeof *t.values);
  t.values[bl_parameter_find(t.table, "lin1.weight")->offset] = 2;
  t.values[bl_parameter_find(t.table, "lin2.weight")->offset] = 3;
  t.values[bl_parameter_find(t.table, "lin3.weight")->offset] = 0.5f;
  assert_int_equal(bl_lipschitz_measure(norms, t.lipschitz, t.values, MPI_COMM_WORLD), BL_OK);
  assert_near(norms[0], 2, 1e-12);
  assert_near(norms[1], 3, 1e-12);
  assert_near(norms[2], 0.5, 1e-12);
  assert_int_equal(bl_graph_load(t.graph, t.values), BL_OK);
  x[0] = 1;
  assert_int_equal(bl_graph_forward(t.graph, f, &(bl_graph_inputs){.x = x}), BL_OK);
  assert_near(f[0] - f[1], bl_lipschitz_bound(t.lipschitz, norms), 1e-6);
  trial_destroy(&t);
}

/* A mean over P outputs has the norm 1 / √P. */
static void the_mean_over_outputs_counts(void **state) {
  trial t;
  double norms[BL_LIPSCHITZ_LAYERS];
  (void)state;
  trial_create(&t, &shapes[2]); /* 14 × 12 becomes 7 × 6, its last kernel is 4 × 4: 4 × 3 outputs */
  assert_int_equal(bl_lipschitz_measure(norms, t.lipschitz, t.values, MPI_COMM_WORLD), BL_OK);
  assert_near(bl_lipschitz_bound(t.lipschitz, norms), norms[0] * norms[1] / sqrt(12), 1e-12 * norms[0] * norms[1]);
  trial_destroy(&t);
}

static void ranks_share_it_without_a_change_of_bits(void **state) {
  (void)state;
  for (int s = 0; s < SHAPES; s++) {
    trial t;
    double alone[BL_LIPSCHITZ_LAYERS], shared[BL_LIPSCHITZ_LAYERS];
    trial_create(&t, &shapes[s]);
    assert_int_equal(bl_lipschitz_measure(alone, t.lipschitz, t.values, MPI_COMM_SELF), BL_OK);
    assert_int_equal(bl_lipschitz_measure(shared, t.lipschitz, t.values, MPI_COMM_WORLD), BL_OK);
    assert_memory_equal(alone, shared, (size_t)t.layers * sizeof *alone);
    trial_destroy(&t);
  }
}

static void a_number_that_is_not_finite_is_told_to_all(void **state) {
  trial t;
  double norms[BL_LIPSCHITZ_LAYERS];
  int rank;
  (void)state;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  trial_create(&t, &shapes[1]);
  if (rank == 0)
    t.values[3] = INFINITY;
  assert_int_equal(bl_lipschitz_measure(norms, t.lipschitz, t.values, MPI_COMM_WORLD), BL_ERROR_NUMERIC);
  bl_status_clear();
  trial_destroy(&t);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_bound_holds),
      cmocka_unit_test(a_critic_of_single_elements_has_its_product),
      cmocka_unit_test(the_mean_over_outputs_counts),
      cmocka_unit_test(ranks_share_it_without_a_change_of_bits),
      cmocka_unit_test(a_number_that_is_not_finite_is_told_to_all),
  };
  MPI_Init(&argc, &argv);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  failed += bl_memory_balance() != 0;
  MPI_Finalize();
  return failed;
}
