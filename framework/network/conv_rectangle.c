/* Convolution with a rectangular kernel and bias, stride 1, padded so that the image keeps its size: (batch, in, height,
 * width) -> (batch, out, height, width). Forward only, by oneDNN's direct algorithm: networks that only judge have it. */
#include "base/memory.h"
#include "network/inception.h"
#include "network/primitive.h"

#include <string.h>

typedef struct rectangle {
  int height, width;
  bl_primitive primitive;
  bl_weights weights;
  float *bias; /* (out) */
} rectangle;

static bl_status describe(dnnl_primitive_desc_t *description, bl_operand operands[4], dnnl_memory_desc_t *plain,
                          const bl_graph *graph, const bl_node *node) {
  const rectangle *r = node->state;
  const bl_tensor *x = node->input[0], *y = node->output;
  const dnnl_dims_t w = {y->channels, x->channels, r->height, r->width}, b = {y->channels};
  const dnnl_dims_t stride = {1, 1}, padding = {(r->height - 1) / 2, (r->width - 1) / 2};
  dnnl_memory_desc_t any;
  dnnl_convolution_desc_t d;
  operands[0].argument = DNNL_ARG_SRC;
  operands[1].argument = DNNL_ARG_WEIGHTS;
  operands[2].argument = DNNL_ARG_BIAS;
  operands[3] = (bl_operand){.argument = DNNL_ARG_DST, .written = true};
  BL_TRY(bl_tensor_descriptor(&operands[0].layout, x));
  BL_TRY(bl_tensor_descriptor(&operands[3].layout, y));
  BL_DNNL(dnnl_memory_desc_init_by_tag(plain, 4, w, dnnl_f32, dnnl_oihw));
  BL_DNNL(dnnl_memory_desc_init_by_tag(&any, 4, w, dnnl_f32, dnnl_format_tag_any));
  BL_DNNL(dnnl_memory_desc_init_by_tag(&operands[2].layout, 1, b, dnnl_f32, dnnl_a));
  BL_DNNL(dnnl_convolution_forward_desc_init(&d, dnnl_forward_inference, dnnl_convolution_direct, &operands[0].layout, &any,
                                             &operands[2].layout, &operands[3].layout, stride, padding, padding));
  BL_TRY(bl_primitive_describe(description, graph, &d, NULL));
  operands[1].layout = *bl_primitive_layout(*description, DNNL_ARG_WEIGHTS);
  return BL_OK;
}

static bl_status plan(bl_graph *graph, bl_node *node) {
  rectangle *r = node->state;
  dnnl_primitive_desc_t description = NULL;
  dnnl_memory_desc_t plain;
  bl_operand operands[4] = {{0}};
  bl_status status;
  if (graph->mode != BL_GRAPH_INFERENCE)
    return bl_fail(BL_ERROR_USAGE, "a convolution with a rectangular kernel has no gradients");
  node->output->block = bl_graph_preferred_block(graph, node->output->channels, node->output->height * node->output->width);
  BL_GOTO(describe(&description, operands, &plain, graph, node));
  BL_GOTO(bl_allocate(&r->bias, (size_t)node->output->channels, sizeof *r->bias));
  BL_GOTO(bl_weights_create(&r->weights, graph, &operands[1].layout, &plain, node->parameter[0], 0));
  BL_GOTO(bl_primitive_create(&r->primitive, graph, description, operands, 4));
  node->scratch = r->primitive.scratch;
done:
  if (description != NULL)
    dnnl_primitive_desc_destroy(description);
  return status;
}

static bl_status load(bl_graph *graph, bl_node *node, const float *values) {
  rectangle *r = node->state;
  memcpy(r->bias, bl_node_values(graph, node, 1, values), (size_t)node->output->channels * sizeof *r->bias);
  return bl_weights_load(&r->weights, graph, bl_node_values(graph, node, 0, values));
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  rectangle *r = node->state;
  return bl_primitive_run(&r->primitive, graph,
                          (float *const[]){node->input[0]->data, r->weights.data, r->bias, node->output->data},
                          graph->scratch);
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

static const bl_node_kind kind = {
    .name = "conv rectangle", .plan = plan, .load = load, .forward = forward, .backward = backward, .destroy = destroy};

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
