/* The critic f(x). Images: convolutions 4 × 4 of stride 2 with leaky ReLU, one that reduces to a single channel, and the
 * mean over what is left of space, so that larger images need no other network; layer1, layer2, … Point sets: dense layers
 * with ReLU; lin1, lin2, …, numbered without the gap of the public code (whose last layer is always lin4). */
#include "network/network.h"

#include <stdio.h>

static bl_tensor *convolutions(bl_graph *graph, bl_tensor *x, const bl_network_shape *shape) {
  char name[32];
  int size = shape->height < shape->width ? shape->height : shape->width;
  bl_tensor *h = x;
  for (int i = 0; i < shape->width_count; i++) {
    snprintf(name, sizeof name, "layer%d", i + 1);
    h = bl_conv(graph, h, name, shape->widths[i], (bl_conv_shape){4, 2, 1, 1}, BL_INITIALISE_KAIMING_NORMAL);
    h = bl_activate(graph, h, BL_LEAKY_RELU);
    size /= 2;
  }
  snprintf(name, sizeof name, "layer%d", shape->width_count + 1);
  const int kernel = size < 4 ? size : 4;
  h = bl_conv(graph, h, name, 1, (bl_conv_shape){kernel, 1, 0, 0}, BL_INITIALISE_KAIMING_NORMAL);
  return bl_spatial_mean(graph, h);
}

static bl_tensor *dense_layers(bl_graph *graph, bl_tensor *x, const bl_network_shape *shape) {
  char name[32];
  bl_tensor *h = x;
  for (int i = 0; i < shape->width_count; i++) {
    snprintf(name, sizeof name, "lin%d", i + 1);
    h = bl_dense(graph, h, name, shape->widths[i], BL_INITIALISE_FAN_IN_UNIFORM);
    h = bl_activate(graph, h, BL_RELU);
  }
  snprintf(name, sizeof name, "lin%d", shape->width_count + 1);
  return bl_dense(graph, h, name, 1, BL_INITIALISE_FAN_IN_UNIFORM);
}

void bl_critic_build(bl_graph *graph, const bl_network_shape *shape) {
  bl_tensor *x = bl_input(graph, shape->channels, shape->height, shape->width);
  const bool points = shape->height == 1 && shape->width == 1;
  bl_output(graph, points ? dense_layers(graph, x, shape) : convolutions(graph, x, shape));
}
