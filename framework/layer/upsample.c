/* Nearest-neighbour up-sampling by two: every pixel becomes a square of four. */

#include "engine/node.h"
#include "layer/layer.h"

#include <string.h>

static bl_status prepare(bl_graph *graph, bl_node *node) {
  (void)graph;
  node->output->block = node->input[0]->block;
  node->cheap = true;
  return BL_OK;
}

/* Images of `block` channels in the micro-batch. */
static size_t image_count(const bl_tensor *tensor) {
  return (size_t)tensor->graph->batch * (size_t)(tensor->channels / tensor->block);
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  (void)graph;
  const bl_tensor *x = node->input[0];
  size_t block = (size_t)x->block, rows = image_count(x) * (size_t)x->height, width = (size_t)x->width;
  for (size_t row = 0; row < rows; row++) {
    const float *restrict in = x->data + row * width * block;
    float *restrict out = node->output->data + 4 * row * width * block;
    for (size_t i = 0; i < width; i++)
      for (size_t l = 0; l < block; l++)
        out[2 * i * block + l] = out[(2 * i + 1) * block + l] = in[i * block + l];
    memcpy(out + 2 * width * block, out, 2 * width * block * sizeof *out);
  }
  return BL_OK;
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  (void)graph;
  const bl_tensor *x = node->input[0];
  size_t block = (size_t)x->block, rows = image_count(x) * (size_t)x->height, width = (size_t)x->width;
  if (node->d_input[0] == NULL)
    return BL_OK;
  for (size_t row = 0; row < rows; row++) {
    const float *restrict upper = node->output->gradient + 4 * row * width * block;
    const float *restrict lower = upper + 2 * width * block;
    float *restrict out = node->d_input[0] + row * width * block;
    for (size_t i = 0; i < width; i++)
      for (size_t l = 0; l < block; l++)
        out[i * block + l] = (upper[2 * i * block + l] + upper[(2 * i + 1) * block + l]) +
                             (lower[2 * i * block + l] + lower[(2 * i + 1) * block + l]);
  }
  return BL_OK;
}

static const bl_node_kind kind = {.name = "upsample", .prepare = prepare, .forward = forward, .backward = backward};

bl_tensor *bl_upsample(bl_graph *graph, bl_tensor *x) {
  if (x == NULL)
    return NULL;
  bl_node *node = bl_node_add(graph, &kind, 1, &x, x->channels, 2 * x->height, 2 * x->width);
  return node == NULL ? NULL : node->output;
}
