#include "support/small_sampler.h"

#include "base/memory.h"
#include "support/cmocka.h"

void test_small_sampler_create(test_small_sampler *sampler, int size, int batch) {
  const bl_network_shape shape = {.kind = BL_NETWORK_MLP,
                                  .channels = size,
                                  .height = 1,
                                  .width = 1,
                                  .width_count = 2,
                                  .widths = {32, 32},
                                  .steps = TEST_SMALL_STEPS};
  const char *sets[] = {"sampler.name=ddpm", "sampler.grid=full", "sampler.variance=large", "sampler.final_sigma=0"};
  bl_schedule schedule;
  bl_options *options;
  assert_int_equal(bl_network_create(&sampler->graph, &shape, batch, BL_GRAPH_INFERENCE, false), BL_OK);
  const bl_parameter_table *table = bl_graph_parameters(sampler->graph);
  assert_int_equal(bl_allocate(&sampler->parameters, table->count, sizeof(float)), BL_OK);
  bl_parameter_initialise(sampler->parameters, table, 1);
  assert_int_equal(bl_graph_load(sampler->graph, sampler->parameters), BL_OK);
  assert_int_equal(bl_schedule_create(&schedule, "sigmoid", TEST_SMALL_STEPS, 1e-5, 1e-2), BL_OK);
  assert_int_equal(bl_options_load(&options, NULL, 4, sets), BL_OK);
  assert_int_equal(bl_sampler_plan(&sampler->chain, &schedule, options, false), BL_OK);
  bl_options_destroy(&options);
  bl_schedule_destroy(&schedule);
}

void test_small_sampler_destroy(test_small_sampler *sampler) {
  bl_graph_destroy(&sampler->graph);
  bl_chain_destroy(&sampler->chain);
  bl_free(&sampler->parameters);
  assert_int_equal(bl_memory_balance(), 0);
}
