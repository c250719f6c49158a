/* Average over pixels: (batch, channels, height, width) -> (batch, channels, 1, 1). */
#include "engine/node.h"
#include "layer/layer.h"

#include <string.h>

static bl_status prepare(bl_graph *graph, bl_node *node) {
  (void)graph;
  (void)node;
  return BL_OK;
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  (void)graph;
  const bl_tensor *x = node->input[0];
  const size_t block = (size_t)x->block, pixels = (size_t)x->height * (size_t)x->width;
  const size_t groups = bl_tensor_count(node->output) / block;
  memset(node->output->data, 0, bl_tensor_count(node->output) * sizeof(float));
  for (size_t g = 0; g < groups; g++) {
    float *restrict mean = node->output->data + g * block;
    const float *restrict from = x->data + g * pixels * block;
    for (size_t p = 0; p < pixels; p++)
      for (size_t c = 0; c < block; c++)
        mean[c] += from[p * block + c];
    for (size_t c = 0; c < block; c++)
      mean[c] /= (float)pixels;
  }
  return BL_OK;
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  (void)graph;
  const bl_tensor *x = node->input[0];
  const size_t block = (size_t)x->block, pixels = (size_t)x->height * (size_t)x->width;
  const size_t groups = bl_tensor_count(node->output) / block;
  if (node->d_input[0] == NULL)
    return BL_OK;
  for (size_t g = 0; g < groups; g++) {
    const float *restrict d_mean = node->output->gradient + g * block;
    float *restrict d_x = node->d_input[0] + g * pixels * block;
    for (size_t p = 0; p < pixels; p++)
      for (size_t c = 0; c < block; c++)
        d_x[p * block + c] = d_mean[c] / (float)pixels;
  }
  return BL_OK;
}

static const bl_node_kind kind = {.name = "spatial mean", .prepare = prepare, .forward = forward, .backward = backward};

bl_tensor *bl_spatial_mean(bl_graph *graph, bl_tensor *x) {
  bl_node *node = bl_node_add(graph, &kind, 1, &x, x == NULL ? 0 : x->channels, 1, 1);
  return node == NULL ? NULL : node->output;
}
