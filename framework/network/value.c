/* The value V(x, step): conditional dense layers with ReLU, then a dense one for images, a conditional dense one for point
 * sets; lin1, lin2, …, numbered without the gap of the public toy code (whose last layer is always lin4). */
#include "layer/layer.h"
#include "network/network.h"

#include <stdio.h>

void bl_value_build(bl_graph *graph, const bl_network_shape *shape) {
  char name[32];
  bl_tensor *x = bl_input(graph, shape->channels, shape->height, shape->width);
  bl_tensor *step = bl_input_time(graph);
  bl_tensor *h = x;
  for (int i = 0; i < shape->width_count; i++) {
    snprintf(name, sizeof name, "lin%d", i + 1);
    h = bl_conditional_dense(graph, h, step, name, shape->widths[i], shape->steps);
    h = bl_activate(graph, h, BL_RELU);
  }
  snprintf(name, sizeof name, "lin%d", shape->width_count + 1);
  if (shape->height == 1 && shape->width == 1)
    bl_output(graph, bl_conditional_dense(graph, h, step, name, 1, shape->steps));
  else
    bl_output(graph, bl_dense(graph, h, name, 1, BL_INITIALISE_XAVIER_NORMAL));
}
