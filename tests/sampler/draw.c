#include "base/log.h"
#include "base/memory.h"
#include "network/network.h"
#include "sampler/sampler.h"
#include "support/cmocka.h"

#include <string.h>

enum { BATCH = 8, SIZE = 2, STEPS = 10 };

/* All ranks together draw the bits that one draws alone, whether or not the micro-batches fill up and go round. */
static void ranks_draw_what_one_draws(void **state) {
  (void)state;
  const bl_network_shape shape = {
      .kind = BL_NETWORK_MLP, .channels = SIZE, .height = 1, .width = 1, .width_count = 1, .widths = {16}, .steps = STEPS};
  bl_graph *graph;
  bl_chain chain;
  bl_schedule schedule;
  bl_options *options;
  float *parameters;
  const char *sets[] = {"sampler.name=ddpm", "sampler.grid=full", "sampler.variance=large"};
  assert_int_equal(bl_network_create(&graph, &shape, BATCH, BL_GRAPH_INFERENCE, false), BL_OK);
  assert_int_equal(bl_allocate(&parameters, bl_graph_parameters(graph)->count, sizeof(float)), BL_OK);
  bl_parameter_initialise(parameters, bl_graph_parameters(graph), 1);
  assert_int_equal(bl_graph_load(graph, parameters), BL_OK);
  assert_int_equal(bl_schedule_create(&schedule, "sigmoid", STEPS, 1e-5, 1e-2), BL_OK);
  assert_int_equal(bl_options_load(&options, NULL, 3, sets), BL_OK);
  assert_int_equal(bl_sampler_plan(&chain, &schedule, options, true), BL_OK);

  const size_t counts[] = {1, 5, 8, 9, 33, 64, 100};
  float together[100 * SIZE + 1], alone[100 * SIZE + 1], most[100 * SIZE];
  assert_int_equal(bl_sampler_draw(most, 0, 100, graph, &chain, 3, 2, BATCH, NULL, MPI_COMM_SELF), BL_OK);
  for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
    size_t elements = counts[k] * SIZE;
    together[elements] = alone[elements] = 777.0F; /* nothing is written behind the last sample */
    assert_int_equal(bl_sampler_draw(alone, 0, counts[k], graph, &chain, 3, 2, BATCH, NULL, MPI_COMM_SELF), BL_OK);
    assert_int_equal(bl_sampler_draw(together, 0, counts[k], graph, &chain, 3, 2, BATCH, NULL, MPI_COMM_WORLD), BL_OK);
    assert_memory_equal(together, alone, (elements + 1) * sizeof(float));
    assert_memory_equal(alone, most, elements * sizeof(float)); /* asking for fewer gives the first ones */
  }
  for (size_t first = 0; first < 100; first += 3 * BATCH) { /* in parts */
    const size_t count = 100 - first < 3 * BATCH ? 100 - first : 3 * BATCH;
    assert_int_equal(bl_sampler_draw(together, first, count, graph, &chain, 3, 2, BATCH, NULL, MPI_COMM_WORLD), BL_OK);
    assert_memory_equal(together, most + first * SIZE, count * SIZE * sizeof(float));
  }

  bl_graph_destroy(&graph);
  bl_chain_destroy(&chain);
  bl_schedule_destroy(&schedule);
  bl_options_destroy(&options);
  bl_free(&parameters);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(ranks_draw_what_one_draws)};
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("draw", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
