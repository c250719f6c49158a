#include "engine/recompute.h"

#include "base/memory.h"

static bool may_drop(const bl_graph *graph, const bl_tensor *tensor) {
  return graph->mode == BL_GRAPH_TRAINING && tensor->producer != NULL && tensor != graph->output &&
         (tensor->producer->cheap || (graph->compute.recompute && tensor->in_segment));
}

/** Put the making of \a tensor, and of what it is made from, next. Goes as deep as dropped results follow each other. */
static void bring_back(bl_graph *graph, bl_tensor *tensor, int *step) {
  bl_node *node = tensor->producer;
  if (!tensor->dropped || node->recompute_step > 0)
    return;
  for (int i = 0; i < node->inputs; i++)
    bring_back(graph, node->input[i], step);
  node->recompute_step = (*step)++;
  graph->recomputed[graph->recompute_count++] = node;
}

bl_status bl_recompute_choose(bl_graph *graph) {
  int step = graph->node_count + 3;
  BL_TRY(bl_allocate(&graph->recomputed, (size_t)graph->node_count + 1, sizeof(bl_node *)));
  for (int i = 0; i < graph->tensor_count; i++)
    graph->tensors[i]->dropped = may_drop(graph, graph->tensors[i]);
  for (int i = graph->node_count - 1; i >= 0; i--) {
    bl_node *node = graph->nodes[i];
    for (int j = 0; j < node->inputs; j++)
      if (node->keeps_input[j])
        bring_back(graph, node->input[j], &step);
    if (node->keeps_output)
      bring_back(graph, node->output, &step);
    node->recompute_end = graph->recompute_count;
    node->backward_step = step++;
  }
  graph->last_step = step;
  return BL_OK;
}
