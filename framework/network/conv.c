/* Two-dimensional convolution with bias on oneDNN: (batch, in, height, width) -> (batch, out, …). */
#include "base/kernel.h"
#include "base/memory.h"
#include "network/add.h"
#include "network/primitive.h"
#include "network/winograd.h"

#include <stdint.h>
#include <string.h>

typedef struct convolution {
  bl_conv_shape shape;
  bl_primitive pass[BL_PASS_COUNT]; /* or, where oneDNN has not what was chosen, */
  bl_winograd *winograd[BL_PASS_COUNT];
  bl_weights weights;  /* in the forward pass's layout */
  bl_primitive turned; /* to that of backward data, in scratch, where it is another: held twice they would take more room */
  size_t turned_at;    /* floats from the start of scratch */
  float *bias;         /* (out) */
  bool rounds; /* forward computes in single precision what bfloat16 would give, on a machine that has not its instructions
                */
} convolution;

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

/** The same tensor in whatever layout a kernel likes best. */
static bl_status any_layout(dnnl_memory_desc_t *layout, dnnl_data_type_t type) {
  BL_DNNL(dnnl_memory_desc_init_by_tag(layout, layout->ndims, layout->dims, type, dnnl_format_tag_any));
  return BL_OK;
}

/** The direct sum. \param [out] description  NULL where oneDNN has no kernel for this geometry. */
static bl_status describe_pass(dnnl_primitive_desc_t *description, const bl_graph *graph, const geometry *g, bl_pass pass,
                               const_dnnl_primitive_desc_t hint) {
  const dnnl_alg_kind_t algorithm = dnnl_convolution_direct;
  dnnl_convolution_desc_t d;
  if (pass == BL_PASS_FORWARD)
    BL_DNNL(dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, algorithm, &g->x, &g->w, &g->b, &g->y, g->stride,
                                               g->pad_before, g->pad_after));
  else if (pass == BL_PASS_BACKWARD_DATA)
    BL_DNNL(dnnl_convolution_backward_data_desc_init(&d, algorithm, &g->x, &g->w, &g->y, g->stride, g->pad_before,
                                                     g->pad_after));
  else
    BL_DNNL(dnnl_convolution_backward_weights_desc_init(&d, algorithm, &g->x, &g->w, &g->b, &g->y, g->stride, g->pad_before,
                                                        g->pad_after));
  return bl_primitive_try(description, graph, &d, hint);
}

/** Describe \a pass of a geometry as it is; the forward pass is a hint for the others. */
static bl_status describe(dnnl_primitive_desc_t *description, const bl_graph *graph, const geometry *g, bl_pass pass) {
  dnnl_primitive_desc_t hint = NULL;
  *description = NULL;
  BL_TRY(describe_pass(&hint, graph, g, BL_PASS_FORWARD, NULL));
  if (pass == BL_PASS_FORWARD || hint == NULL) {
    *description = hint;
    return BL_OK;
  }
  const bl_status status = describe_pass(description, graph, g, pass, hint);
  dnnl_primitive_desc_destroy(hint);
  return status;
}

/** The fast kernels want blocks of channels. Where a tensor has none (images, the last layer) and oneDNN has only a slow
 * kernel for it, padding to a block in scratch is many times faster. */
static bl_status describe_direct(dnnl_primitive_desc_t *description, const bl_graph *graph, const geometry *ours,
                                 bl_pass pass) {
  geometry g = *ours;
  dnnl_primitive_desc_t other = NULL;
  BL_TRY(any_layout(&g.w, dnnl_f32));
  BL_TRY(describe(description, graph, &g, pass));
  if (bl_primitive_speed(*description) == BL_SPEED_FAST)
    return BL_OK;
  BL_TRY(any_layout(&g.x, dnnl_f32));
  BL_TRY(any_layout(&g.y, dnnl_f32));
  BL_TRY(describe(&other, graph, &g, pass));
  if (*description == NULL && other == NULL)
    return bl_fail(BL_ERROR_LIBRARY, "oneDNN has no convolution for a layer of the network");
  const bool better = bl_primitive_speed(other) > bl_primitive_speed(*description);
  dnnl_primitive_desc_t worse = better ? *description : other;
  if (worse != NULL)
    dnnl_primitive_desc_destroy(worse);
  if (better)
    *description = other;
  return BL_OK;
}

