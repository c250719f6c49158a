/* The toy's ε-network: conditional dense layers with softplus, then a dense one. Layers are named lin1, lin2, … as in the
 * public code. */
#include "layer/layer.h"
#include "network/network.h"

#include <stdio.h>

void bl_mlp_build(bl_graph *graph, const bl_network_shape *shape) {
  char name[32];
  if (shape->head)
    bl_freeze_begin(graph);
  bl_tensor *x = bl_input(graph, shape->channels, shape->height, shape->width);
  bl_tensor *step = bl_input_time(graph);
  bl_tensor *h = x;
  for (int i = 0; i < shape->width_count; i++) {
    snprintf(name, sizeof name, "lin%d", i + 1);
    h = bl_conditional_dense(graph, h, step, name, shape->widths[i], shape->steps);
    h = bl_activate(graph, h, BL_SOFTPLUS);
  }
  snprintf(name, sizeof name, "lin%d", shape->width_count + 1);
  const int features = shape->channels * shape->height * shape->width;
  bl_tensor *y = bl_dense(graph, h, name, features, BL_INITIALISE_FAN_IN_UNIFORM);
  if (shape->head) {
    bl_freeze_end(graph);
    snprintf(name, sizeof name, "head.lin%d", shape->width_count + 1);
    y = bl_concat(graph, y, bl_dense(graph, h, name, features, BL_INITIALISE_FAN_IN_UNIFORM));
  }
  bl_output(graph, y);
}
