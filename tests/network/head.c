#include "base/memory.h"
#include "network/network.h"
#include "support/cmocka.h"
#include "support/shapes.h"

#include <string.h>

enum { BATCH = 2 };

/* A graph with a head answers the very ε of the network without one; the head, given the weights of the output block,
 * answers the same again; and gradients stop at what is frozen. */
static void check(const char *name) {
  const bl_network_shape *plain = test_shape(name);
  bl_network_shape with_head = *plain;
  with_head.head = 1;
  bl_graph *network = NULL, *graph = NULL;
  bl_parameter_table head;
  size_t first;
  assert_int_equal(bl_network_create(&network, plain, BATCH, BL_GRAPH_INFERENCE, false), BL_OK);
  assert_int_equal(bl_network_create(&graph, &with_head, BATCH, BL_GRAPH_TRAINING, false), BL_OK);
  const bl_parameter_table *own = bl_graph_parameters(network), *whole = bl_graph_parameters(graph);
  const bl_parameter_table trunk = bl_network_trunk_table(whole);
  assert_int_equal(bl_network_head_table(&head, &first, whole), BL_OK);
  assert_int_equal(first, own->count);
  assert_int_equal(trunk.count, own->count);
  assert_int_equal(trunk.entry_count, own->entry_count);
  assert_int_equal(head.count, whole->count - own->count);
  for (size_t i = 0; i < own->entry_count; i++)
    assert_string_equal(trunk.entries[i].name, own->entries[i].name);

  const size_t size = bl_graph_input_size(network);
  float *values = NULL, *gradient = NULL, *x = NULL, *epsilon = NULL, *answer = NULL;
  const float time[BATCH] = {3, 7};
  assert_int_equal(bl_graph_output_size(graph), 2 * size);
  assert_int_equal(bl_allocate(&values, whole->count, sizeof *values), BL_OK);
  assert_int_equal(bl_allocate(&gradient, whole->count, sizeof *gradient), BL_OK);
  assert_int_equal(bl_allocate(&x, BATCH * size, sizeof *x), BL_OK);
  assert_int_equal(bl_allocate(&epsilon, BATCH * size, sizeof *epsilon), BL_OK);
  assert_int_equal(bl_allocate(&answer, 2 * BATCH * size, sizeof *answer), BL_OK);
  bl_parameter_initialise(values, whole, 4);
  for (size_t i = 0; i < head.entry_count; i++) {
    const bl_parameter *copied = bl_parameter_find(own, head.entries[i].name + strlen("head."));
    assert_non_null(copied);
    assert_int_equal(copied->count, head.entries[i].count);
    memcpy(values + first + head.entries[i].offset, values + copied->offset, copied->count * sizeof *values);
  }
  bl_random_normal(x, BATCH * size, (bl_draw){.seed = 1, .purpose = BL_PURPOSE_TEST});
  assert_int_equal(bl_graph_load(network, values), BL_OK);
  assert_int_equal(bl_graph_load(graph, values), BL_OK);
  assert_int_equal(bl_graph_forward(network, epsilon, &(bl_graph_inputs){.x = x, .time = time}), BL_OK);
  assert_int_equal(bl_graph_forward(graph, answer, &(bl_graph_inputs){.x = x, .time = time}), BL_OK);
  for (size_t s = 0; s < BATCH; s++) {
    assert_memory_equal(answer + 2 * s * size, epsilon + s * size, size * sizeof *epsilon);
    assert_memory_equal(answer + (2 * s + 1) * size, epsilon + s * size, size * sizeof *epsilon);
  }
  for (size_t i = 0; i < whole->count; i++)
    gradient[i] = -77.0F;
  assert_int_equal(bl_graph_backward(graph, gradient, NULL, answer), BL_OK);
  for (size_t i = 0; i < whole->count; i++)
    assert_true((gradient[i] == -77.0F) == (i < first));
  assert_int_equal(bl_graph_evaluations(graph), BATCH); /* one evaluation for both */
  bl_free(&values);
  bl_free(&gradient);
  bl_free(&x);
  bl_free(&epsilon);
  bl_free(&answer);
  bl_parameter_table_destroy(&head);
  bl_graph_destroy(&network);
  bl_graph_destroy(&graph);
}

static void a_head_leaves_the_network_as_it_is(void **state) {
  (void)state;
  check("unet_digits");
  check("unet_patches");
  check("mlp_points");
}

static void only_noise_networks_have_heads(void **state) {
  (void)state;
  bl_network_shape shape = *test_shape("critic_digits");
  bl_graph *graph = NULL;
  shape.head = 1;
  assert_int_equal(bl_network_create(&graph, &shape, BATCH, BL_GRAPH_INFERENCE, false), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "head"));
  bl_status_clear();
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_head_leaves_the_network_as_it_is),
                                     cmocka_unit_test(only_noise_networks_have_heads)};
  return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
