/* Element-wise functions. Piecewise linear ones find their derivative from the output, so that their input need not be kept
 * and forward may run in place; the others keep their input. */
#include "base/kernel.h"
#include "base/memory.h"
#include "engine/node.h"
#include "layer/exponential.h"
#include "layer/layer.h"

#include <math.h>

/** log(1 + u) for 0 <= u <= 1 as 2 artanh(s), s = u / (2 + u) <= 1/3, by its series: the first term left out is below 2e-9.
 */
static BL_ALWAYS_INLINE float log_of_one_plus(float u) {
  const float s = u / (2.0f + u), z = s * s;
  float p = 1.0f / 15;
  p = p * z + 1.0f / 13;
  p = p * z + 1.0f / 11;
  p = p * z + 1.0f / 9;
  p = p * z + 1.0f / 7;
  p = p * z + 1.0f / 5;
  p = p * z + 1.0f / 3;
  p = p * z + 1.0f;
  return 2.0f * s * p;
}

BL_KERNEL static void leaky_relu(float *y, const float *x, size_t count, float slope) {
  BL_INDEPENDENT
  for (size_t i = 0; i < count; i++)
    y[i] = x[i] > 0.0f ? x[i] : slope * x[i];
}

BL_KERNEL static void leaky_relu_backward(float *d_x, const float *y, const float *d_y, size_t count, float slope) {
  BL_INDEPENDENT
  for (size_t i = 0; i < count; i++)
    d_x[i] = y[i] > 0.0f ? d_y[i] : slope * d_y[i];
}

BL_KERNEL static void silu(float *y, const float *x, size_t count) {
  BL_INDEPENDENT
  for (size_t i = 0; i < count; i++)
    y[i] = x[i] * bl_sigmoid(x[i]);
}

BL_KERNEL static void silu_backward(float *d_x, const float *x, const float *d_y, size_t count) {
  BL_INDEPENDENT
  for (size_t i = 0; i < count; i++) {
    const float s = bl_sigmoid(x[i]);
    d_x[i] = d_y[i] * (s * (1.0f + x[i] * (1.0f - s)));
  }
}

/** log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). */
BL_KERNEL static void softplus(float *y, const float *x, size_t count) {
  BL_INDEPENDENT
  for (size_t i = 0; i < count; i++)
    y[i] = (x[i] > 0.0f ? x[i] : 0.0f) + log_of_one_plus(bl_exponential(-fabsf(x[i])));
}

BL_KERNEL static void softplus_backward(float *d_x, const float *x, const float *d_y, size_t count) {
  BL_INDEPENDENT
  for (size_t i = 0; i < count; i++)
    d_x[i] = d_y[i] * bl_sigmoid(x[i]);
}

static bl_activation function_of(const bl_node *node) {
  return *(const bl_activation *)node->state;
}

static float slope_of(bl_activation function) {
  return function == BL_RELU ? 0.0f : 0.2f;
}

static bl_status prepare(bl_graph *graph, bl_node *node) {
  (void)graph;
  const bl_activation function = function_of(node);
  const bool from_output = function == BL_RELU || function == BL_LEAKY_RELU;
  node->output->block = node->input[0]->block;
  node->keeps_input[0] = !from_output;
  node->keeps_output = from_output;
  node->in_place = true;
  node->in_place_gradient[0] = true;
  return BL_OK;
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  (void)graph;
  const bl_activation function = function_of(node);
  const size_t count = bl_tensor_count(node->output);
  float *y = node->output->data;
  const float *x = node->input[0]->data;
  if (function == BL_SILU)
    silu(y, x, count);
  else if (function == BL_SOFTPLUS)
    softplus(y, x, count);
  else
    leaky_relu(y, x, count, slope_of(function));
  return BL_OK;
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  (void)graph;
  const bl_activation function = function_of(node);
  const size_t count = bl_tensor_count(node->output);
  float *d_x = node->d_input[0];
  const float *d_y = node->output->gradient;
  if (d_x == NULL)
    return BL_OK;
  if (function == BL_SILU)
    silu_backward(d_x, node->input[0]->data, d_y, count);
  else if (function == BL_SOFTPLUS)
    softplus_backward(d_x, node->input[0]->data, d_y, count);
  else
    leaky_relu_backward(d_x, node->output->data, d_y, count, slope_of(function));
  return BL_OK;
}

static const bl_node_kind kind = {.name = "activation", .prepare = prepare, .forward = forward, .backward = backward};

bl_tensor *bl_activate(bl_graph *graph, bl_tensor *x, bl_activation activation) {
  bl_node *node =
      bl_node_add(graph, &kind, 1, &x, x == NULL ? 0 : x->channels, x == NULL ? 0 : x->height, x == NULL ? 0 : x->width);
  if (node == NULL)
    return NULL;
  graph->status = bl_allocate(&node->state, 1, sizeof(bl_activation));
  if (graph->status != BL_OK)
    return NULL;
  *(bl_activation *)node->state = activation;
  return node->output;
}
