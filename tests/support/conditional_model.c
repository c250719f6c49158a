/* conditional_model FILE CONDITION: write a small mlp with fresh weights whose samples take that many labels of three, for
 * the points of tests/support/bits.sh. */
#include "base/memory.h"
#include "network/network.h"
#include "store/model.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  bl_model_header header = {.shape = {.kind = BL_NETWORK_MLP,
                                      .channels = 2,
                                      .height = 1,
                                      .width = 1,
                                      .width_count = 2,
                                      .widths = {24, 24},
                                      .steps = 6,
                                      .classes = 3},
                            .schedule = "sigmoid",
                            .diffusion_steps = 6,
                            .beta_first = 1e-5,
                            .beta_last = 1e-2,
                            .prediction = "epsilon"};
  bl_graph *graph = NULL;
  float *values = NULL;
  bl_status status = BL_OK;
  if (argc != 3)
    return 99;
  header.shape.condition = atoi(argv[2]);
  BL_GOTO(bl_network_create(&graph, &header.shape, 1, BL_GRAPH_INFERENCE, false));
  const bl_parameter_table *table = bl_graph_parameters(graph);
  BL_GOTO(bl_allocate(&values, table->count, sizeof *values));
  bl_parameter_initialise(values, table, 1);
  BL_GOTO(bl_model_write(argv[1], &header, &(bl_model_part){"model", table, values}, 1, NULL));
done:
  bl_free(&values);
  bl_graph_destroy(&graph);
  if (status != BL_OK)
    fprintf(stderr, "%s\n", bl_status_message());
  return status == BL_OK ? 0 : 1;
}
