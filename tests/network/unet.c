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

static void refuses_impossible_variants(void **state) {
  (void)state;
  const bl_network_shape digits = *test_shape("unet_digits");
  bl_network_shape shape = digits;
  shape.groups = 12;
  refuses(shape, "base_channels is 32: expected a multiple of 12");
  shape = digits;
  shape.groups = -1;
  refuses(shape, "groups is -1");
  shape = digits;
  shape.head_width = 24; /* level 1 has 64 channels */
  refuses(shape, "head_width is 24, which does not divide the 64 channels of level 1");
  shape = digits;
  shape.attention_levels = 4; /* levels are 0 and 1 */
  refuses(shape, "attention in levels 0x4 (bit i: level i), but the last level is 1");
  shape = digits;
  shape.down_padding = 2;
  refuses(shape, "down_padding is 2: expected 0 or 1");
  shape = digits;
  shape.cosine_first = -1;
  refuses(shape, "cosine_first is -1");
  shape = digits;
  shape.unshifted = 3;
  refuses(shape, "unshifted is 3");
  shape = digits;
  shape.norm_epsilon = -1e-5f;
  refuses(shape, "norm_epsilon is -1e-05");
  shape = digits;
  shape.channels = 3;
  shape.out_channels = 6;
  refuses(shape, "6 output channels for images of 3 (a learned variance): expected 3");
  shape.out_channels = 4;
  refuses(shape, "4 output channels for images of 3: expected 3");
  assert_int_equal(bl_memory_balance(), 0);
}

/** Levels say the same as the resolutions that they have. */
static void attention_by_level_is_attention_by_resolution(void **state) {
  (void)state;
  enum { BATCH = 2, PIXELS = BATCH * 64 };
  bl_network_shape shapes[2] = {*test_shape("unet_digits"), *test_shape("unet_digits")};
  shapes[1].attention_count = 0;
  shapes[1].attention_levels = 1 << 1;
  shapes[1].out_channels = shapes[1].channels;
  float *values = NULL, x[PIXELS], y[2][PIXELS];
  const float time[BATCH] = {3.0f, 700.5f};
  bl_random_normal(x, PIXELS, (bl_draw){.purpose = BL_PURPOSE_TEST});
  for (int i = 0; i < 2; i++) {
    bl_graph *graph = NULL;
    assert_int_equal(bl_network_create(&graph, &shapes[i], BATCH, BL_GRAPH_INFERENCE, false), BL_OK);
    const bl_parameter_table *table = bl_graph_parameters(graph);
    assert_int_equal(bl_allocate(&values, table->count, sizeof *values), BL_OK);
    bl_parameter_initialise(values, table, 1);
    assert_int_equal(bl_graph_load(graph, values), BL_OK);
    assert_int_equal(bl_graph_forward(graph, y[i], &(bl_graph_inputs){.x = x, .time = time}), BL_OK);
    bl_graph_destroy(&graph);
    bl_free(&values);
  }
  assert_memory_equal(y[0], y[1], sizeof y[0]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(patches_are_channels), cmocka_unit_test(refuses_impossible_shapes),
                                     cmocka_unit_test(refuses_impossible_variants),
                                     cmocka_unit_test(attention_by_level_is_attention_by_resolution)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
