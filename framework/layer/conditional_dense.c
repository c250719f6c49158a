/* (x Wᵀ + b) · E[index]: (batch, channels, height, width), (batch) -> (batch, features). */
#include "base/kernel.h"
#include "base/memory.h"
#include "layer/affine.h"
#include "layer/layer.h"

#include <stdio.h>
#include <string.h>

typedef struct conditional {
  bl_affine affine;
  int steps;
  float *embedding; /* (steps, features) */
  int *rows;        /* (batch) of the latest forward pass */
} conditional;

static bl_status prepare(bl_graph *graph, bl_node *node) {
  conditional *c = node->state;
  node->keeps_input[0] = true;
  node->kept = bl_tensor_count(node->output); /* x Wᵀ + b */
  BL_TRY(bl_allocate(&c->embedding, (size_t)c->steps * (size_t)node->output->channels, sizeof *c->embedding));
  BL_TRY(bl_allocate(&c->rows, (size_t)graph->batch, sizeof *c->rows));
  return bl_affine_prepare(&c->affine, graph, node);
}

static bl_status load(bl_graph *graph, bl_node *node, const float *values) {
  conditional *c = node->state;
  memcpy(c->embedding, bl_node_values(graph, node, 2, values),
         (size_t)c->steps * (size_t)node->output->channels * sizeof *c->embedding);
  return bl_affine_load(&c->affine, graph, node, values);
}

static bl_status read_rows(const bl_graph *graph, const bl_node *node) {
  const conditional *c = node->state;
  for (int n = 0; n < graph->batch; n++) {
    const float index = node->input[1]->data[n];
    if (!(index >= 0 && index < (float)c->steps) || index != (float)(int)index)
      return bl_fail(BL_ERROR_USAGE,
                     "sample %d of a micro-batch has step %g; a network with %d steps needs a whole number of 0 to %d", n,
                     (double)index, c->steps, c->steps - 1);
    c->rows[n] = (int)index;
  }
  return BL_OK;
}

/** Each sample's row of \a y is that of \a x times that of its step; \a y may be \a x. */
BL_KERNEL static void scale_rows(float *y, const float *x, const conditional *c, size_t samples, size_t features) {
  for (size_t n = 0; n < samples; n++) {
    const float *scale = c->embedding + (size_t)c->rows[n] * features;
    BL_INDEPENDENT
    for (size_t f = 0; f < features; f++)
      y[n * features + f] = x[n * features + f] * scale[f];
  }
}

/** Rows are added in the order of the samples. */
BL_KERNEL static void embedding_gradient(float *restrict gradient, const float *restrict d_y, const float *restrict linear,
                                         const conditional *c, size_t samples, size_t features) {
  memset(gradient, 0, (size_t)c->steps * features * sizeof *gradient);
  for (size_t n = 0; n < samples; n++) {
    float *row = gradient + (size_t)c->rows[n] * features;
    BL_INDEPENDENT
    for (size_t f = 0; f < features; f++)
      row[f] += d_y[n * features + f] * linear[n * features + f];
  }
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  conditional *c = node->state;
  BL_TRY(read_rows(graph, node));
  BL_TRY(bl_affine_forward(&c->affine, graph, node->kept_data, node->input[0]->data));
  scale_rows(node->output->data, node->kept_data, c, (size_t)graph->batch, (size_t)node->output->channels);
  return BL_OK;
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  conditional *c = node->state;
  const size_t samples = (size_t)graph->batch, features = (size_t)node->output->channels;
  float *d_y = node->output->gradient;
  if (graph->d_parameters != NULL)
    embedding_gradient(bl_node_gradient(graph, node, 2), d_y, node->kept_data, c, samples, features);
  scale_rows(d_y, d_y, c, samples, features); /* d_y itself is not needed any more */
  return bl_affine_backward(&c->affine, graph, node, d_y);
}

static void destroy(bl_node *node) {
  conditional *c = node->state;
  if (c == NULL)
    return;
  bl_affine_destroy(&c->affine);
  bl_free(&c->embedding);
  bl_free(&c->rows);
}

static const bl_node_kind kind = {.name = "conditional dense",
                                  .prepare = prepare,
                                  .load = load,
                                  .forward = forward,
                                  .backward = backward,
                                  .destroy = destroy};

bl_tensor *bl_conditional_dense(bl_graph *graph, bl_tensor *x, bl_tensor *index, const char *name, int features,
                                int steps) {
  if (graph->status == BL_OK && steps < 1)
    graph->status = bl_fail(BL_ERROR_USAGE, "layer '%s' has %d steps; it needs at least 1", name, steps);
  bl_node *node = bl_node_add(graph, &kind, 2, (bl_tensor *[]){x, index}, features, 1, 1);
  if (node == NULL)
    return NULL;
  char linear[BL_PARAMETER_NAME];
  if (snprintf(linear, sizeof linear, "%s.lin", name) >= (int)sizeof linear)
    graph->status = bl_fail(BL_ERROR_USAGE, "the layer name '%s' is too long", name);
  const size_t shape[] = {(size_t)steps, (size_t)features};
  bl_affine_add_parameters(node, linear, BL_INITIALISE_XAVIER_NORMAL);
  bl_node_add_parameter(node, name, "embed.weight", 2, shape, BL_INITIALISE_UNIFORM_01, shape[0], shape[1]);
  if (graph->status == BL_OK)
    graph->status = bl_allocate(&node->state, 1, sizeof(conditional));
  if (graph->status != BL_OK)
    return NULL;
  ((conditional *)node->state)->steps = steps;
  return node->output;
}
