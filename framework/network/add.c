/* a + b of equal shape, or b (batch, channels, 1, 1) added to every pixel of a. */
#include "base/kernel.h"
#include "network/node.h"

#include <string.h>

static bool is_broadcast(const bl_node *node) {
  return bl_tensor_count(node->input[1]) != bl_tensor_count(node->input[0]);
}

static bl_status plan(bl_graph *graph, bl_node *node) {
  (void)graph;
  if (!is_broadcast(node) && node->input[0]->block != node->input[1]->block)
    return bl_fail(BL_ERROR_USAGE, "two tensors of %d channels that are added have different layouts (blocks of %d and %d)",
                   node->output->channels, node->input[0]->block, node->input[1]->block);
  node->output->block = node->input[0]->block;
  node->in_place = true;
  node->in_place_gradient = true;
  return BL_OK;
}

/** Sizes of a blocked image: (groups, pixels, block), where groups runs over samples and blocks of channels. The plain
 * vector b is (groups, block) then. */
typedef struct extent {
  size_t groups, pixels, block;
} extent;

static extent measure(const bl_tensor *a) {
  const size_t pixels = (size_t)a->height * (size_t)a->width, block = (size_t)a->block;
  return (extent){bl_tensor_count(a) / (pixels * block), pixels, block};
}

BL_KERNEL static void add_image(float *y, const float *a, const float *b, size_t count) {
  BL_INDEPENDENT
  for (size_t i = 0; i < count; i++)
    y[i] = a[i] + b[i];
}

BL_KERNEL static void add_vector(float *y, const float *a, const float *b, extent e) {
  for (size_t g = 0; g < e.groups; g++)
    for (size_t p = 0; p < e.pixels; p++) {
      BL_INDEPENDENT
      for (size_t c = 0; c < e.block; c++)
        y[(g * e.pixels + p) * e.block + c] = a[(g * e.pixels + p) * e.block + c] + b[g * e.block + c];
    }
}

BL_KERNEL static void sum_pixels(float *restrict d_b, const float *restrict d_y, extent e) {
  for (size_t g = 0; g < e.groups; g++) {
    float *restrict sum = d_b + g * e.block;
    memset(sum, 0, e.block * sizeof *sum);
    for (size_t p = 0; p < e.pixels; p++)
      for (size_t c = 0; c < e.block; c++)
        sum[c] += d_y[(g * e.pixels + p) * e.block + c];
  }
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  (void)graph;
  float *y = node->output->data;
  const float *a = node->input[0]->data, *b = node->input[1]->data;
  if (is_broadcast(node))
    add_vector(y, a, b, measure(node->input[0]));
  else
    add_image(y, a, b, bl_tensor_count(node->output));
  return BL_OK;
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  (void)graph;
  const float *d_y = node->output->gradient;
  const size_t bytes = bl_tensor_count(node->output) * sizeof *d_y;
  if (node->d_input[0] != NULL && node->d_input[0] != d_y)
    memcpy(node->d_input[0], d_y, bytes);
  if (node->d_input[1] != NULL && is_broadcast(node))
    sum_pixels(node->d_input[1], d_y, measure(node->input[0]));
  else if (node->d_input[1] != NULL)
    memcpy(node->d_input[1], d_y, bytes);
  return BL_OK;
}

static const bl_node_kind kind = {"add", plan, NULL, forward, backward, NULL, NULL};

bl_tensor *bl_add(bl_graph *graph, bl_tensor *a, bl_tensor *b) {
  if (graph->status == BL_OK && a != NULL && b != NULL) {
    const bool same = a->height == b->height && a->width == b->width, vector = b->height * b->width == 1;
    if (a->channels != b->channels || (!same && !vector))
      graph->status = bl_fail(BL_ERROR_USAGE, "a tensor (%d, %d, %d) cannot be added to (%d, %d, %d)", b->channels,
                              b->height, b->width, a->channels, a->height, a->width);
  }
  bl_node *node = bl_node_add(graph, &kind, 2, (bl_tensor *[]){a, b}, a == NULL ? 0 : a->channels,
                              a == NULL ? 0 : a->height, a == NULL ? 0 : a->width);
  return node == NULL ? NULL : node->output;
}
