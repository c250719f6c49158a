/* Convolution with a rectangular kernel and bias, stride 1, padded so that the image keeps its size: (batch, in, height,
 * width) -> (batch, out, height, width). Forward only, by oneDNN's direct algorithm: networks that only judge have it. */
#include "base/memory.h"
#include "layer/layer.h"
#include "layer/weights.h"

#include <string.h>

typedef struct rectangle {
  int height, width;
  bl_primitive *primitive;
  bl_weights weights;
  float *bias; /* (out) */
} rectangle;

static bl_status describe(bl_linear *f, bl_conv_geometry *pixels, const bl_format **plain, const bl_graph *graph,
                          const bl_node *node) {
  const rectangle *r = node->state;
  const bl_tensor *x = node->input[0], *y = node->output;
  const int64_t weights[] = {y->channels, x->channels, r->height, r->width};
  const int64_t above = (r->height - 1) / 2, left = (r->width - 1) / 2;
  *pixels = (bl_conv_geometry){.stride = {1, 1}, .pad_before = {above, left}, .pad_after = {above, left}};
  BL_TRY(bl_tensor_format(&f->x, x));
  BL_TRY(bl_tensor_format(&f->y, y));
  BL_TRY(bl_format_create(plain, graph->backend, BL_ORDER_PLAIN, 1, 4, weights));
  BL_TRY(bl_format_any(&f->weights, graph->backend, *plain, BL_ELEMENT_F32));
  return bl_format_create(&f->bias, graph->backend, BL_ORDER_PLAIN, 1, 1, weights);
}

/** The primitive on \a f, and weights in the format that it wants. */
static bl_status create_primitive(rectangle *r, const bl_graph *graph, const bl_node *node, const bl_operation *operation,
                                  const bl_linear *f, const bl_format *plain) {
  const bl_operand operands[] = {
      {BL_ARGUMENT_X, f->x}, {BL_ARGUMENT_WEIGHTS, NULL}, {BL_ARGUMENT_BIAS, f->bias}, {BL_ARGUMENT_Y, f->y}};
  const bl_format *wanted = NULL;
  if (operation == NULL)
    return bl_fail(BL_ERROR_LIBRARY, "the back end has no convolution with a kernel of %d x %d", r->height, r->width);
  BL_TRY(bl_operation_format(&wanted, operation, BL_ARGUMENT_WEIGHTS));
  BL_TRY(bl_weights_create(&r->weights, graph, wanted, plain, node->parameter[0], 0));
  return bl_primitive_create(&r->primitive, operation, operands, 4);
}

static bl_status prepare(bl_graph *graph, bl_node *node) {
  rectangle *r = node->state;
  bl_operation *operation = NULL;
  const bl_format *plain = NULL;
  bl_linear f = {0};
  bl_conv_geometry pixels;
  if (graph->mode != BL_GRAPH_INFERENCE)
    return bl_fail(BL_ERROR_USAGE, "a convolution with a rectangular kernel has no gradients");
  node->output->block = bl_graph_preferred_block(graph, node->output->channels, node->output->height * node->output->width);
  BL_TRY(bl_allocate(&r->bias, (size_t)node->output->channels, sizeof *r->bias));
  BL_TRY(describe(&f, &pixels, &plain, graph, node));
  BL_TRY(bl_operation_conv(&operation, graph->backend, BL_PASS_FORWARD, &f, &pixels));
  const bl_status status = create_primitive(r, graph, node, operation, &f, plain);
  bl_operation_destroy(&operation);
  node->scratch = bl_primitive_scratch(r->primitive);
  return status;
}

static bl_status load(bl_graph *graph, bl_node *node, const float *values) {
  rectangle *r = node->state;
  memcpy(r->bias, bl_node_values(graph, node, 1, values), (size_t)node->output->channels * sizeof *r->bias);
  return bl_weights_load(&r->weights, graph, bl_node_values(graph, node, 0, values));
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  rectangle *r = node->state;
  return bl_primitive_run(
      r->primitive, (float *const[]){node->input[0]->data, r->weights.data, r->bias, node->output->data}, graph->scratch);
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  (void)graph;
  (void)node;
  return bl_fail(BL_ERROR_USAGE, "a convolution with a rectangular kernel has no gradients");
}

static void destroy(bl_node *node) {
  rectangle *r = node->state;
  if (r == NULL)
    return;
  bl_primitive_destroy(&r->primitive);
  bl_weights_destroy(&r->weights);
  bl_free(&r->bias);
}

static const bl_node_kind kind = {.name = "conv rectangle",
                                  .prepare = prepare,
                                  .load = load,
                                  .forward = forward,
                                  .backward = backward,
                                  .destroy = destroy};

bl_tensor *bl_conv_rectangle(bl_graph *graph, bl_tensor *x, const char *name, int channels, int height, int width) {
  if (graph->status != BL_OK || x == NULL)
    return NULL;
  if (height < 1 || width < 1 || height % 2 == 0 || width % 2 == 0) {
    graph->status =
        bl_fail(BL_ERROR_USAGE, "convolution '%s' has a kernel of %d x %d: both must be odd", name, height, width);
    return NULL;
  }
  bl_node *node = bl_node_add(graph, &kind, 1, &x, channels, x->height, x->width);
  const size_t in = (size_t)x->channels, out = (size_t)channels, h = (size_t)height, w = (size_t)width;
  bl_node_add_parameter(node, name, "weight", 4, (const size_t[]){out, in, h, w}, BL_INITIALISE_KAIMING_NORMAL, in * h * w,
                        out * h * w);
  bl_node_add_parameter(node, name, "bias", 1, &out, BL_INITIALISE_ZERO, in * h * w, out * h * w);
  if (graph->status == BL_OK)
    graph->status = bl_allocate(&node->state, 1, sizeof(rectangle));
  if (graph->status != BL_OK)
    return NULL;
  ((rectangle *)node->state)->height = height;
  ((rectangle *)node->state)->width = width;
  return node->output;
}