/** With operands rounded to bfloat16. \param [out] description  NULL where oneDNN has no fast kernel for it. */
static bl_status describe_bf16(dnnl_primitive_desc_t *description, const bl_graph *graph, const geometry *ours,
                               bl_pass pass) {
  geometry g = *ours;
  BL_TRY(any_layout(&g.w, dnnl_bf16));
  BL_TRY(any_layout(&g.x, dnnl_bf16));
  if (g.y.format_desc.blocking.inner_nblks == 0)
    BL_TRY(any_layout(&g.y, dnnl_f32));
  BL_TRY(describe(description, graph, &g, pass));
  if (*description != NULL && bl_primitive_speed(*description) < BL_SPEED_FAST) {
    dnnl_primitive_desc_destroy(*description);
    *description = NULL;
  }
  return BL_OK;
}

/** What a pass reads and writes in our layouts; the weights of forward and backward data in those of \a description. */
static int list_operands(bl_operand *operands, const geometry *g, bl_pass pass, const_dnnl_primitive_desc_t description) {
  int count = 0;
  if (pass == BL_PASS_FORWARD) {
    operands[count++] = (bl_operand){DNNL_ARG_SRC, g->x, false};
    operands[count++] = (bl_operand){DNNL_ARG_WEIGHTS, *bl_primitive_layout(description, DNNL_ARG_WEIGHTS), false};
    operands[count++] = (bl_operand){DNNL_ARG_BIAS, g->b, false};
    operands[count++] = (bl_operand){DNNL_ARG_DST, g->y, true};
  } else if (pass == BL_PASS_BACKWARD_DATA) {
    operands[count++] = (bl_operand){DNNL_ARG_DIFF_DST, g->y, false};
    operands[count++] = (bl_operand){DNNL_ARG_WEIGHTS, *bl_primitive_layout(description, DNNL_ARG_WEIGHTS), false};
    operands[count++] = (bl_operand){DNNL_ARG_DIFF_SRC, g->x, true};
  } else {
    operands[count++] = (bl_operand){DNNL_ARG_SRC, g->x, false};
    operands[count++] = (bl_operand){DNNL_ARG_DIFF_DST, g->y, false};
    operands[count++] = (bl_operand){DNNL_ARG_DIFF_WEIGHTS, g->w, true};
    operands[count++] = (bl_operand){DNNL_ARG_DIFF_BIAS, g->b, true};
  }
  return count;
}

static bl_status time_winograd(double *seconds, bool *found, const bl_graph *graph, const bl_node *node, bl_pass pass) {
  const convolution *conv = node->state;
  bl_winograd *winograd = NULL;
  bl_status status = BL_OK;
  BL_TRY(bl_winograd_create(&winograd, graph, pass, conv->shape, node->input[0], node->output));
  *found = winograd != NULL;
  if (*found)
    status = bl_winograd_measure(seconds, winograd, graph);
  bl_winograd_destroy(&winograd);
  return status;
}

/** Time an algorithm on memory of its own. \param [out] found  false where it cannot be had. */
static bl_status time_algorithm(double *seconds, bool *found, const bl_graph *graph, const bl_node *node, const geometry *g,
                                bl_pass pass, bl_algorithm algorithm) {
  dnnl_primitive_desc_t description = NULL;
  bl_operand operands[BL_PRIMITIVE_OPERANDS];
  if (algorithm == BL_ALGORITHM_WINOGRAD)
    return time_winograd(seconds, found, graph, node, pass);
  BL_TRY(algorithm == BL_ALGORITHM_BF16 ? describe_bf16(&description, graph, g, pass)
                                        : describe_direct(&description, graph, g, pass));
  *found = description != NULL;
  if (!*found)
    return BL_OK;
  const int count = list_operands(operands, g, pass, description);
  const bl_status status = bl_primitive_measure(seconds, graph, description, operands, count);
  dnnl_primitive_desc_destroy(description);
  return status;
}

