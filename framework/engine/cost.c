#include "engine/cost.h"

#include <string.h>

/** Whether learning wants the gradient of \a tensor. */
static bool learns(const bl_tensor *tensor) {
  return tensor->depends_on_parameters;
}

static const bl_parameter *parameter_of(const bl_node *node, int which) {
  return &node->output->graph->parameters.entries[node->parameter[which]];
}

/** Elements of the matrix (or the kernels) that a layer multiplies its input with: its first parameter, where it has more
 * than one dimension. A normalisation has vectors only. */
static double weights_of(const bl_node *node) {
  if (node->parameters == 0 || parameter_of(node, 0)->dimensions < 2)
    return 0;
  return (double)parameter_of(node, 0)->count;
}

/** The products q kᵀ and A v; backward has those of dA, dq, dk and dv. */
static double attention_flops(const bl_node *node, bl_pass pass) {
  const bl_tensor *q = node->input[0];
  const double pixels = (double)q->height * q->width;
  const double product = 2 * (double)q->graph->batch * pixels * pixels * q->channels;
  if (pass == BL_PASS_FORWARD)
    return 2 * product;
  if (pass == BL_PASS_BACKWARD_WEIGHTS || !learns(node->output))
    return 0;
  const double scores = learns(node->input[0]) || learns(node->input[1]) ? 1 : 0;
  return product * (scores + learns(node->input[0]) + learns(node->input[1]) + learns(node->input[2]));
}

double bl_cost_flops(const bl_node *node, bl_pass pass) {
  if (strcmp(node->kind->name, "attention") == 0)
    return attention_flops(node, pass);
  const bl_tensor *y = node->output;
  if (pass == BL_PASS_BACKWARD_DATA && !learns(node->input[0]))
    return 0;
  return 2 * (double)y->graph->batch * y->height * y->width * weights_of(node);
}

double bl_cost_graph_flops(const bl_graph *graph, bool backward) {
  double flops = 0;
  for (int i = 0; i < graph->node_count; i++)
    for (int pass = 0; pass < (backward ? BL_PASS_COUNT : 1); pass++)
      flops += bl_cost_flops(graph->nodes[i], (bl_pass)pass);
  return flops;
}

static double parameter_count(const bl_node *node) {
  double count = 0;
  for (int i = 0; i < node->parameters; i++)
    count += (double)parameter_of(node, i)->count;
  return count;
}

static double forward_floats(const bl_node *node) {
  double floats = (double)bl_tensor_count(node->output) + parameter_count(node) + (double)node->kept;
  for (int i = 0; i < node->inputs; i++)
    floats += (double)bl_tensor_count(node->input[i]);
  return floats;
}

/** The gradient of the output and what was kept are read, those of inputs and parameters are written, sums with other
 * readers' gradients are read twice and written once; parameters are read for the gradients of inputs; results that are
 * recomputed cost a forward. */
static double backward_floats(const bl_node *node) {
  if (!learns(node->output))
    return 0;
  double floats = (double)bl_tensor_count(node->output) + (double)node->kept + 2 * parameter_count(node);
  if (node->keeps_output)
    floats += (double)bl_tensor_count(node->output);
  for (int i = 0; i < node->inputs; i++) {
    const double count = (double)bl_tensor_count(node->input[i]);
    floats += node->keeps_input[i] ? count : 0;
    if (learns(node->input[i]))
      floats += node->d_input_adds[i] ? 4 * count : count;
  }
  return floats + (node->recompute_step > 0 ? forward_floats(node) : 0);
}

double bl_cost_bytes(const bl_node *node, bool backward) {
  /* Dropout that is off leaves its input where it is. */
  if (strcmp(node->kind->name, "dropout") == 0 && !node->output->graph->dropout)
    return 0;
  return (double)sizeof(float) * (backward ? backward_floats(node) : forward_floats(node));
}
