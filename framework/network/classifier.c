/* A small classifier for metrics: convolutions 3 × 3 with ReLU, the first of stride 1 and the others of stride 2 (widths
 * but the last), a dense layer with ReLU whose result is the features (the last width), and a dense one to the classes. The
 * feature form has the first parameters of the whole, so it can load the same buffer. */
#include "layer/layer.h"
#include "network/network.h"

#include <stdio.h>

void bl_classifier_build(bl_graph *graph, const bl_network_shape *shape, bool features) {
  char name[32];
  const int convolutions = shape->width_count - 1;
  bl_tensor *h = bl_input(graph, shape->channels, shape->height, shape->width);
  for (int i = 0; i < convolutions; i++) {
    snprintf(name, sizeof name, "conv%d", i + 1);
    h = bl_conv(graph, h, name, shape->widths[i], (bl_conv_shape){3, i == 0 ? 1 : 2, 1, 1}, BL_INITIALISE_KAIMING_NORMAL);
    h = bl_activate(graph, h, BL_RELU);
  }
  h = bl_dense(graph, h, "features", shape->widths[convolutions], BL_INITIALISE_KAIMING_NORMAL);
  h = bl_activate(graph, h, BL_RELU);
  if (!features)
    h = bl_dense(graph, h, "classes", shape->classes, BL_INITIALISE_FAN_IN_UNIFORM);
  bl_output(graph, h);
}
