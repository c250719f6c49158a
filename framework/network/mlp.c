/* The toy's noise network: conditional dense layers with softplus, then a dense one. Layers are named lin1, lin2, … as in
 * the public code. */
#include "layer/layer.h"
#include "network/network.h"

#include <stdio.h>

/* Added to the first layer: the embeddings of all labels or tokens of a sample, made as wide as that layer. */
static bl_tensor *embed_condition(bl_graph *graph, const bl_network_shape *shape) {
  bl_tensor *labels = bl_input_condition(graph, shape->condition);
  bl_tensor *e = bl_embedding(graph, labels, "condition.embed", shape->widths[0], shape->classes);
  return shape->condition == 1 ? e : bl_dense(graph, e, "condition.lin", shape->widths[0], BL_INITIALISE_FAN_IN_UNIFORM);
}

void bl_mlp_build(bl_graph *graph, const bl_network_shape *shape) {
  char name[32];
  if (shape->head)
    bl_freeze_begin(graph);
  bl_tensor *x = bl_input(graph, shape->channels, shape->height, shape->width);
  bl_tensor *step = bl_input_time(graph);
  bl_tensor *h = x, *condition = NULL;
  if (shape->condition > 0)
    condition = embed_condition(graph, shape);
  for (int i = 0; i < shape->width_count; i++) {
    snprintf(name, sizeof name, "lin%d", i + 1);
    h = bl_conditional_dense(graph, h, step, name, shape->widths[i], shape->steps);
    if (i == 0 && condition != NULL)
      h = bl_add(graph, h, condition);
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
