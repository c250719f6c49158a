/* Inverted dropout (Srivastava et al. 2014): elements become 0 with probability p, the others are divided by 1 − p.
 *
 * Masks are counter-based: element e (in the plain order channel, row, column) of sample s asks half a word, number e, of
 * the stream (seed, dropout, round, sample + s, layer). A mask depends neither on the layout in memory nor on how samples
 * are gathered to micro-batches. p is rounded to a multiple of 2^-16. */

#include "base/kernel.h"
#include "base/memory.h"
#include "engine/node.h"
#include "layer/layer.h"

#include <stdint.h>
#include <string.h>

typedef struct dropout {
  uint32_t threshold; /* of 65536: halves below it are dropped */
  bool active;        /* whether the latest forward pass drew masks */
} dropout;

static size_t sample_size(const bl_tensor *x) {
  return (size_t)x->channels * (size_t)x->height * (size_t)x->width;
}

static bl_status prepare(bl_graph *graph, bl_node *node) {
  const bl_tensor *x = node->input[0];
  (void)graph;
  node->output->block = x->block;
  node->cheap = true;
  node->in_place = true;
  node->in_place_gradient[0] = true;
  node->kept = (bl_tensor_count(x) + sizeof(float) - 1) / sizeof(float);         /* one byte an element */
  node->scratch = (sample_size(x) + 1) / 2 + sample_size(x) / sizeof(float) + 1; /* words, and a byte for each half */
  return BL_OK;
}

/* stays[e] = whether half word e is at least the threshold. */
BL_KERNEL static void compare(uint8_t *restrict stays, const uint32_t *restrict words, size_t count, uint32_t threshold) {
  for (size_t i = 0; i < count; i++) {
    stays[2 * i] = (words[i] & 0xffffu) >= threshold;
    stays[2 * i + 1] = words[i] >> 16 >= threshold;
  }
}

/* The mask of one sample, in its layout in memory: 1 where the element stays. */
static void draw_mask(uint8_t *mask, uint32_t *scratch, const bl_tensor *x, uint32_t threshold, bl_draw draw) {
  size_t size = sample_size(x), words = (size + 1) / 2, pixels = (size_t)x->height * (size_t)x->width;
  size_t block = (size_t)x->block;
  uint8_t *stays = (uint8_t *)(scratch + words);
  bl_random_bits(scratch, words, draw);
  compare(stays, scratch, words, threshold);
  for (size_t first = 0; first < size; first += block * pixels)
    for (size_t p = 0; p < pixels; p++)
      for (size_t l = 0; l < block; l++)
        mask[first + p * block + l] = stays[first + l * pixels + p];
}

/* y = x · scale where the mask is 1, else 0; y may be x. The choice is made on bits, since compilers turn it into a branch
 * otherwise. */
BL_KERNEL static void apply(float *y, const float *x, const uint8_t *mask, size_t count, float scale) {
  BL_INDEPENDENT
  for (size_t i = 0; i < count; i++) {
    float scaled = x[i] * scale;
    uint32_t bits;
    memcpy(&bits, &scaled, sizeof bits);
    bits &= 0u - mask[i];
    memcpy(&y[i], &bits, sizeof bits);
  }
}

static float scale_of(const dropout *state) {
  return 65536.0f / (float)(65536u - state->threshold);
}

/* The output by the masks that are there. */
static bl_status recompute(bl_graph *graph, bl_node *node) {
  const dropout *state = node->state;
  const bl_tensor *x = node->input[0];
  size_t count = bl_tensor_count(x);
  (void)graph;
  if (state->active)
    apply(node->output->data, x->data, (const uint8_t *)node->kept_data, count, scale_of(state));
  else if (node->output->data != x->data)
    memcpy(node->output->data, x->data, count * sizeof *x->data);
  return BL_OK;
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  dropout *state = node->state;
  const bl_tensor *x = node->input[0];
  size_t size = sample_size(x);
  state->active = graph->dropout && graph->mode == BL_GRAPH_TRAINING;
  if (!state->active)
    return recompute(graph, node);
  uint8_t *mask = (uint8_t *)node->kept_data;
  uint32_t *words = (uint32_t *)graph->scratch;
  bl_draw draw = graph->dropout_draw;
  draw.purpose = BL_PURPOSE_DROPOUT;
  draw.step = (uint32_t)node->number;
  for (size_t n = 0; n < (size_t)graph->batch; n++) {
    draw.sample = graph->dropout_draw.sample + (uint32_t)n;
    draw_mask(mask + n * size, words, x, state->threshold, draw);
  }
  return recompute(graph, node);
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  dropout *state = node->state;
  size_t count = bl_tensor_count(node->output);
  (void)graph;
  if (node->d_input[0] == NULL)
    return BL_OK;
  if (state->active)
    apply(node->d_input[0], node->output->gradient, (const uint8_t *)node->kept_data, count, scale_of(state));
  else if (node->d_input[0] != node->output->gradient)
    memcpy(node->d_input[0], node->output->gradient, count * sizeof(float));
  return BL_OK;
}

static const bl_node_kind kind = {
    .name = "dropout", .prepare = prepare, .forward = forward, .backward = backward, .recompute = recompute};

bl_tensor *bl_dropout(bl_graph *graph, bl_tensor *x, float probability) {
  if (x == NULL || graph->status != BL_OK)
    return NULL;
  if (!(probability >= 0.0f && probability < 1.0f)) {
    graph->status =
        bl_fail(BL_ERROR_USAGE, "dropout with probability %g: expected at least 0 and below 1", (double)probability);
    return NULL;
  }
  if (probability == 0.0f)
    return x;
  bl_node *node = bl_node_add(graph, &kind, 1, &x, x->channels, x->height, x->width);
  if (node == NULL)
    return NULL;
  dropout *state = NULL;
  graph->status = bl_allocate(&state, 1, sizeof *state);
  if (graph->status != BL_OK)
    return NULL;
  state->threshold = (uint32_t)(65536.0 * (double)probability + 0.5);
  if (state->threshold > 65535)
    state->threshold = 65535;
  node->state = state;
  return node->output;
}