/** Time every algorithm that is allowed for \a problem. */
static bl_status measure(bl_algorithm *best, const bl_graph *graph, const bl_node *node, const geometry *g,
                         const bl_algorithm_case *problem) {
  double least = 0;
  bool any = false;
  *best = BL_ALGORITHM_DIRECT;
  for (int i = 0; i < BL_ALGORITHM_COUNT; i++) {
    double seconds = 0;
    bool found = false;
    if ((i == BL_ALGORITHM_WINOGRAD && !bl_algorithm_winograd_fits(problem)) || (i == BL_ALGORITHM_BF16 && !problem->bf16))
      continue;
    BL_TRY(time_algorithm(&seconds, &found, graph, node, g, problem->pass, (bl_algorithm)i));
    if (found && (!any || seconds < least)) {
      least = seconds;
      *best = (bl_algorithm)i;
    }
    any = any || found;
  }
  return BL_OK;
}

/** The algorithm for a pass of a node: as the graph's table says, by measuring, or by the fixed rule. */
static bl_status choose_algorithm(bl_algorithm *algorithm, const bl_graph *graph, const bl_node *node, const geometry *g,
                                  bl_pass pass) {
  const convolution *conv = node->state;
  const bl_tensor *x = node->input[0], *y = node->output;
  bl_algorithms *table = graph->compute.algorithms;
  const bl_algorithm_case problem = {.pass = pass,
                                     .batch = graph->batch,
                                     .in = x->channels,
                                     .out = y->channels,
                                     .height = y->height,
                                     .width = y->width,
                                     .kernel = conv->shape.kernel,
                                     .stride = conv->shape.stride,
                                     .pad_before = conv->shape.pad_before,
                                     .blocked = x->block > 1 && y->block > 1,
                                     .bf16 = graph->compute.bf16 && graph->mode == BL_GRAPH_INFERENCE};
  if (table != NULL && bl_algorithms_find(algorithm, table, &problem))
    return BL_OK;
  if (table == NULL || !bl_algorithms_learns(table)) {
    *algorithm = bl_algorithm_fixed(&problem);
    return BL_OK;
  }
  BL_TRY(measure(algorithm, graph, node, g, &problem));
  return bl_algorithms_add(table, &problem, *algorithm);
}

static void reserve_scratch(bl_node *node, size_t floats) {
  if (floats > node->scratch)
    node->scratch = floats;
}

/** Have weights in \a layout for \a pass, whose own scratch is \a used floats. */
static bl_status plan_weights(const bl_graph *graph, bl_node *node, const geometry *g, bl_pass pass,
                              const dnnl_memory_desc_t *layout, size_t used) {
  convolution *conv = node->state;
  if (pass == BL_PASS_FORWARD)
    return bl_weights_create(&conv->weights, graph, layout, &g->w, node->parameter[0], conv->rounds ? 1 : 0);
  if (pass == BL_PASS_BACKWARD_WEIGHTS || dnnl_memory_desc_equal(&conv->weights.layout, layout))
    return BL_OK;
  conv->turned_at = (used + 15) / 16 * 16;
  reserve_scratch(node, conv->turned_at + dnnl_memory_desc_get_size(layout) / sizeof(float));
  return bl_primitive_create_reorder(&conv->turned, graph, &conv->weights.layout, layout);
}

static bl_status plan_primitive(bl_graph *graph, bl_node *node, const geometry *g, bl_pass pass,
                                const_dnnl_primitive_desc_t description) {
  convolution *conv = node->state;
  bl_operand operands[BL_PRIMITIVE_OPERANDS];
  const int count = list_operands(operands, g, pass, description);
  BL_TRY(bl_primitive_create(&conv->pass[pass], graph, description, operands, count));
  reserve_scratch(node, conv->pass[pass].scratch);
  return plan_weights(graph, node, g, pass, &operands[1].layout, conv->pass[pass].scratch);
}

