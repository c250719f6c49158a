#include "support/algorithms.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>

/* Measuring, if only once, lists the cases of the network; then every line gets the other end. */
bl_algorithms *test_algorithms(const char *algorithm, const bl_network_shape *shape, int batch) {
  bl_algorithms *measured = NULL, *forced = NULL;
  bl_graph *graph = NULL;
  assert_int_equal(bl_algorithms_create(&measured), BL_OK);
  assert_int_equal(bl_algorithms_create(&forced), BL_OK);
  const bl_compute compute = {.algorithms = measured};
  assert_int_equal(bl_network_create_with(&graph, shape, batch, BL_GRAPH_TRAINING, false, &compute), BL_OK);
  bl_graph_destroy(&graph);
  for (const char *line = bl_algorithms_text(measured); *line != '\0'; line = strchr(line, '\n') + 1) {
    char text[256];
    snprintf(text, sizeof text, "%.*s: %s\n", (int)(strchr(line, ':') - line), line, algorithm);
    assert_int_equal(bl_algorithms_parse(forced, text), BL_OK);
  }
  bl_algorithms_destroy(&measured);
  return forced;
}
