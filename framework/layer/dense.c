/* x Wᵀ + b: (batch, channels, height, width) -> (batch, features). */
#include "base/memory.h"
#include "layer/affine.h"
#include "layer/layer.h"

static bl_status prepare(bl_graph *graph, bl_node *node) {
  node->keeps_input[0] = true;
  return bl_affine_prepare(node->state, graph, node);
}

static bl_status load(bl_graph *graph, bl_node *node, const float *values) {
  return bl_affine_load(node->state, graph, node, values);
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  return bl_affine_forward(node->state, graph, node->output->data, node->input[0]->data);
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  return bl_affine_backward(node->state, graph, node, node->output->gradient);
}

static void destroy(bl_node *node) {
  if (node->state != NULL)
    bl_affine_destroy(node->state);
}

static const bl_node_kind kind = {
    .name = "dense", .prepare = prepare, .load = load, .forward = forward, .backward = backward, .destroy = destroy};

bl_tensor *bl_dense(bl_graph *graph, bl_tensor *x, const char *name, int features, bl_initialiser weights) {
  bl_node *node = bl_node_add(graph, &kind, 1, &x, features, 1, 1);
  bl_affine_add_parameters(node, name, weights);
  if (graph->status == BL_OK)
    graph->status = bl_allocate(&node->state, 1, sizeof(bl_affine));
  return graph->status == BL_OK ? node->output : NULL;
}