static bl_status plan_winograd(bl_graph *graph, bl_node *node, const geometry *g, bl_pass pass) {
  convolution *conv = node->state;
  const bl_tensor *x = node->input[0], *y = node->output;
  dnnl_memory_desc_t layout;
  BL_TRY(bl_winograd_create(&conv->winograd[pass], graph, pass, conv->shape, x, y));
  if (conv->winograd[pass] == NULL)
    return BL_OK;
  reserve_scratch(node, bl_winograd_scratch(conv->winograd[pass]));
  BL_TRY(bl_winograd_layout(&layout, x, y));
  return plan_weights(graph, node, g, pass, &layout, bl_winograd_scratch(conv->winograd[pass]));
}

static bl_status plan_pass(bl_graph *graph, bl_node *node, const geometry *g, bl_pass pass) {
  convolution *conv = node->state;
  dnnl_primitive_desc_t description = NULL;
  bl_algorithm algorithm;
  BL_TRY(choose_algorithm(&algorithm, graph, node, g, pass));
  if (algorithm == BL_ALGORITHM_WINOGRAD) {
    BL_TRY(plan_winograd(graph, node, g, pass));
    if (conv->winograd[pass] != NULL)
      return BL_OK;
  }
  if (algorithm == BL_ALGORITHM_BF16)
    BL_TRY(describe_bf16(&description, graph, g, pass));
  conv->rounds = description == NULL && algorithm == BL_ALGORITHM_BF16;
  if (description == NULL)
    BL_TRY(describe_direct(&description, graph, g, pass));
  const bl_status status = plan_primitive(graph, node, g, pass, description);
  dnnl_primitive_desc_destroy(description);
  if (conv->rounds)
    reserve_scratch(node, conv->pass[pass].scratch + bl_tensor_count(node->input[0]));
  return status;
}

static bl_status plan(bl_graph *graph, bl_node *node) {
  convolution *conv = node->state;
  bl_tensor *y = node->output;
  geometry g;
  y->block = bl_graph_preferred_block(graph, y->channels, y->height * y->width);
  node->keeps_input[0] = true;
  node->over_input = true; /* the gradient by weights comes first */
  node->in_place_gradient[1] = true;
  if (node->inputs > 1)
    BL_TRY(bl_add_check(y, node->input[1]));
  BL_TRY(bl_allocate(&conv->bias, (size_t)y->channels, sizeof *conv->bias));
  BL_TRY(describe_geometry(&g, node));
  BL_TRY(plan_pass(graph, node, &g, BL_PASS_FORWARD));
  if (graph->mode != BL_GRAPH_TRAINING)
    return BL_OK;
  if (node->input[0]->needs_gradient)
    BL_TRY(plan_pass(graph, node, &g, BL_PASS_BACKWARD_DATA));
  return plan_pass(graph, node, &g, BL_PASS_BACKWARD_WEIGHTS);
}

/** To the nearest bfloat16, ties to even; NaN stays NaN. In place too. */
BL_KERNEL static void round_to_bf16(float *y, const float *x, size_t count) {
  BL_INDEPENDENT
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u;
    bits = (bits & 0x7fffffffu) > 0x7f800000u ? bits : rounded;
    memcpy(&y[i], &bits, sizeof bits);
  }
}

