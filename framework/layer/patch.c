/* Squares of pixels as channels, and back: a U-Net whose first level works on patches costs a fraction of one on pixels
 * ("Improving Diffusion Model Efficiency Through Patching", Luhman & Luhman 2022). Channel (c p + i) p + j of a patched
 * image holds row i and column j of each patch of channel c. */

#include "engine/node.h"
#include "layer/layer.h"

static bl_status prepare(bl_graph *graph, bl_node *node) {
  bl_tensor *y = node->output;
  y->block = bl_graph_preferred_block(graph, y->channels, y->height * y->width);
  return BL_OK;
}

/** Where an element lies in the layout of its tensor. */
static size_t place(const bl_tensor *tensor, int sample, int channel, int row, int column) {
  const int block = tensor->block;
  const size_t image = (size_t)sample * (size_t)(tensor->channels / block) + (size_t)(channel / block);
  const size_t pixel = (image * (size_t)tensor->height + (size_t)row) * (size_t)tensor->width + (size_t)column;
  return pixel * (size_t)block + (size_t)(channel % block);
}

/** Copy every element of \a whole (an image) to its place in \a patched, or (\a merge) back. */
static void move(float *patched_data, const bl_tensor *patched, float *whole_data, const bl_tensor *whole, bool merge) {
  const int side = whole->height / patched->height;
  for (int sample = 0; sample < whole->graph->batch; sample++)
    for (int channel = 0; channel < whole->channels; channel++)
      for (int row = 0; row < whole->height; row++)
        for (int column = 0; column < whole->width; column++) {
          const int part = (channel * side + row % side) * side + column % side;
          float *inside = patched_data + place(patched, sample, part, row / side, column / side);
          float *outside = whole_data + place(whole, sample, channel, row, column);
          if (merge)
            *outside = *inside;
          else
            *inside = *outside;
        }
}

static bl_status forward_patch(bl_graph *graph, bl_node *node) {
  (void)graph;
  move(node->output->data, node->output, node->input[0]->data, node->input[0], false);
  return BL_OK;
}

static bl_status backward_patch(bl_graph *graph, bl_node *node) {
  (void)graph;
  if (node->d_input[0] != NULL)
    move(node->output->gradient, node->output, node->d_input[0], node->input[0], true);
  return BL_OK;
}

static bl_status forward_unpatch(bl_graph *graph, bl_node *node) {
  (void)graph;
  move(node->input[0]->data, node->input[0], node->output->data, node->output, true);
  return BL_OK;
}

static bl_status backward_unpatch(bl_graph *graph, bl_node *node) {
  (void)graph;
  if (node->d_input[0] != NULL)
    move(node->d_input[0], node->input[0], node->output->gradient, node->output, false);
  return BL_OK;
}

static const bl_node_kind patch_kind = {
    .name = "patch", .prepare = prepare, .forward = forward_patch, .backward = backward_patch};
static const bl_node_kind unpatch_kind = {
    .name = "unpatch", .prepare = prepare, .forward = forward_unpatch, .backward = backward_unpatch};

bl_tensor *bl_patch(bl_graph *graph, bl_tensor *x, int side) {
  if (graph->status != BL_OK || x == NULL)
    return NULL;
  if (side < 1 || x->height % side != 0 || x->width % side != 0) {
    graph->status = bl_fail(BL_ERROR_USAGE, "patches of %d x %d pixels do not fill an image of %d x %d", side, side,
                            x->height, x->width);
    return NULL;
  }
  bl_node *node = bl_node_add(graph, &patch_kind, 1, &x, x->channels * side * side, x->height / side, x->width / side);
  return node == NULL ? NULL : node->output;
}

bl_tensor *bl_unpatch(bl_graph *graph, bl_tensor *x, int side) {
  if (graph->status != BL_OK || x == NULL)
    return NULL;
  if (side < 1 || x->channels % (side * side) != 0) {
    graph->status = bl_fail(BL_ERROR_USAGE, "%d channels cannot become patches of %d x %d pixels", x->channels, side, side);
    return NULL;
  }
  bl_node *node = bl_node_add(graph, &unpatch_kind, 1, &x, x->channels / (side * side), x->height * side, x->width * side);
  return node == NULL ? NULL : node->output;
}
