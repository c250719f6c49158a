/* Two-dimensional convolution with bias on oneDNN: (batch, in, height, width) -> (batch, out, …). */
#include "base/memory.h"
#include "network/primitive.h"

#include <string.h>

enum { FORWARD, BACKWARD_DATA, BACKWARD_WEIGHTS, PASSES };

typedef struct convolution {
  bl_conv_shape shape;
  bl_primitive pass[PASSES];
  bl_weights forward_weights, backward_weights;
  float *bias; /* (out) */
} convolution;

/** The algorithm for a node: Winograd's for 3 x 3 kernels of stride 1 on whole blocks of channels, where there are enough
 * pixels to pay for its transformations (measured on AVX-512: 1.5 to 2 times as fast; its error is about 1e-6, as that of
 * the direct sum). A fixed rule and no measurement on the spot, so that every rank and every run takes the same. */
static dnnl_alg_kind_t choose_algorithm(const bl_node *node) {
  const convolution *conv = node->state;
  const bl_tensor *x = node->input[0], *y = node->output;
  const int least_pixels = 512;
  const bool blocked = x->block > 1 && y->block > 1;
  if (blocked && conv->shape.kernel == 3 && conv->shape.stride == 1 &&
      y->graph->batch * y->height * y->width >= least_pixels)
    return dnnl_convolution_winograd;
  return dnnl_convolution_direct;
}

/** The layout of a tensor. A vector is plain and blocked at once; call it blocked, which the fast kernels know. */
static bl_status describe_tensor(dnnl_memory_desc_t *layout, const bl_tensor *tensor) {
  bl_tensor as = *tensor;
  if (tensor->height * tensor->width == 1 && tensor->channels % tensor->graph->block == 0)
    as.block = tensor->graph->block;
  return bl_tensor_descriptor(layout, &as);
}

/** All that an operation descriptor needs. */
typedef struct geometry {
  dnnl_memory_desc_t x, w, b, y; /* ours; w is plain */
  dnnl_dims_t stride, pad_before, pad_after;
} geometry;

static bl_status describe_geometry(geometry *g, const bl_node *node) {
  const convolution *conv = node->state;
  const bl_conv_shape s = conv->shape;
  const dnnl_dims_t w = {node->output->channels, node->input[0]->channels, s.kernel, s.kernel};
  const dnnl_dims_t b = {node->output->channels};
  *g = (geometry){
      .stride = {s.stride, s.stride}, .pad_before = {s.pad_before, s.pad_before}, .pad_after = {s.pad_after, s.pad_after}};
  BL_TRY(describe_tensor(&g->x, node->input[0]));
  BL_TRY(describe_tensor(&g->y, node->output));
  BL_DNNL(dnnl_memory_desc_init_by_tag(&g->w, 4, w, dnnl_f32, dnnl_oihw));
  BL_DNNL(dnnl_memory_desc_init_by_tag(&g->b, 1, b, dnnl_f32, dnnl_a));
  return BL_OK;
}

static bl_status any_layout(dnnl_memory_desc_t *layout) {
  BL_DNNL(dnnl_memory_desc_init_by_tag(layout, layout->ndims, layout->dims, dnnl_f32, dnnl_format_tag_any));
  return BL_OK;
}

/** \param [out] description  NULL where oneDNN does not know the algorithm for this geometry. */
static bl_status describe_pass(dnnl_primitive_desc_t *description, const bl_graph *graph, const geometry *g, int pass,
                               dnnl_alg_kind_t algorithm, const_dnnl_primitive_desc_t hint) {
  dnnl_convolution_desc_t d;
  if (pass == FORWARD)
    BL_DNNL(dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, algorithm, &g->x, &g->w, &g->b, &g->y, g->stride,
                                               g->pad_before, g->pad_after));
  else if (pass == BACKWARD_DATA)
    BL_DNNL(dnnl_convolution_backward_data_desc_init(&d, algorithm, &g->x, &g->w, &g->y, g->stride, g->pad_before,
                                                     g->pad_after));
  else
    BL_DNNL(dnnl_convolution_backward_weights_desc_init(&d, algorithm, &g->x, &g->w, &g->b, &g->y, g->stride, g->pad_before,
                                                        g->pad_after));
  return algorithm == dnnl_convolution_direct ? bl_primitive_describe(description, graph, &d, hint)
                                              : bl_primitive_try(description, graph, &d, hint);
}

