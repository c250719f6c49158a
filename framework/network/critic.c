/* The critic f(x). Images: convolutions 4 × 4 of stride 2 with leaky ReLU, one that reduces to a single channel, and the
 * mean over what is left of space, so that larger images need no other network; layer1, layer2, … Point sets: dense layers
 * with ReLU; lin1, lin2, …, numbered without the gap of the public code (whose last layer is always lin4). */
#include "layer/layer.h"
#include "network/network.h"

#include <stdio.h>

static bool is_point(const bl_network_shape *shape) {
  return shape->height == 1 && shape->width == 1;
}

void bl_critic_layer_describe(bl_critic_layer *layer, const bl_network_shape *shape, int index) {
  const bool last = index == shape->width_count;
  *layer = (bl_critic_layer){.inputs = index == 0 ? shape->channels : shape->widths[index - 1],
                             .outputs = last ? 1 : shape->widths[index],
                             .height = shape->height >> index,
                             .width = shape->width >> index,
                             .conv = {4, 2, 1, 1}};
  snprintf(layer->name, sizeof layer->name, "%s%d", is_point(shape) ? "lin" : "layer", index + 1);
  if (is_point(shape)) {
    layer->height = layer->width = 1;
    layer->conv = (bl_conv_shape){1, 1, 0, 0};
  } else if (last) {
    const int size = layer->height < layer->width ? layer->height : layer->width;
    layer->conv = (bl_conv_shape){size < 4 ? size : 4, 1, 0, 0};
  }
}

static bl_tensor *convolution(bl_graph *graph, bl_tensor *x, const bl_critic_layer *layer) {
  return bl_conv(graph, x, layer->name, layer->outputs, layer->conv, BL_INITIALISE_KAIMING_NORMAL);
}

static bl_tensor *dense(bl_graph *graph, bl_tensor *x, const bl_critic_layer *layer) {
  return bl_dense(graph, x, layer->name, layer->outputs, BL_INITIALISE_FAN_IN_UNIFORM);
}

void bl_critic_build(bl_graph *graph, const bl_network_shape *shape) {
  const bool points = is_point(shape);
  bl_tensor *h = bl_input(graph, shape->channels, shape->height, shape->width);
  for (int i = 0; i <= shape->width_count; i++) {
    bl_critic_layer layer;
    bl_critic_layer_describe(&layer, shape, i);
    h = points ? dense(graph, h, &layer) : convolution(graph, h, &layer);
    if (i < shape->width_count)
      h = bl_activate(graph, h, points ? BL_RELU : BL_LEAKY_RELU);
  }
  bl_output(graph, points ? h : bl_spatial_mean(graph, h));
}
