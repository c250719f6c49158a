/* Two-dimensional convolution with bias: (batch, in, height, width) -> (batch, out, …). */
#include "base/kernel.h"
#include "base/memory.h"
#include "layer/add.h"
#include "layer/layer.h"
#include "layer/weights.h"
#include "layer/winograd.h"

#include <stdint.h>
#include <string.h>

typedef struct convolution {
  bl_conv_shape shape;
  bl_primitive *pass[BL_PASS_COUNT]; /* or, where the back end has not what was chosen, */
  bl_winograd *winograd[BL_PASS_COUNT];
  bl_weights weights; /* in the forward pass's format */
  bl_primitive
      *turned;      /* to that of backward data, in scratch, where it is another: held twice they would take more room */
  size_t turned_at; /* floats from the start of scratch */
  float *bias;      /* (out) */
  bool rounds; /* forward computes in single precision what bfloat16 would give, on a machine that has not its instructions
                */
} convolution;

/** The format of a tensor. A vector is plain and blocked at once; call it blocked, which the fast kernels know. */
static bl_status describe_tensor(const bl_format **format, const bl_tensor *tensor) {
  bl_tensor as = *tensor;
  if (tensor->height * tensor->width == 1 && tensor->channels % tensor->graph->block == 0)
    as.block = tensor->graph->block;
  return bl_tensor_format(format, &as);
}

/** All that an operation is chosen by: formats of ours (weights plain), and pixels. */
typedef struct geometry {
  bl_linear formats;
  bl_conv_geometry pixels;
} geometry;

static bl_status describe_geometry(geometry *g, const bl_node *node) {
  const convolution *conv = node->state;
  bl_backend *backend = node->output->graph->backend;
  const bl_conv_shape s = conv->shape;
  const int64_t weights[] = {node->output->channels, node->input[0]->channels, s.kernel, s.kernel};
  *g = (geometry){.pixels = {.stride = {s.stride, s.stride},
                             .pad_before = {s.pad_before, s.pad_before},
                             .pad_after = {s.pad_after, s.pad_after}}};
  BL_TRY(describe_tensor(&g->formats.x, node->input[0]));
  BL_TRY(describe_tensor(&g->formats.y, node->output));
  BL_TRY(bl_format_create(&g->formats.weights, backend, BL_ORDER_PLAIN, 1, 4, weights));
  return bl_format_create(&g->formats.bias, backend, BL_ORDER_PLAIN, 1, 1, weights);
}

/** The direct sum. The fast kernels want blocks of channels. Where a tensor has none (images, the last layer) and there is
 * only a slow kernel for it, padding to a block in scratch is many times faster. */
static bl_status describe_direct(bl_operation **operation, bl_backend *backend, const geometry *g, bl_pass pass) {
  bl_linear formats = g->formats;
  bl_operation *other = NULL;
  BL_TRY(bl_format_any(&formats.weights, backend, formats.weights, BL_ELEMENT_F32));
  BL_TRY(bl_operation_conv(operation, backend, pass, &formats, &g->pixels));
  if (bl_operation_speed(*operation) == BL_SPEED_FAST)
    return BL_OK;
  BL_TRY(bl_format_any(&formats.x, backend, formats.x, BL_ELEMENT_F32));
  BL_TRY(bl_format_any(&formats.y, backend, formats.y, BL_ELEMENT_F32));
  BL_TRY(bl_operation_conv(&other, backend, pass, &formats, &g->pixels));
  const bool better = bl_operation_speed(other) > bl_operation_speed(*operation);
  bl_operation_destroy(better ? operation : &other);
  if (better)
    *operation = other;
  return *operation != NULL ? BL_OK
                            : bl_fail(BL_ERROR_LIBRARY, "the back end has no convolution for a layer of the network");
}

/** With operands rounded to bfloat16. \param [out] operation  NULL where there is no fast kernel for it. */
static bl_status describe_bf16(bl_operation **operation, bl_backend *backend, const geometry *g, bl_pass pass) {
  bl_linear formats = g->formats;
  BL_TRY(bl_format_any(&formats.weights, backend, formats.weights, BL_ELEMENT_BF16));
  BL_TRY(bl_format_any(&formats.x, backend, formats.x, BL_ELEMENT_BF16));
  if (!bl_format_is_blocked(formats.y))
    BL_TRY(bl_format_any(&formats.y, backend, formats.y, BL_ELEMENT_F32));
  BL_TRY(bl_operation_conv(operation, backend, pass, &formats, &g->pixels));
  if (bl_operation_speed(*operation) < BL_SPEED_FAST)
    bl_operation_destroy(operation);
  return BL_OK;
}

