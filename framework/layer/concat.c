/* Channels of a, then channels of b. Where both have the same block, a sample of the result is a sample of a followed by a
 * sample of b; otherwise the result is plain. */

#include "engine/node.h"
#include "layer/layer.h"

#include <string.h>

static bl_status prepare(bl_graph *graph, bl_node *node) {
  (void)graph;
  node->output->block = node->input[0]->block == node->input[1]->block ? node->input[0]->block : 1;
  node->cheap = true;
  return BL_OK;
}

/* One sample from a layout of `block` channels to the plain one (or back). */
static void copy_sample(float *restrict plain, const float *restrict blocked, size_t channels, size_t pixels,
                        size_t block) {
  for (size_t c = 0; c < channels; c++)
    for (size_t p = 0; p < pixels; p++)
      plain[c * pixels + p] = blocked[(c / block * pixels + p) * block + c % block];
}

static void copy_sample_back(float *restrict blocked, const float *restrict plain, size_t channels, size_t pixels,
                             size_t block) {
  for (size_t c = 0; c < channels; c++)
    for (size_t p = 0; p < pixels; p++)
      blocked[(c / block * pixels + p) * block + c % block] = plain[c * pixels + p];
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  const bl_tensor *out = node->output;
  size_t pixels = (size_t)out->height * (size_t)out->width, first = 0;
  for (int i = 0; i < 2; i++) {
    const bl_tensor *in = node->input[i];
    size_t channels = (size_t)in->channels, size = channels * pixels;
    for (size_t n = 0; n < (size_t)graph->batch; n++) {
      float *to = out->data + (n * (size_t)out->channels + first) * pixels;
      if (in->block == out->block)
        memcpy(to, in->data + n * size, size * sizeof *to);
      else
        copy_sample(to, in->data + n * size, channels, pixels, (size_t)in->block);
    }
    first += channels;
  }
  return BL_OK;
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  const bl_tensor *out = node->output;
  size_t pixels = (size_t)out->height * (size_t)out->width, first = 0;
  for (int i = 0; i < 2; i++) {
    const bl_tensor *in = node->input[i];
    size_t channels = (size_t)in->channels, size = channels * pixels;
    for (size_t n = 0; n < (size_t)graph->batch && node->d_input[i] != NULL; n++) {
      const float *from = out->gradient + (n * (size_t)out->channels + first) * pixels;
      if (in->block == out->block)
        memcpy(node->d_input[i] + n * size, from, size * sizeof *from);
      else
        copy_sample_back(node->d_input[i] + n * size, from, channels, pixels, (size_t)in->block);
    }
    first += channels;
  }
  return BL_OK;
}

static const bl_node_kind kind = {.name = "concat", .prepare = prepare, .forward = forward, .backward = backward};

bl_tensor *bl_concat(bl_graph *graph, bl_tensor *a, bl_tensor *b) {
  if (a == NULL || b == NULL || graph->status != BL_OK)
    return NULL;
  if (a->height != b->height || a->width != b->width) {
    graph->status = bl_fail(BL_ERROR_USAGE, "concat: images of %d x %d and of %d x %d pixels do not fit", a->height,
                            a->width, b->height, b->width);
    return NULL;
  }
  bl_tensor *inputs[2] = {a, b};
  bl_node *node = bl_node_add(graph, &kind, 2, inputs, a->channels + b->channels, a->height, a->width);
  return node == NULL ? NULL : node->output;
}
