/* What is particular to U-Nets: patches, and shapes that are refused. Their parameters and results: pytorch.c. */
#include "network/network.h"

#include "base/memory.h"
#include "support/cmocka.h"
#include "support/shapes.h"

#include <string.h>

/** A network on patches of 2 x 2 is the network on images of a quarter of the size and four times the channels. */
static void patches_are_channels(void **state) {
  (void)state;
  enum { BATCH = 2, SIDE = 8, HALF = 4, PIXELS = BATCH * SIDE * SIDE };
  bl_network_shape whole = *test_shape("unet_digits"), parts = whole;
  whole.patch = 2;
  parts.channels = 4;
  parts.height = parts.width = HALF;
  bl_graph *graph[2] = {NULL, NULL};
  assert_int_equal(bl_network_create(&graph[0], &whole, BATCH, BL_GRAPH_INFERENCE, false), BL_OK);
  assert_int_equal(bl_network_create(&graph[1], &parts, BATCH, BL_GRAPH_INFERENCE, false), BL_OK);
  const bl_parameter_table *table = bl_graph_parameters(graph[0]);
  assert_int_equal(table->count, bl_graph_parameters(graph[1])->count);
  float *values = NULL, x[2][PIXELS], y[2][PIXELS];
  const float time[BATCH] = {3.0f, 700.5f};
  assert_int_equal(bl_allocate(&values, table->count, sizeof *values), BL_OK);
  bl_parameter_initialise(values, table, 1);
  bl_random_normal(x[0], PIXELS, (bl_draw){.purpose = BL_PURPOSE_TEST});
  for (int part = 0; part < 2; part++) {
    for (int n = 0; part == 1 && n < BATCH; n++)
      for (int c = 0; c < 4; c++)
        for (int i = 0; i < HALF * HALF; i++)
          x[1][(n * 4 + c) * HALF * HALF + i] = x[0][(n * SIDE + i / HALF * 2 + c / 2) * SIDE + i % HALF * 2 + c % 2];
    assert_int_equal(bl_graph_load(graph[part], values), BL_OK);
    assert_int_equal(bl_graph_forward(graph[part], y[part], &(bl_graph_inputs){.x = x[part], .time = time}), BL_OK);
    bl_graph_destroy(&graph[part]);
  }
  for (int n = 0; n < BATCH; n++)
    for (int c = 0; c < 4; c++)
      for (int i = 0; i < HALF * HALF; i++)
        assert_true(y[1][(n * 4 + c) * HALF * HALF + i] ==
                    y[0][(n * SIDE + i / HALF * 2 + c / 2) * SIDE + i % HALF * 2 + c % 2]);
  bl_free(&values);
}

static void refuses(bl_network_shape shape, const char *message) {
  bl_graph *graph = NULL;
  assert_int_equal(bl_network_create(&graph, &shape, 1, BL_GRAPH_INFERENCE, false), BL_ERROR_USAGE);
  assert_null(graph);
  if (strstr(bl_status_message(), message) == NULL)
    fail_msg("\"%s\" does not say \"%s\"", bl_status_message(), message);
  bl_status_clear();
}

static void refuses_impossible_shapes(void **state) {
  (void)state;
  const bl_network_shape digits = *test_shape("unet_digits");
  bl_network_shape shape = digits;
  shape.base_channels = 48;
  refuses(shape, "base_channels is 48: expected a multiple of 32");
  shape = digits;
  shape.height = 7;
  refuses(shape, "7 x 8 pixels in patches of 1 cannot be halved 1 times");
  shape = digits;
  shape.patch = 3;
  refuses(shape, "8 x 8 pixels in patches of 3 cannot be halved 1 times: expected multiples of 6");
  shape = digits;
  shape.patch = 2; /* its levels are 4 and 2 */
  shape.attention[0] = 8;
  refuses(shape, "attention at resolution 8");
  shape = digits;
  shape.attention[0] = 5;
  refuses(shape, "attention at resolution 5");
  shape = digits;
  shape.multipliers[1] = 0;
  refuses(shape, "multiplier 1 is 0");
  shape = digits;
  shape.multiplier_count = 0;
  refuses(shape, "0 multipliers");
  shape = digits;
  shape.blocks = 0;
  refuses(shape, "0 blocks per level");
  shape = digits;
  shape.dropout = 1.0f;
  refuses(shape, "dropout with probability 1");
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(patches_are_channels), cmocka_unit_test(refuses_impossible_shapes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