/** What a pass reads and writes in our formats; the weights of forward and backward data as the operation wants them. */
static int list_operands(bl_operand *operands, const bl_linear *f, bl_pass pass) {
  int count = 0;
  if (pass == BL_PASS_FORWARD) {
    operands[count++] = (bl_operand){BL_ARGUMENT_X, f->x};
    operands[count++] = (bl_operand){BL_ARGUMENT_WEIGHTS, NULL};
    operands[count++] = (bl_operand){BL_ARGUMENT_BIAS, f->bias};
    operands[count++] = (bl_operand){BL_ARGUMENT_Y, f->y};
  } else if (pass == BL_PASS_BACKWARD_DATA) {
    operands[count++] = (bl_operand){BL_ARGUMENT_D_Y, f->y};
    operands[count++] = (bl_operand){BL_ARGUMENT_WEIGHTS, NULL};
    operands[count++] = (bl_operand){BL_ARGUMENT_D_X, f->x};
  } else {
    operands[count++] = (bl_operand){BL_ARGUMENT_X, f->x};
    operands[count++] = (bl_operand){BL_ARGUMENT_D_Y, f->y};
    operands[count++] = (bl_operand){BL_ARGUMENT_D_WEIGHTS, f->weights};
    operands[count++] = (bl_operand){BL_ARGUMENT_D_BIAS, f->bias};
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
    status = bl_winograd_measure(seconds, winograd);
  bl_winograd_destroy(&winograd);
  return status;
}

/** Time an algorithm on memory of its own. \param [out] found  false where it cannot be had. */
static bl_status time_algorithm(double *seconds, bool *found, const bl_graph *graph, const bl_node *node, const geometry *g,
                                bl_pass pass, bl_algorithm algorithm) {
  bl_operation *operation = NULL;
  bl_operand operands[BL_PRIMITIVE_OPERANDS];
  if (algorithm == BL_ALGORITHM_WINOGRAD)
    return time_winograd(seconds, found, graph, node, pass);
  BL_TRY(algorithm == BL_ALGORITHM_BF16 ? describe_bf16(&operation, graph->backend, g, pass)
                                        : describe_direct(&operation, graph->backend, g, pass));
  *found = operation != NULL;
  if (!*found)
    return BL_OK;
  const bl_status status = bl_primitive_measure(seconds, operation, operands, list_operands(operands, &g->formats, pass));
  bl_operation_destroy(&operation);
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

/** Have weights in \a format for \a pass, whose own scratch is \a used floats. */
static bl_status plan_weights(const bl_graph *graph, bl_node *node, const geometry *g, bl_pass pass,
                              const bl_format *format, size_t used) {
  convolution *conv = node->state;
  if (pass == BL_PASS_FORWARD)
    return bl_weights_create(&conv->weights, graph, format, g->formats.weights, node->parameter[0], conv->rounds ? 1 : 0);
  if (pass == BL_PASS_BACKWARD_WEIGHTS || bl_format_equal(conv->weights.format, format))
    return BL_OK;
  conv->turned_at = (used + 15) / 16 * 16;
  reserve_scratch(node, conv->turned_at + bl_format_bytes(format) / sizeof(float));
  return bl_primitive_create_reorder(&conv->turned, graph->backend, conv->weights.format, format);
}

static bl_status plan_primitive(bl_graph *graph, bl_node *node, const geometry *g, bl_pass pass,
                                const bl_operation *operation) {
  convolution *conv = node->state;
  bl_operand operands[BL_PRIMITIVE_OPERANDS];
  const bl_format *weights = NULL;
  const int count = list_operands(operands, &g->formats, pass);
  BL_TRY(bl_primitive_create(&conv->pass[pass], operation, operands, count));
  const size_t scratch = bl_primitive_scratch(conv->pass[pass]);
  reserve_scratch(node, scratch);
  if (pass != BL_PASS_BACKWARD_WEIGHTS)
    BL_TRY(bl_operation_format(&weights, operation, BL_ARGUMENT_WEIGHTS));
  return plan_weights(graph, node, g, pass, weights, scratch);
}

static bl_status plan_winograd(bl_graph *graph, bl_node *node, const geometry *g, bl_pass pass) {
  convolution *conv = node->state;
  const bl_tensor *x = node->input[0], *y = node->output;
  const bl_format *format = NULL;
  BL_TRY(bl_winograd_create(&conv->winograd[pass], graph, pass, conv->shape, x, y));
  if (conv->winograd[pass] == NULL)
    return BL_OK;
  reserve_scratch(node, bl_winograd_scratch(conv->winograd[pass]));
  BL_TRY(bl_winograd_format(&format, x, y));
  return plan_weights(graph, node, g, pass, format, bl_winograd_scratch(conv->winograd[pass]));
}

static bl_status plan_pass(bl_graph *graph, bl_node *node, const geometry *g, bl_pass pass) {
  convolution *conv = node->state;
  bl_operation *operation = NULL;
  bl_algorithm algorithm;
  BL_TRY(choose_algorithm(&algorithm, graph, node, g, pass));
  if (algorithm == BL_ALGORITHM_WINOGRAD) {
    BL_TRY(plan_winograd(graph, node, g, pass));
    if (conv->winograd[pass] != NULL)
      return BL_OK;
  }
  if (algorithm == BL_ALGORITHM_BF16)
    BL_TRY(describe_bf16(&operation, graph->backend, g, pass));
  conv->rounds = operation == NULL && algorithm == BL_ALGORITHM_BF16;
  if (operation == NULL)
    BL_TRY(describe_direct(&operation, graph->backend, g, pass));
  const bl_status status = plan_primitive(graph, node, g, pass, operation);
  bl_operation_destroy(&operation);
  if (conv->rounds)
    reserve_scratch(node, bl_primitive_scratch(conv->pass[pass]) + bl_tensor_count(node->input[0]));
  return status;
}

static bl_status prepare(bl_graph *graph, bl_node *node) {
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
    round_to_bf16(conv->weights.data, conv->weights.data, bl_format_bytes(conv->weights.format) / sizeof(float));
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
    return bl_winograd_run(conv->winograd[BL_PASS_FORWARD], y, x, weights, &all, graph->scratch);
  }
  if (conv->rounds) {
    float *rounded = graph->scratch + bl_primitive_scratch(conv->pass[BL_PASS_FORWARD]);
    round_to_bf16(rounded, x, bl_tensor_count(node->input[0]));
    x = rounded;
  }
  BL_TRY(bl_primitive_run(conv->pass[BL_PASS_FORWARD], (float *const[]){x, weights, conv->bias, y}, graph->scratch));
  if (added != NULL)
    bl_add_run(y, y, node->output, added);
  return BL_OK;
}

static bl_status backward_weights(bl_graph *graph, bl_node *node) {
  convolution *conv = node->state;
  float *x = node->input[0]->data, *d_y = node->output->gradient;
  float *d_w = bl_node_gradient(graph, node, 0), *d_b = bl_node_gradient(graph, node, 1);
  if (conv->winograd[BL_PASS_BACKWARD_WEIGHTS] != NULL)
    return bl_winograd_run_weights(conv->winograd[BL_PASS_BACKWARD_WEIGHTS], d_w, d_b, x, d_y, graph->scratch);
  return bl_primitive_run(conv->pass[BL_PASS_BACKWARD_WEIGHTS], (float *const[]){x, d_y, d_w, d_b}, graph->scratch);
}

static bl_status backward_data(bl_graph *graph, bl_node *node) {
  convolution *conv = node->state;
  float *d_x = node->d_input[0], *d_y = node->output->gradient, *weights = conv->weights.data;
  if (conv->turned != NULL) {
    float *turned = graph->scratch + conv->turned_at;
    BL_TRY(bl_primitive_run(conv->turned, (float *const[]){weights, turned}, NULL));
    weights = turned;
  }
  if (conv->winograd[BL_PASS_BACKWARD_DATA] != NULL)
    return bl_winograd_run(conv->winograd[BL_PASS_BACKWARD_DATA], d_x, d_y, weights, &(bl_winograd_added){0},
                           graph->scratch);
  return bl_primitive_run(conv->pass[BL_PASS_BACKWARD_DATA], (float *const[]){d_y, weights, d_x}, graph->scratch);
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

static const bl_node_kind kind = {.name = "conv",
                                  .prepare = prepare,
                                  .load = load,
                                  .forward = forward,
                                  .backward = backward,
                                  .destroy = destroy,
                                  .adds = true};

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