/** Describe \a pass with weights in any layout, and activations in ours or (\a free_layout) in any. */
static bl_status describe_in(dnnl_primitive_desc_t *description, const bl_graph *graph, const geometry *ours, int pass,
                             dnnl_alg_kind_t algorithm, bool free_layout) {
  geometry g = *ours;
  dnnl_primitive_desc_t hint = NULL;
  *description = NULL;
  BL_TRY(any_layout(&g.w));
  if (free_layout) {
    BL_TRY(any_layout(&g.x));
    BL_TRY(any_layout(&g.y));
  }
  BL_TRY(describe_pass(&hint, graph, &g, FORWARD, algorithm, NULL));
  if (pass == FORWARD || hint == NULL) {
    *description = hint;
    return BL_OK;
  }
  const bl_status status = describe_pass(description, graph, &g, pass, algorithm, hint);
  dnnl_primitive_desc_destroy(hint);
  return status;
}

/** The fast kernels want blocks of channels. Where a tensor has none (images, the last layer) and oneDNN has only a slow
 * kernel for it, padding to a block in scratch is many times faster. */
static bl_status choose_kernel(dnnl_primitive_desc_t *description, const bl_graph *graph, const bl_node *node,
                               const geometry *g, int pass) {
  const dnnl_alg_kind_t algorithm = choose_algorithm(node);
  if (algorithm != dnnl_convolution_direct) {
    BL_TRY(describe_in(description, graph, g, pass, algorithm, false));
    if (*description != NULL)
      return BL_OK;
  }
  BL_TRY(describe_in(description, graph, g, pass, dnnl_convolution_direct, false));
  if (!bl_primitive_is_slow(*description))
    return BL_OK;
  dnnl_primitive_desc_t other = NULL;
  BL_TRY(describe_in(&other, graph, g, pass, dnnl_convolution_direct, true));
  const bool better = !bl_primitive_is_slow(other);
  dnnl_primitive_desc_destroy(better ? *description : other);
  if (better)
    *description = other;
  return BL_OK;
}

static bl_status plan_pass(bl_graph *graph, bl_node *node, const geometry *g, int pass) {
  convolution *conv = node->state;
  dnnl_primitive_desc_t description = NULL;
  bl_status status = BL_OK;
  BL_TRY(choose_kernel(&description, graph, node, g, pass));
  if (pass == FORWARD) {
    const dnnl_memory_desc_t w = *bl_primitive_layout(description, DNNL_ARG_WEIGHTS);
    const bl_operand operands[] = {{DNNL_ARG_SRC, g->x, false},
                                   {DNNL_ARG_WEIGHTS, w, false},
                                   {DNNL_ARG_BIAS, g->b, false},
                                   {DNNL_ARG_DST, g->y, true}};
    BL_GOTO(bl_weights_create(&conv->forward_weights, graph, &w, &g->w));
    BL_GOTO(bl_primitive_create(&conv->pass[pass], graph, description, operands, 4));
  } else if (pass == BACKWARD_DATA) {
    const dnnl_memory_desc_t w = *bl_primitive_layout(description, DNNL_ARG_WEIGHTS);
    const bl_operand operands[] = {
        {DNNL_ARG_DIFF_DST, g->y, false}, {DNNL_ARG_WEIGHTS, w, false}, {DNNL_ARG_DIFF_SRC, g->x, true}};
    BL_GOTO(bl_weights_create(&conv->backward_weights, graph, &w, &g->w));
    BL_GOTO(bl_primitive_create(&conv->pass[pass], graph, description, operands, 3));
  } else {
    const bl_operand operands[] = {{DNNL_ARG_SRC, g->x, false},
                                   {DNNL_ARG_DIFF_DST, g->y, false},
                                   {DNNL_ARG_DIFF_WEIGHTS, g->w, true},
                                   {DNNL_ARG_DIFF_BIAS, g->b, true}};
    BL_GOTO(bl_primitive_create(&conv->pass[pass], graph, description, operands, 4));
  }
  if (conv->pass[pass].scratch > node->scratch)
    node->scratch = conv->pass[pass].scratch;
done:
  dnnl_primitive_desc_destroy(description);
  return status;
}