static bl_status load(bl_graph *graph, bl_node *node, const float *values) {
  convolution *conv = node->state;
  const float *w = bl_node_values(graph, node, 0, values), *b = bl_node_values(graph, node, 1, values);
  memcpy(conv->bias, b, (size_t)node->output->channels * sizeof *b);
  BL_TRY(bl_weights_load(&conv->weights, graph, w));
  if (conv->rounds)
    round_to_bf16(conv->weights.data, conv->weights.data, dnnl_memory_desc_get_size(&conv->weights.layout) / sizeof(float));
  return BL_OK;
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  convolution *conv = node->state;
  float *weights = conv->weights.data, *x = node->input[0]->data, *y = node->output->data;
  const bl_tensor *added = node->inputs > 1 ? node->input[1] : NULL;
  if (conv->winograd[BL_PASS_FORWARD] != NULL) {
    const bool vector = added != NULL && bl_add_is_vector(node->output, added);
    const bl_winograd_added all = {
        .bias = conv->bias, .vector = vector ? added->data : NULL, .image = added != NULL && !vector ? added->data : NULL};
    return bl_winograd_run(conv->winograd[BL_PASS_FORWARD], graph, y, x, weights, &all, graph->scratch);
  }
  if (conv->rounds) {
    float *rounded = graph->scratch + conv->pass[BL_PASS_FORWARD].scratch;
    round_to_bf16(rounded, x, bl_tensor_count(node->input[0]));
    x = rounded;
  }
  BL_TRY(
      bl_primitive_run(&conv->pass[BL_PASS_FORWARD], graph, (float *const[]){x, weights, conv->bias, y}, graph->scratch));
  if (added != NULL)
    bl_add_run(y, y, node->output, added);
  return BL_OK;
}

static bl_status backward_weights(bl_graph *graph, bl_node *node) {
  convolution *conv = node->state;
  float *x = node->input[0]->data, *d_y = node->output->gradient;
  float *d_w = bl_node_gradient(graph, node, 0), *d_b = bl_node_gradient(graph, node, 1);
  if (conv->winograd[BL_PASS_BACKWARD_WEIGHTS] != NULL)
    return bl_winograd_run_weights(conv->winograd[BL_PASS_BACKWARD_WEIGHTS], graph, d_w, d_b, x, d_y, graph->scratch);
  return bl_primitive_run(&conv->pass[BL_PASS_BACKWARD_WEIGHTS], graph, (float *const[]){x, d_y, d_w, d_b}, graph->scratch);
}

static bl_status backward_data(bl_graph *graph, bl_node *node) {
  convolution *conv = node->state;
  float *d_x = node->d_input[0], *d_y = node->output->gradient, *weights = conv->weights.data;
  if (conv->turned.primitive != NULL) {
    float *turned = graph->scratch + conv->turned_at;
    BL_TRY(bl_primitive_run(&conv->turned, graph, (float *const[]){weights, turned}, NULL));
    weights = turned;
  }
  if (conv->winograd[BL_PASS_BACKWARD_DATA] != NULL)
    return bl_winograd_run(conv->winograd[BL_PASS_BACKWARD_DATA], graph, d_x, d_y, weights, &(bl_winograd_added){0},
                           graph->scratch);
  return bl_primitive_run(&conv->pass[BL_PASS_BACKWARD_DATA], graph, (float *const[]){d_y, weights, d_x}, graph->scratch);
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  if (node->inputs > 1 && node->d_input[1] != NULL)
    bl_add_gradient(node->d_input[1], node->output->gradient, node->output, node->input[1]);
  if (graph->d_parameters != NULL)
    BL_TRY(backward_weights(graph, node));
  return node->d_input[0] != NULL ? backward_data(graph, node) : BL_OK;
}

static void destroy(bl_node *node) {
  convolution *conv = node->state;
  if (conv == NULL)
    return;
  for (int pass = 0; pass < BL_PASS_COUNT; pass++) {
    bl_primitive_destroy(&conv->pass[pass]);
    bl_winograd_destroy(&conv->winograd[pass]);
  }
  bl_weights_destroy(&conv->weights);
  bl_primitive_destroy(&conv->turned);
  bl_free(&conv->bias);
}

static const bl_node_kind kind = {
    .name = "conv", .plan = plan, .load = load, .forward = forward, .backward = backward, .destroy = destroy, .adds = true};

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
