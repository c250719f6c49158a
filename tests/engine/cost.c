/* Costs of single layers in closed form, and of a whole network from its table of parameters. */
#include "engine/cost.h"

#include "layer/layer.h"
#include "network/network.h"
#include "support/cmocka.h"
#include "support/shapes.h"

#include <string.h>

enum { BATCH = 3 };

static bl_graph *graph_with_input(bl_tensor **x, int channels, int side) {
  bl_graph *graph = NULL;
  assert_int_equal(bl_graph_create(&graph, BATCH), BL_OK);
  *x = bl_input(graph, channels, side, side);
  return graph;
}

static void finish(bl_graph *graph, bl_tensor *y) {
  bl_output(graph, y);
  assert_int_equal(bl_graph_compile(graph, BL_GRAPH_TRAINING), BL_OK);
}

/* Operations of a node in the passes forward, backward data, backward weights. */
static void costs(const bl_graph *graph, int node, double forward, double data, double weights) {
  const bl_node *n = graph->nodes[node];
  assert_true(bl_cost_flops(n, BL_PASS_FORWARD) == forward);
  assert_true(bl_cost_flops(n, BL_PASS_BACKWARD_DATA) == data);
  assert_true(bl_cost_flops(n, BL_PASS_BACKWARD_WEIGHTS) == weights);
}

static void convolutions(void **state) {
  (void)state;
  bl_tensor *x;
  bl_graph *graph = graph_with_input(&x, 5, 8);
  bl_tensor *h = bl_conv(graph, x, "a", 16, (bl_conv_shape){3, 1, 1, 1}, BL_INITIALISE_ZERO);
  finish(graph, bl_conv(graph, bl_activate(graph, h, BL_RELU), "b", 7, (bl_conv_shape){4, 2, 1, 1}, BL_INITIALISE_ZERO));
  const double a = 2.0 * BATCH * 8 * 8 * 16 * 5 * 9, b = 2.0 * BATCH * 4 * 4 * 7 * 16 * 16;
  costs(graph, 0, a, 0, a); /* the gradient of x is not wanted */
  costs(graph, 1, 0, 0, 0);
  costs(graph, 2, b, b, b);
  assert_true(bl_cost_graph_flops(graph, false) == a + b);
  assert_true(bl_cost_graph_flops(graph, true) == 2 * a + 3 * b);
  assert_true(bl_cost_bytes(graph->nodes[0], false) == 4.0 * (BATCH * 64 * (5 + 16) + 16 * 5 * 9 + 16));
  bl_graph_destroy(&graph);
}

static void dense_layers(void **state) {
  (void)state;
  bl_tensor *x;
  bl_graph *graph = graph_with_input(&x, 6, 2);
  bl_tensor *h = bl_dense(graph, x, "a", 10, BL_INITIALISE_ZERO);
  finish(graph, bl_conditional_dense(graph, h, bl_input_time(graph), "b", 9, 4));
  costs(graph, 0, 2.0 * BATCH * 24 * 10, 0, 2.0 * BATCH * 24 * 10);
  costs(graph, 1, 2.0 * BATCH * 10 * 9, 2.0 * BATCH * 10 * 9, 2.0 * BATCH * 10 * 9);
  bl_graph_destroy(&graph);
}

static void attention_by_heads(int heads) {
  bl_tensor *x;
  bl_graph *graph = graph_with_input(&x, 32, 4);
  const bl_conv_shape one = {1, 1, 0, 0};
  bl_tensor *h = bl_group_norm(graph, x, "norm", 4, 1e-6f, false);
  bl_tensor *q = bl_conv(graph, h, "q", 32, one, BL_INITIALISE_ZERO), *k = bl_conv(graph, h, "k", 32, one, 0);
  finish(graph, bl_attention(graph, q, k, x, 32 / heads));
  const double product = 2.0 * BATCH * 16 * 16 * 32;
  costs(graph, 0, 0, 0, 0);
  costs(graph, 3, 2 * product, 3 * product, 0); /* dA, dq, dk; v is x, whose gradient is not wanted */
  assert_true(bl_cost_bytes(graph->nodes[3], false) == 4.0 * BATCH * 16 * (4 * 32 + heads * 16));
  bl_graph_destroy(&graph);
}

/* Heads share the channels: as many operations, but weights for each head. */
static void attention(void **state) {
  (void)state;
  attention_by_heads(1);
  attention_by_heads(4);
  attention_by_heads(32);
}

/* A U-Net by its parameters alone: kernels times the pixels of their level, and the products of attention. */
static void the_unet_for_cifar10(void **state) {
  (void)state;
  bl_graph *graph = NULL;
  double expected = 0;
  assert_int_equal(bl_network_create(&graph, &test_cifar10.network, 1, BL_GRAPH_INFERENCE, false), BL_OK);
  const bl_parameter_table *table = bl_graph_parameters(graph);
  for (size_t i = 0; i < table->entry_count; i++) {
    const bl_parameter *p = &table->entries[i];
    int level = 3, side;
    if (p->dimensions < 2)
      continue;
    if (strncmp(p->name, "down.", 5) == 0 || strncmp(p->name, "up.", 3) == 0)
      level = p->name[strcspn(p->name, "0123456789")] - '0';
    if (strncmp(p->name, "conv_", 5) == 0)
      level = 0;
    side = 32 >> level;
    if (strstr(p->name, "downsample") != NULL)
      side /= 2;
    if (strstr(p->name, "upsample") != NULL)
      side *= 2;
    expected += 2.0 * (double)p->count * (p->dimensions == 4 ? side * side : 1);
    if (strstr(p->name, ".q.weight") != NULL)
      expected += 2 * 2.0 * side * side * side * side * 256;
  }
  assert_true(bl_cost_graph_flops(graph, false) == expected);
  bl_graph_destroy(&graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(convolutions),
      cmocka_unit_test(dense_layers),
      cmocka_unit_test(attention),
      cmocka_unit_test(the_unet_for_cifar10),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
