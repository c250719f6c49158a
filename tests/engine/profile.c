/* Profiles: every layer once, sums that add up, and a graph that computes as before. */
#include "engine/profile.h"

#include "base/memory.h"
#include "engine/cost.h"
#include "layer/trial.h"
#include "network/network.h"
#include "support/cmocka.h"
#include "support/shapes.h"

#include <math.h>
#include <string.h>

static const bl_machine machine = {.flops = 1e11, .bytes = 1e10};

static void near(double found, double expected) {
  assert_true(fabs(found - expected) <= 1e-9 * fabs(expected));
}

static void check(const bl_profile *profile, const bl_graph *graph) {
  bl_profile_cost forward = {0}, backward = {0}, by_kind = {0};
  int layers = 0;
  assert_int_equal(profile->count, graph->node_count);
  for (int i = 0; i < profile->count; i++) {
    const bl_profile_row *row = &profile->rows[i];
    assert_ptr_equal(row->node, graph->nodes[i]);
    if (row->node->parameters > 0)
      assert_int_equal(strncmp(row->name, graph->parameters.entries[row->node->parameter[0]].name, strlen(row->name)), 0);
    else
      assert_string_equal(row->name, row->kind);
    assert_true(row->forward.seconds >= 0 && row->backward.seconds >= 0);
    near(row->forward.roofline, fmax(row->forward.flops / machine.flops, row->forward.bytes / machine.bytes));
    near(row->backward.roofline, fmax(row->backward.flops / machine.flops, row->backward.bytes / machine.bytes));
    bl_profile_add(&forward, &row->forward);
    bl_profile_add(&backward, &row->backward);
  }
  for (int i = 0; i < profile->kinds; i++) {
    bl_profile_add(&by_kind, &profile->by_kind[i].forward);
    layers += profile->by_kind[i].layers;
  }
  assert_int_equal(layers, profile->count);
  near(by_kind.seconds, profile->sum.forward.seconds);
  near(forward.seconds, profile->sum.forward.seconds);
  near(backward.seconds, profile->sum.backward.seconds);
  near(forward.flops, bl_cost_graph_flops(graph, false));
  if (graph->mode == BL_GRAPH_TRAINING)
    near(forward.flops + backward.flops, bl_cost_graph_flops(graph, true));
}

static void run(const bl_network_shape *shape, bl_graph_mode mode, bool recompute) {
  const bl_compute compute = {.recompute = recompute};
  bl_graph *graph = NULL;
  bl_profile profile;
  trial t;
  float *y = NULL;
  assert_int_equal(bl_network_create_with(&graph, shape, 2, mode, false, &compute), BL_OK);
  trial_attach(&t, graph);
  trial_run(&t);
  assert_int_equal(bl_allocate(&y, t.outputs, sizeof *y), BL_OK);
  memcpy(y, t.y, t.outputs * sizeof *y);
  assert_int_equal(bl_profile_create(&profile, graph, &machine, &(bl_graph_inputs){.x = t.x, .time = t.time}, 2), BL_OK);
  check(&profile, graph);
  bl_profile_destroy(&profile);
  trial_run(&t);
  assert_memory_equal(y, t.y, t.outputs * sizeof *y);
  bl_free(&y);
  trial_end(&t);
}

static void networks(void **state) {
  (void)state;
  const bl_network_shape *const shapes[] = {&test_digits.network, &test_digits.critic, &test_digits.value,
                                            &test_swissroll.network};
  for (int i = 0; i < 4; i++)
    for (int recompute = 0; recompute < 2; recompute++) {
      run(shapes[i], BL_GRAPH_TRAINING, recompute);
      run(shapes[i], BL_GRAPH_INFERENCE, recompute);
    }
}

static void mistakes_are_named(void **state) {
  (void)state;
  bl_graph *graph = NULL;
  bl_profile profile;
  float x[2] = {0}, time[1] = {0};
  assert_int_equal(bl_network_create(&graph, &test_swissroll.network, 1, BL_GRAPH_TRAINING, false), BL_OK);
  assert_int_equal(bl_profile_create(&profile, graph, &machine, &(bl_graph_inputs){.x = x, .time = time}, 1),
                   BL_ERROR_USAGE); /* not loaded */
  bl_status_clear();
  assert_int_equal(bl_profile_create(&profile, graph, &machine, &(bl_graph_inputs){.x = x, .time = time}, 0),
                   BL_ERROR_USAGE);
  bl_status_clear();
  bl_graph_destroy(&graph);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(networks), cmocka_unit_test(mistakes_are_named)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
