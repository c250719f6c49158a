#include "learner/supervised.h"

#include "base/memory.h"
#include "network/network.h"
#include "support/cmocka.h"
#include "support/shapes.h"
#include "support/whole_gradient.h"

#include <math.h>

enum { BATCH = 8, STEPS = 10 };

/* The gradient against central differences of the loss, for every \a stride-th parameter from \a first on. */
static void check_gradient(const bl_supervised *learner, bl_graph *graph, const bl_schedule *schedule,
                           const bl_sample_batch *batch, size_t first, size_t stride) {
  const bl_parameter_table *table = bl_graph_parameters(graph);
  float *values = NULL, *gradient = NULL;
  double loss, above, below;
  assert_int_equal(bl_allocate(&values, table->count, sizeof *values), BL_OK);
  assert_int_equal(bl_allocate(&gradient, table->count, sizeof *gradient), BL_OK);
  bl_parameter_initialise(values, table, 5);
  assert_int_equal(bl_graph_load(graph, values), BL_OK);
  const bl_gradient_sink sink = whole_gradient(gradient);
  assert_int_equal(learner->gradient(&sink, &loss, graph, schedule, batch), BL_OK);
  assert_true(loss > 0.1 && loss < 10);
  double error = 0, size = 0;
  for (size_t i = first; i < table->count; i += stride) {
    const float held = values[i], step = 2e-3f;
    values[i] = held + step;
    assert_int_equal(bl_graph_load(graph, values), BL_OK);
    assert_int_equal(learner->gradient(NULL, &above, graph, schedule, batch), BL_OK);
    values[i] = held - step;
    assert_int_equal(bl_graph_load(graph, values), BL_OK);
    assert_int_equal(learner->gradient(NULL, &below, graph, schedule, batch), BL_OK);
    values[i] = held;
    const double expected = (above - below) / (2 * (double)step);
    error += ((double)gradient[i] - expected) * ((double)gradient[i] - expected);
    size += expected * expected;
  }
  assert_near(sqrt(error / size), 0, 1e-2); /* as a vector: single elements may sit at a kink of ReLU */
  bl_free(&values);
  bl_free(&gradient);
}

static void denoise_gradient_is_that_of_its_loss(void **state) {
  const bl_network_shape shape = {
      .kind = BL_NETWORK_MLP, .channels = 2, .height = 1, .width = 1, .width_count = 2, .widths = {16, 16}, .steps = STEPS};
  bl_graph *graph = NULL;
  bl_schedule schedule;
  float values[BATCH * 2], work[BATCH * 9];
  (void)state;
  assert_int_equal(bl_schedule_create(&schedule, "linear", STEPS, 1e-3, 0.3), BL_OK);
  assert_int_equal(bl_network_create(&graph, &shape, BATCH, BL_GRAPH_TRAINING, false), BL_OK);
  bl_random_normal(values, BATCH * 2, (bl_draw){.seed = 1, .purpose = BL_PURPOSE_TEST});
  const bl_sample_batch batch = {
      .values = values, .count = BATCH, .size = 2, .seed = 2, .round = 3, .first = 16, .work = work};
  check_gradient(bl_supervised_find("denoise"), graph, &schedule, &batch, 0, 7);
  bl_graph_destroy(&graph);
  bl_schedule_destroy(&schedule);
}

static void classify_gradient_is_that_of_its_loss(void **state) {
  const bl_network_shape shape = {.kind = BL_NETWORK_CLASSIFIER,
                                  .channels = 1,
                                  .height = 8,
                                  .width = 8,
                                  .width_count = 2,
                                  .widths = {16, 16},
                                  .classes = 5};
  bl_graph *graph = NULL;
  float values[BATCH * 64], work[BATCH * 10];
  int32_t labels[BATCH];
  (void)state;
  assert_int_equal(bl_network_create(&graph, &shape, BATCH, BL_GRAPH_TRAINING, false), BL_OK);
  bl_random_normal(values, BATCH * 64, (bl_draw){.seed = 1, .purpose = BL_PURPOSE_TEST});
  for (int i = 0; i < BATCH; i++)
    labels[i] = i % 5;
  const bl_sample_batch batch = {.values = values, .labels = labels, .count = BATCH, .size = 64, .work = work};
  check_gradient(bl_supervised_find("classify"), graph, NULL, &batch, 0, 7);
  bl_graph_destroy(&graph);
}

/* Of the head's parameters; of the network's there is none. */
static void gradients_of_heads_are_those_of_their_losses(void **state) {
  bl_network_shape shape = *test_shape("unet_digits");
  bl_schedule schedule;
  float *values = NULL, *work = NULL;
  (void)state;
  shape.head = 1;
  assert_int_equal(bl_schedule_create(&schedule, "linear", STEPS, 1e-3, 0.3), BL_OK);
  assert_int_equal(bl_allocate(&values, BATCH * 64, sizeof *values), BL_OK);
  assert_int_equal(bl_allocate(&work, BATCH * (6 * 64 + 1), sizeof *work), BL_OK);
  bl_random_normal(values, BATCH * 64, (bl_draw){.seed = 1, .purpose = BL_PURPOSE_TEST});
  const bl_sample_batch batch = {
      .values = values, .count = BATCH, .size = 64, .seed = 2, .round = 3, .first = 16, .work = work};
  for (bl_head head = BL_HEAD_SN; head <= BL_HEAD_NPR; head++) {
    bl_graph *graph = NULL;
    bl_parameter_table table;
    size_t first;
    assert_int_equal(bl_network_create(&graph, &shape, BATCH, BL_GRAPH_TRAINING, false), BL_OK);
    assert_int_equal(bl_network_head_table(&table, &first, bl_graph_parameters(graph)), BL_OK);
    check_gradient(bl_supervised_head(head), graph, &schedule, &batch, first, 3);
    bl_parameter_table_destroy(&table);
    bl_graph_destroy(&graph);
  }
  bl_free(&values);
  bl_free(&work);
  bl_schedule_destroy(&schedule);
}

static void the_table_is_complete(void **state) {
  (void)state;
  assert_non_null(bl_supervised_find("denoise"));
  assert_non_null(bl_supervised_find("classify"));
  assert_null(bl_supervised_find("guess"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(denoise_gradient_is_that_of_its_loss), cmocka_unit_test(classify_gradient_is_that_of_its_loss),
      cmocka_unit_test(gradients_of_heads_are_those_of_their_losses), cmocka_unit_test(the_table_is_complete)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return failed + (bl_memory_balance() != 0);
}
