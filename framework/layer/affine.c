#include "layer/affine.h"

#include "base/memory.h"

#include <string.h>

void bl_affine_add_parameters(bl_node *node, const char *name, bl_initialiser weights) {
  if (node == NULL)
    return;
  const bl_tensor *x = node->input[0];
  const size_t in = (size_t)x->channels * (size_t)x->height * (size_t)x->width, out = (size_t)node->output->channels;
  bl_node_add_parameter(node, name, "weight", 2, (const size_t[]){out, in}, weights, in, out);
  bl_node_add_parameter(node, name, "bias", 1, &out, BL_INITIALISE_FAN_IN_UNIFORM, in, out);
}

/** Formats of the operands, with weights in any. Images keep their four dimensions, so that a blocked one needs no copy.
 * \param [out] plain  of the weights. */
static bl_status describe_formats(bl_linear *f, const bl_format **plain, const bl_graph *graph, const bl_node *node) {
  const bl_tensor *x = node->input[0];
  const int out = node->output->channels;
  const bool vector = x->height * x->width == 1;
  const int64_t vectors[] = {graph->batch, x->channels}, weights[] = {out, x->channels, x->height, x->width};
  const int64_t y[] = {graph->batch, out};
  if (vector)
    BL_TRY(bl_format_create(&f->x, graph->backend, BL_ORDER_PLAIN, 1, 2, vectors));
  else
    BL_TRY(bl_tensor_format(&f->x, x));
  BL_TRY(bl_format_create(plain, graph->backend, BL_ORDER_PLAIN, 1, vector ? 2 : 4, weights));
  BL_TRY(bl_format_any(&f->weights, graph->backend, *plain, BL_ELEMENT_F32));
  BL_TRY(bl_format_create(&f->bias, graph->backend, BL_ORDER_PLAIN, 1, 1, weights));
  return bl_format_create(&f->y, graph->backend, BL_ORDER_PLAIN, 1, 2, y);
}

/** A pass that reads weights: \a weights in the format that it wants, and \a primitive. */
static bl_status plan_reader(bl_primitive **primitive, bl_weights *weights, const bl_graph *graph, const bl_node *node,
                             bl_pass pass, const bl_linear *f, const bl_format *plain) {
  const bl_operand forward[] = {
      {BL_ARGUMENT_X, f->x}, {BL_ARGUMENT_WEIGHTS, NULL}, {BL_ARGUMENT_BIAS, f->bias}, {BL_ARGUMENT_Y, f->y}};
  const bl_operand backward[] = {{BL_ARGUMENT_D_Y, f->y}, {BL_ARGUMENT_WEIGHTS, NULL}, {BL_ARGUMENT_D_X, f->x}};
  const bool is_forward = pass == BL_PASS_FORWARD;
  const bl_format *wanted = NULL;
  bl_operation *operation = NULL;
  bl_status status = BL_OK;
  BL_TRY(bl_operation_dense(&operation, graph->backend, pass, f));
  BL_GOTO(bl_operation_format(&wanted, operation, BL_ARGUMENT_WEIGHTS));
  BL_GOTO(bl_weights_create(weights, graph, wanted, plain, node->parameter[0], 0));
  BL_GOTO(bl_primitive_create(primitive, operation, is_forward ? forward : backward, is_forward ? 4 : 3));
done:
  bl_operation_destroy(&operation);
  return status;
}

static bl_status plan_backward_weights(bl_affine *affine, const bl_graph *graph, const bl_linear *f,
                                       const bl_format *plain) {
  const bl_operand operands[] = {
      {BL_ARGUMENT_X, f->x}, {BL_ARGUMENT_D_Y, f->y}, {BL_ARGUMENT_D_WEIGHTS, plain}, {BL_ARGUMENT_D_BIAS, f->bias}};
  bl_operation *operation = NULL;
  BL_TRY(bl_operation_dense(&operation, graph->backend, BL_PASS_BACKWARD_WEIGHTS, f));
  const bl_status status = bl_primitive_create(&affine->backward_weights, operation, operands, 4);
  bl_operation_destroy(&operation);
  return status;
}

bl_status bl_affine_prepare(bl_affine *affine, const bl_graph *graph, bl_node *node) {
  bl_linear f = {0};
  const bl_format *plain = NULL;
  BL_TRY(bl_allocate(&affine->bias, (size_t)node->output->channels, sizeof *affine->bias));
  BL_TRY(describe_formats(&f, &plain, graph, node));
  BL_TRY(plan_reader(&affine->forward, &affine->forward_weights, graph, node, BL_PASS_FORWARD, &f, plain));
  if (graph->mode == BL_GRAPH_TRAINING) {
    BL_TRY(plan_backward_weights(affine, graph, &f, plain));
    if (node->input[0]->needs_gradient)
      BL_TRY(plan_reader(&affine->backward_data, &affine->backward_weights_data, graph, node, BL_PASS_BACKWARD_DATA, &f,
                         plain));
  }
  const bl_primitive *const passes[] = {affine->forward, affine->backward_data, affine->backward_weights};
  for (int i = 0; i < 3; i++)
    if (bl_primitive_scratch(passes[i]) > node->scratch)
      node->scratch = bl_primitive_scratch(passes[i]);
  return BL_OK;
}

bl_status bl_affine_load(bl_affine *affine, const bl_graph *graph, const bl_node *node, const float *values) {
  const float *w = bl_node_values(graph, node, 0, values), *b = bl_node_values(graph, node, 1, values);
  memcpy(affine->bias, b, (size_t)node->output->channels * sizeof *b);
  BL_TRY(bl_weights_load(&affine->forward_weights, graph, w));
  if (affine->backward_data != NULL)
    BL_TRY(bl_weights_load(&affine->backward_weights_data, graph, w));
  return BL_OK;
}

bl_status bl_affine_forward(bl_affine *affine, const bl_graph *graph, float *y, const float *x) {
  float *const pointers[] = {(float *)x, affine->forward_weights.data, affine->bias, y};
  return bl_primitive_run(affine->forward, pointers, graph->scratch);
}

bl_status bl_affine_backward(bl_affine *affine, const bl_graph *graph, bl_node *node, const float *d_y) {
  if (graph->d_parameters != NULL) {
    float *const pointers[] = {node->input[0]->data, (float *)d_y, bl_node_gradient(graph, node, 0),
                               bl_node_gradient(graph, node, 1)};
    BL_TRY(bl_primitive_run(affine->backward_weights, pointers, graph->scratch));
  }
  if (node->d_input[0] != NULL) {
    float *const pointers[] = {(float *)d_y, affine->backward_weights_data.data, node->d_input[0]};
    BL_TRY(bl_primitive_run(affine->backward_data, pointers, graph->scratch));
  }
  return BL_OK;
}

void bl_affine_destroy(bl_affine *affine) {
  bl_primitive_destroy(&affine->forward);
  bl_primitive_destroy(&affine->backward_data);
  bl_primitive_destroy(&affine->backward_weights);
  bl_weights_destroy(&affine->forward_weights);
  bl_weights_destroy(&affine->backward_weights_data);
  bl_free(&affine->bias);
}
