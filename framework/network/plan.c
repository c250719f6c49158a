#include "network/plan.h"

#include "base/memory.h"

#include <stdlib.h>

enum { ALIGNMENT = 16 /* floats: one cache line */ };

/* Offsets */

/** Larger first; ties by index, so that the result is the same everywhere. */
static int compare_size(const void *a, const void *b) {
  const bl_interval *const *x = a, *const *y = b;
  if ((*x)->size != (*y)->size)
    return (*x)->size < (*y)->size ? 1 : -1;
  return *x < *y ? -1 : 1;
}

static int compare_offset(const void *a, const void *b) {
  const bl_interval *const *x = a, *const *y = b;
  if ((*x)->offset != (*y)->offset)
    return (*x)->offset < (*y)->offset ? -1 : 1;
  return *x < *y ? -1 : 1;
}

static bool meet(const bl_interval *a, const bl_interval *b) {
  return a->begin <= b->end && b->begin <= a->end;
}

bl_status bl_plan_assign(size_t *total, bl_interval *intervals, size_t count) {
  bl_interval **order = NULL, **busy = NULL;
  bl_status status = BL_OK;
  *total = 0;
  if (count == 0)
    return BL_OK;
  BL_GOTO(bl_allocate(&order, count, sizeof *order));
  BL_GOTO(bl_allocate(&busy, count, sizeof *busy));
  for (size_t i = 0; i < count; i++) {
    intervals[i].size = (intervals[i].size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    order[i] = &intervals[i];
  }
  qsort(order, count, sizeof *order, compare_size);
  for (size_t i = 0; i < count; i++) {
    size_t busy_count = 0, offset = 0;
    for (size_t j = 0; j < i; j++)
      if (meet(order[i], order[j]))
        busy[busy_count++] = order[j];
    qsort(busy, busy_count, sizeof *busy, compare_offset);
    for (size_t j = 0; j < busy_count && busy[j]->offset < offset + order[i]->size; j++)
      if (busy[j]->offset + busy[j]->size > offset)
        offset = busy[j]->offset + busy[j]->size;
    order[i]->offset = offset;
    if (offset + order[i]->size > *total)
      *total = offset + order[i]->size;
  }
done:
  bl_free(&busy);
  bl_free(&order);
  return status;
}

/* Liveness */

/** The intervals of a graph, and which of them each pointer uses (-1: none). */
typedef struct layout {
  bl_interval *intervals;
  size_t count;
  int *data;     /* (tensors) */
  int *gradient; /* (tensors) */
  int *kept;     /* (nodes) */
  int *scratch;  /* (nodes, 2) */
  int *d_input;  /* (nodes, BL_NODE_INPUTS) */
} layout;

static int forward_step(const bl_node *node) {
  return 1 + node->index;
}

static int backward_step(const bl_graph *graph, const bl_node *node) {
  return graph->node_count + 3 + (graph->node_count - 1 - node->index);
}

static int add_interval(layout *l, size_t size, int begin, int end) {
  l->intervals[l->count] = (bl_interval){.size = size, .begin = begin, .end = end};
  return (int)l->count++;
}

/** The last step that reads the data of \a tensor. */
static int last_reading(const bl_graph *graph, const bl_tensor *tensor) {
  const bool training = graph->mode == BL_GRAPH_TRAINING;
  int last = tensor->producer == NULL ? 0 : forward_step(tensor->producer);
  if (tensor == graph->output)
    last = graph->node_count + 1;
  for (int i = 0; i < graph->node_count; i++) {
    const bl_node *node = graph->nodes[i];
    for (int j = 0; j < node->inputs; j++)
      if (node->input[j] == tensor) {
        const int step = training && node->keeps_input[j] ? backward_step(graph, node) : forward_step(node);
        if (step > last)
          last = step;
      }
  }
  if (training && tensor->producer != NULL && tensor->producer->keeps_output)
    return backward_step(graph, tensor->producer) > last ? backward_step(graph, tensor->producer) : last;
  return last;
}

/** Data of tensors, in the order of the forward pass; a node may take over the memory of its first input. */
static void plan_forward(layout *l, const bl_graph *graph) {
  const bool training = graph->mode == BL_GRAPH_TRAINING;
  for (int i = 0; i < graph->tensor_count; i++) {
    const bl_tensor *tensor = graph->tensors[i];
    const bl_node *node = tensor->producer;
    const int last = last_reading(graph, tensor);
    if (node != NULL && node->in_place && bl_tensor_count(node->input[0]) == bl_tensor_count(tensor)) {
      bl_interval *taken = &l->intervals[l->data[node->input[0]->index]];
      if (taken->end == forward_step(node)) {
        taken->end = last;
        l->data[i] = l->data[node->input[0]->index];
        continue;
      }
    }
    l->data[i] = add_interval(l, bl_tensor_count(tensor), node == NULL ? 0 : forward_step(node), last);
  }
  for (int i = 0; i < graph->node_count; i++) {
    const bl_node *node = graph->nodes[i];
    const int step = forward_step(node);
    l->kept[i] = node->kept > 0 ? add_interval(l, node->kept, step, training ? backward_step(graph, node) : step) : -1;
    l->scratch[2 * i] = node->scratch > 0 ? add_interval(l, node->scratch, step, step) : -1;
  }
}

/** Gradients, in the order of the backward pass. The first reader that is met writes the gradient itself, the others write
 * to a buffer of their own that the executor adds. Either may be the memory of the output's gradient, which dies there. */
static void plan_backward(layout *l, const bl_graph *graph) {
  l->gradient[graph->output->index] = add_interval(
      l, bl_tensor_count(graph->output), graph->node_count + 2,
      graph->output->producer == NULL ? 2 * graph->node_count + 3 : backward_step(graph, graph->output->producer));
  for (int i = graph->node_count - 1; i >= 0; i--) {
    const bl_node *node = graph->nodes[i];
    const int step = backward_step(graph, node);
    if (node->scratch > 0)
      l->scratch[2 * i + 1] = add_interval(l, node->scratch, step, step);
    for (int j = 0; j < node->inputs; j++) {
      const bl_tensor *tensor = node->input[j];
      if (!tensor->needs_gradient || !node->output->needs_gradient)
        continue;
      const bool first = l->gradient[tensor->index] < 0;
      const int last = !first                     ? step
                       : tensor->producer == NULL ? 2 * graph->node_count + 3
                                                  : backward_step(graph, tensor->producer);
      int *chosen = &l->d_input[i * BL_NODE_INPUTS + j];
      if (j == 0 && node->in_place_gradient && bl_tensor_count(tensor) == bl_tensor_count(node->output)) {
        *chosen = l->gradient[node->output->index];
        if (last > l->intervals[*chosen].end)
          l->intervals[*chosen].end = last;
      } else {
        *chosen = add_interval(l, bl_tensor_count(tensor), step, last);
      }
      if (first)
        l->gradient[tensor->index] = *chosen;
    }
  }
}

static float *place(const bl_graph *graph, const layout *l, int interval) {
  return interval < 0 ? NULL : graph->arena + l->intervals[interval].offset;
}

static void set_pointers(bl_graph *graph, const layout *l) {
  for (int i = 0; i < graph->tensor_count; i++) {
    graph->tensors[i]->data = place(graph, l, l->data[i]);
    graph->tensors[i]->gradient = place(graph, l, l->gradient[i]);
  }
  for (int i = 0; i < graph->node_count; i++) {
    bl_node *node = graph->nodes[i];
    node->kept_data = place(graph, l, l->kept[i]);
    for (int j = 0; j < 2; j++)
      node->scratch_data[j] = place(graph, l, l->scratch[2 * i + j]);
    for (int j = 0; j < node->inputs; j++) {
      const int chosen = l->d_input[i * BL_NODE_INPUTS + j];
      node->d_input_data[j] = place(graph, l, chosen);
      node->d_input_adds[j] = chosen >= 0 && chosen != l->gradient[node->input[j]->index];
    }
  }
}

bl_status bl_plan_memory(bl_graph *graph) {
  const size_t tensors = (size_t)graph->tensor_count, nodes = (size_t)graph->node_count;
  layout l = {0};
  bl_status status = BL_OK;
  int *indices = NULL;
  const size_t index_count = 2 * tensors + (3 + BL_NODE_INPUTS) * nodes;
  BL_GOTO(bl_allocate(&l.intervals, index_count, sizeof *l.intervals));
  BL_GOTO(bl_allocate(&indices, index_count, sizeof *indices));
  for (size_t i = 0; i < index_count; i++)
    indices[i] = -1;
  l.data = indices;
  l.gradient = l.data + tensors;
  l.kept = l.gradient + tensors;
  l.scratch = l.kept + nodes;
  l.d_input = l.scratch + 2 * nodes;
  plan_forward(&l, graph);
  if (graph->mode == BL_GRAPH_TRAINING)
    plan_backward(&l, graph);
  BL_GOTO(bl_plan_assign(&graph->arena_floats, l.intervals, l.count));
  BL_GOTO(bl_allocate(&graph->arena, graph->arena_floats, sizeof *graph->arena));
  set_pointers(graph, &l);
done:
  bl_free(&indices);
  bl_free(&l.intervals);
  return status;
}
