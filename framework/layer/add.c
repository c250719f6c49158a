/* a + b of equal shape, or b (batch, channels, 1, 1) added to every pixel of a. */
#include "layer/add.h"

#include "base/kernel.h"
#include "layer/layer.h"

#include <string.h>

bool bl_add_is_vector(const bl_tensor *image, const bl_tensor *b) {
  return bl_tensor_count(b) != bl_tensor_count(image);
}

bl_status bl_add_check(const bl_tensor *image, const bl_tensor *b) {
  if (bl_add_is_vector(image, b) || image->block == b->block)
    return BL_OK;
  return bl_fail(BL_ERROR_USAGE, "two tensors of %d channels that are added have different layouts (blocks of %d and %d)",
                 image->channels, image->block, b->block);
}

static bl_status prepare(bl_graph *graph, bl_node *node) {
  (void)graph;
  node->output->block = node->input[0]->block;
  node->in_place = true;
  node->in_place_gradient[0] = true;
  return bl_add_check(node->output, node->input[1]);
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

void bl_add_run(float *y, const float *a, const bl_tensor *image, const bl_tensor *b) {
  if (bl_add_is_vector(image, b))
    add_vector(y, a, b->data, measure(image));
  else
    add_image(y, a, b->data, bl_tensor_count(image));
}

void bl_add_gradient(float *d_b, const float *d_y, const bl_tensor *image, const bl_tensor *b) {
  if (bl_add_is_vector(image, b))
    sum_pixels(d_b, d_y, measure(image));
  else if (d_b != d_y)
    memcpy(d_b, d_y, bl_tensor_count(image) * sizeof *d_y);
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  (void)graph;
  bl_add_run(node->output->data, node->input[0]->data, node->output, node->input[1]);
  return BL_OK;
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  (void)graph;
  for (int i = 0; i < 2; i++)
    if (node->d_input[i] != NULL)
      bl_add_gradient(node->d_input[i], node->output->gradient, node->output, node->input[i]);
  return BL_OK;
}

static const bl_node_kind kind = {
    .name = "add", .prepare = prepare, .forward = forward, .backward = backward, .sums = true};

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
