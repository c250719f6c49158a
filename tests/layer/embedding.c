/* Rows of a table: they are looked up exactly, their gradient is that of differences, and what names no row is refused. */
#include "base/memory.h"
#include "layer/layer.h"
#include "layer/trial.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

enum { ROWS = 3, FEATURES = 5, BATCH = 7 };

/* x + the rows of \a indices numbers, through a dense layer where \a dense. */
static bl_graph *build(int indices, bool dense) {
  bl_graph *graph = NULL;
  assert_int_equal(bl_graph_create(&graph, BATCH), BL_OK);
  bl_tensor *x = bl_input(graph, indices * FEATURES, 1, 1);
  bl_tensor *y = bl_add(graph, x, bl_embedding(graph, bl_input_condition(graph, indices), "embed", FEATURES, ROWS));
  bl_output(graph, dense ? bl_activate(graph, bl_dense(graph, y, "lin", 4, BL_INITIALISE_XAVIER_NORMAL), BL_SILU) : y);
  return graph;
}

static void rows_are_looked_up(void **state) {
  (void)state;
  for (int indices = 1; indices <= 3; indices++) {
    trial t;
    trial_begin(&t, build(indices, false), BL_GRAPH_TRAINING);
    assert_int_equal(bl_graph_condition_size(t.graph), indices);
    assert_int_equal(t.parameters, ROWS * FEATURES);
    trial_run(&t);
    float sum[ROWS * FEATURES] = {0};
    for (int n = 0; n < BATCH * indices; n++)
      for (int f = 0; f < FEATURES; f++) {
        const int row = n % 3, at = n * FEATURES + f;
        assert_true(t.y[at] == t.x[at] + t.values[row * FEATURES + f]);
        assert_true(t.d_x[at] == t.d_y[at]);
        sum[row * FEATURES + f] += t.d_y[at];
      }
    assert_memory_equal(sum, t.d_values, sizeof sum); /* added in the order of the samples */
    trial_watch(&t);
    trial_end(&t);
  }
}

static void gradients_are_those_of_differences(void **state) {
  (void)state;
  for (int indices = 1; indices <= 2; indices++) {
    trial t;
    trial_begin(&t, build(indices, true), BL_GRAPH_TRAINING);
    trial_run(&t);
    trial_differences(&t, 1e-2, 1e-3);
    trial_watch(&t);
    trial_end(&t);
  }
}

static void only_rows_of_the_table_are_named(void **state) {
  (void)state;
  const float bad[] = {-1, ROWS, 0.5F, NAN, INFINITY};
  for (int i = 0; i < 5; i++) {
    trial t;
    trial_begin(&t, build(1, false), BL_GRAPH_INFERENCE);
    t.condition[BATCH - 1] = bad[i];
    const bl_graph_inputs inputs = {.x = t.x, .condition = t.condition};
    assert_int_equal(bl_graph_forward(t.graph, t.y, &inputs), BL_ERROR_USAGE);
    assert_non_null(strstr(bl_status_message(), "expected a whole number of 0 to 2"));
    bl_status_clear();
    assert_int_equal(bl_graph_forward(t.graph, t.y, &(bl_graph_inputs){.x = t.x}), BL_ERROR_USAGE);
    assert_non_null(strstr(bl_status_message(), "a network with a condition was evaluated without one"));
    bl_status_clear();
    trial_end(&t);
  }
}

static void a_table_of_no_rows_is_refused(void **state) {
  (void)state;
  bl_graph *graph = NULL;
  assert_int_equal(bl_graph_create(&graph, 1), BL_OK);
  assert_null(bl_embedding(graph, bl_input_condition(graph, 1), "embed", FEATURES, 0));
  assert_int_equal(bl_graph_compile(graph, BL_GRAPH_INFERENCE), BL_ERROR_USAGE);
  bl_status_clear();
  bl_graph_destroy(&graph);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_are_looked_up), cmocka_unit_test(gradients_are_those_of_differences),
      cmocka_unit_test(only_rows_of_the_table_are_named), cmocka_unit_test(a_table_of_no_rows_is_refused)};
  return cmocka_run_group_tests_name("embedding", tests, NULL, NULL);
}