static bl_status plan(bl_graph *graph, bl_node *node) {
  convolution *conv = node->state;
  bl_tensor *y = node->output;
  geometry g;
  y->block = bl_graph_preferred_block(graph, y->channels, y->height * y->width);
  node->keeps_input[0] = true;
  BL_TRY(bl_allocate(&conv->bias, (size_t)y->channels, sizeof *conv->bias));
  BL_TRY(describe_geometry(&g, node));
  for (int pass = FORWARD; pass < (graph->mode == BL_GRAPH_TRAINING ? PASSES : BACKWARD_DATA); pass++)
    if (pass != BACKWARD_DATA || node->input[0]->needs_gradient)
      BL_TRY(plan_pass(graph, node, &g, pass));
  return BL_OK;
}

static bl_status load(bl_graph *graph, bl_node *node, const float *values) {
  convolution *conv = node->state;
  const float *w = bl_node_values(graph, node, 0, values), *b = bl_node_values(graph, node, 1, values);
  memcpy(conv->bias, b, (size_t)node->output->channels * sizeof *b);
  BL_TRY(bl_weights_load(&conv->forward_weights, graph, w));
  if (conv->pass[BACKWARD_DATA].primitive != NULL)
    BL_TRY(bl_weights_load(&conv->backward_weights, graph, w));
  return BL_OK;
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  convolution *conv = node->state;
  float *const pointers[] = {node->input[0]->data, conv->forward_weights.data, conv->bias, node->output->data};
  return bl_primitive_run(&conv->pass[FORWARD], graph, pointers, graph->scratch);
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  convolution *conv = node->state;
  float *x = node->input[0]->data, *d_y = node->output->gradient, *d_x = node->d_input[0];
  if (graph->d_parameters != NULL) {
    float *const pointers[] = {x, d_y, bl_node_gradient(graph, node, 0), bl_node_gradient(graph, node, 1)};
    BL_TRY(bl_primitive_run(&conv->pass[BACKWARD_WEIGHTS], graph, pointers, graph->scratch));
  }
  if (d_x != NULL)
    BL_TRY(bl_primitive_run(&conv->pass[BACKWARD_DATA], graph, (float *const[]){d_y, conv->backward_weights.data, d_x},
                            graph->scratch));
  return BL_OK;
}

static void destroy(bl_node *node) {
  convolution *conv = node->state;
  if (conv == NULL)
    return;
  for (int pass = 0; pass < PASSES; pass++)
    bl_primitive_destroy(&conv->pass[pass]);
  bl_weights_destroy(&conv->forward_weights);
  bl_weights_destroy(&conv->backward_weights);
  bl_free(&conv->bias);
}

static const bl_node_kind kind = {"conv", plan, load, forward, backward, destroy};

bl_tensor *bl_conv(bl_graph *graph, bl_tensor *x, const char *name, int channels, bl_conv_shape s, bl_initialiser weights) {
  if (graph->status != BL_OK || x == NULL)
    return NULL;
  const int padding = s.pad_before + s.pad_after;
  if (s.kernel < 1 || s.stride < 1 || s.pad_before < 0 || s.pad_after < 0 || x->height + padding < s.kernel ||
      x->width + padding < s.kernel) {
    graph->status = bl_fail(
        BL_ERROR_USAGE, "convolution '%s' with kernel %d, stride %d, padding %d and %d does not fit an image of %d x %d",
        name, s.kernel, s.stride, s.pad_before, s.pad_after, x->height, x->width);
    return NULL;
  }
  bl_node *node = bl_node_add(graph, &kind, 1, &x, channels, (x->height + padding - s.kernel) / s.stride + 1,
                              (x->width + padding - s.kernel) / s.stride + 1);
  if (node == NULL)
    return NULL;
  const size_t in = (size_t)x->channels, out = (size_t)channels, k = (size_t)s.kernel;
  bl_node_add_parameter(node, name, "weight", 4, (const size_t[]){out, in, k, k}, weights, in * k * k, out * k * k);
  bl_node_add_parameter(node, name, "bias", 1, &out, BL_INITIALISE_FAN_IN_UNIFORM, in * k * k, out * k * k);
  if (graph->status == BL_OK)
    graph->status = bl_allocate(&node->state, 1, sizeof(convolution));
  if (graph->status != BL_OK)
    return NULL;
  ((convolution *)node->state)->shape = s;
  return node->output;
}
