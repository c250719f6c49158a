/* Sinusoidal embedding of the diffusion time. Frequencies and angles are rounded to single precision as in the public
 * PyTorch code: at t = 1000 the rounding of an angle is 6e-5, and public weights have seen exactly those inputs. */

#include "base/memory.h"
#include "engine/node.h"
#include "layer/layer.h"

#include <math.h>

/* The natural logarithm of frequency i: with a shift rounded as in the public DDPM code, without as in diffusers. */
static float exponent_of(int i, int half, bool unshifted) {
  if (unshifted)
    return (float)-log(10000.0) * (float)i / (float)half;
  return (float)i * (float)(-log(10000.0) / (half - 1));
}

static bl_status prepare(bl_graph *graph, bl_node *node) {
  (void)graph;
  node->output->block = 1;
  return BL_OK;
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  int features = node->output->channels, half = features / 2;
  const bl_time_form *form = node->state;
  const int sines = form->cosine_first ? half : 0, cosines = half - sines;
  for (int n = 0; n < graph->batch; n++) {
    float time = node->input[0]->data[n];
    float *out = node->output->data + (size_t)n * (size_t)features;
    for (int i = 0; i < half; i++) {
      float frequency = (float)exp((double)exponent_of(i, half, form->unshifted));
      float angle = time * frequency;
      out[sines + i] = (float)sin((double)angle);
      out[cosines + i] = (float)cos((double)angle);
    }
  }
  return BL_OK;
}

/* Time has no gradient: it is neither a parameter nor an image. */
static bl_status backward(bl_graph *graph, bl_node *node) {
  (void)graph;
  (void)node;
  return BL_OK;
}

static const bl_node_kind kind = {.name = "time_embedding", .prepare = prepare, .forward = forward, .backward = backward};

bl_tensor *bl_time_embedding(bl_graph *graph, bl_tensor *time, int features, bl_time_form form) {
  if (graph->status == BL_OK && (features < 4 || features % 2 != 0))
    graph->status =
        bl_fail(BL_ERROR_USAGE, "a time embedding of %d features: expected an even number of at least 4", features);
  bl_node *node = bl_node_add(graph, &kind, 1, &time, features, 1, 1);
  if (node == NULL)
    return NULL;
  graph->status = bl_allocate(&node->state, 1, sizeof form);
  if (graph->status != BL_OK)
    return NULL;
  *(bl_time_form *)node->state = form;
  return node->output;
}
