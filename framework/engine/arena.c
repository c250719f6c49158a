#include "engine/arena.h"

#include "base/memory.h"

#include <stdlib.h>

enum { ALIGNMENT = 16 /* floats: one cache line */ };

/* Offsets */

/** An interval that waits for its place. */
typedef struct candidate {
  bl_interval *interval;
  size_t load; /**< floats that are needed at the heaviest step of its life */
  int step;    /**< the first such step */
} candidate;

/** Larger first, then those that live longer; ties by index, so that the result is the same everywhere. */
static int compare_size(const void *a, const void *b) {
  const bl_interval *x = ((const candidate *)a)->interval, *y = ((const candidate *)b)->interval;
  if (x->size != y->size)
    return x->size < y->size ? 1 : -1;
  const int x_life = x->end - x->begin, y_life = y->end - y->begin;
  if (x_life != y_life)
    return x_life < y_life ? 1 : -1;
  return x < y ? -1 : 1;
}

/** Those of heavier steps first, each step by size. */
static int compare_breadth(const void *a, const void *b) {
  const candidate *x = a, *y = b;
  if (x->load != y->load)
    return x->load < y->load ? 1 : -1;
  if (x->step != y->step)
    return x->step < y->step ? -1 : 1;
  return compare_size(a, b);
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

/** Find each candidate's heaviest step. */
static bl_status weigh(candidate *candidates, size_t count) {
  size_t *load = NULL;
  int last = 0;
  for (size_t i = 0; i < count; i++)
    last = candidates[i].interval->end > last ? candidates[i].interval->end : last;
  BL_TRY(bl_allocate(&load, (size_t)last + 1, sizeof *load));
  for (size_t i = 0; i < count; i++)
    for (int step = candidates[i].interval->begin; step <= candidates[i].interval->end; step++)
      load[step] += candidates[i].interval->size;
  for (size_t i = 0; i < count; i++) {
    candidate *c = &candidates[i];
    for (int step = c->interval->begin; step <= c->interval->end; step++)
      if (load[step] > c->load) {
        c->load = load[step];
        c->step = step;
      }
  }
  bl_free(&load);
  return BL_OK;
}

/** Place the candidates in their order, each at the lowest offset that is free for all its life. Returns the end of all.
 * \param busy  room for count pointers. */
static size_t place_all(const candidate *candidates, size_t count, bl_interval **busy) {
  size_t total = 0;
  for (size_t i = 0; i < count; i++) {
    bl_interval *placed = candidates[i].interval;
    size_t busy_count = 0, offset = 0;
    for (size_t j = 0; j < i; j++)
      if (meet(placed, candidates[j].interval))
        busy[busy_count++] = candidates[j].interval;
    qsort(busy, busy_count, sizeof *busy, compare_offset);
    for (size_t j = 0; j < busy_count && busy[j]->offset < offset + placed->size; j++)
      if (busy[j]->offset + busy[j]->size > offset)
        offset = busy[j]->offset + busy[j]->size;
    placed->offset = offset;
    if (offset + placed->size > total)
      total = offset + placed->size;
  }
  return total;
}

bl_status bl_arena_assign(size_t *total, bl_interval *intervals, size_t count) {
  candidate *candidates = NULL;
  bl_interval **busy = NULL;
  bl_status status = BL_OK;
  *total = 0;
  if (count == 0)
    return BL_OK;
  BL_GOTO(bl_allocate(&candidates, count, sizeof *candidates));
  BL_GOTO(bl_allocate(&busy, count, sizeof *busy));
  for (size_t i = 0; i < count; i++) {
    intervals[i].size = (intervals[i].size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    candidates[i].interval = &intervals[i];
  }
  BL_GOTO(weigh(candidates, count));
  qsort(candidates, count, sizeof *candidates, compare_size);
  const size_t by_size = place_all(candidates, count, busy);
  qsort(candidates, count, sizeof *candidates, compare_breadth);
  *total = place_all(candidates, count, busy);
  if (by_size < *total) {
    qsort(candidates, count, sizeof *candidates, compare_size);
    *total = place_all(candidates, count, busy);
  }
done:
  bl_free(&busy);
  bl_free(&candidates);
  return status;
}

/* Liveness */

/** The intervals of a graph, and which of them each pointer uses (-1: none). */
struct bl_layout {
  bl_interval *intervals;
  size_t count;
  int *data;     /* (tensors, 2): in forward; when backward has recomputed it, or the same */
  int *gradient; /* (tensors) */
  int *kept;     /* (nodes, 2), as data */
  int *scratch;  /* (nodes, 3) */
  int *d_input;  /* (nodes, BL_NODE_INPUTS) */
  int *indices;  /* of all of them; owned, as the intervals */
};

static int forward_step(const bl_node *node) {
  return 1 + node->index;
}

static int add_interval(bl_layout *l, size_t size, int begin, int end) {
  l->intervals[l->count] = (bl_interval){.size = size, .begin = begin, .end = end};
  return (int)l->count++;
}

static int later(int a, int b) {
  return a > b ? a : b;
}

/** The last step of forward that reads the data of \a tensor. */
static int last_in_forward(const bl_graph *graph, const bl_tensor *tensor) {
  int last = tensor->producer == NULL ? 0 : forward_step(tensor->producer);
  if (tensor == graph->output)
    last = graph->node_count + 1;
  for (int i = 0; i < graph->node_count; i++)
    if (bl_node_reads(graph->nodes[i], tensor))
      last = later(last, forward_step(graph->nodes[i]));
  return last;
}

/** The last step of backward that reads it, or 0: to find gradients, or to recompute another result. */
static int last_in_backward(const bl_graph *graph, const bl_tensor *tensor) {
  int last = 0;
  if (graph->mode != BL_GRAPH_TRAINING)
    return 0;
  for (int i = 0; i < graph->node_count; i++) {
    const bl_node *node = graph->nodes[i];
    for (int j = 0; j < node->inputs; j++)
      if (node->input[j] == tensor)
        last = later(last, node->keeps_input[j] ? node->backward_step : node->recompute_step);
  }
  if (tensor->producer != NULL && tensor->producer->keeps_output)
    last = later(last, tensor->producer->backward_step);
  return last;
}

/** Where the data of \a tensor lives from \a step, when its producer runs: in memory of its own, or in that of the
 * producer's first input, \a input, which dies there. */
static int place_output(bl_layout *l, const bl_tensor *tensor, int input, int step, int last) {
  const bl_node *node = tensor->producer;
  if (node == NULL || !node->in_place || bl_tensor_count(node->input[0]) != bl_tensor_count(tensor) ||
      l->intervals[input].end != step)
    return add_interval(l, bl_tensor_count(tensor), step, last);
  l->intervals[input].end = last;
  return input;
}

/** Data of tensors, in the order of the forward pass. */
static void plan_forward(bl_layout *l, const bl_graph *graph) {
  for (int i = 0; i < graph->tensor_count; i++) {
    const bl_tensor *tensor = graph->tensors[i];
    const bl_node *node = tensor->producer;
    int last = last_in_forward(graph, tensor);
    if (!tensor->dropped)
      last = later(last, last_in_backward(graph, tensor));
    l->data[2 * i] = l->data[2 * i + 1] = place_output(l, tensor, node == NULL ? 0 : l->data[2 * node->input[0]->index],
                                                       node == NULL ? 0 : forward_step(node), last);
  }
  for (int i = 0; i < graph->node_count; i++) {
    const bl_node *node = graph->nodes[i];
    const int step = forward_step(node);
    const bool kept = graph->mode == BL_GRAPH_TRAINING && (node->recompute_step == 0 || node->kind->recompute != NULL);
    if (node->kept > 0)
      l->kept[2 * i] = l->kept[2 * i + 1] = add_interval(l, node->kept, step, kept ? node->backward_step : step);
    if (node->scratch > 0)
      l->scratch[3 * i] = add_interval(l, node->scratch, step, step);
  }
}

/** What backward recomputes, in that order. */
static void plan_recomputed(bl_layout *l, const bl_graph *graph) {
  for (int i = 0; i < graph->recompute_count; i++) {
    const bl_node *node = graph->recomputed[i];
    const bl_tensor *tensor = node->output;
    const int step = node->recompute_step;
    l->data[2 * tensor->index + 1] =
        place_output(l, tensor, l->data[2 * node->input[0]->index + 1], step, later(step, last_in_backward(graph, tensor)));
    if (node->kept > 0 && node->kind->recompute == NULL)
      l->kept[2 * node->index + 1] = add_interval(l, node->kept, step, node->backward_step);
    if (node->scratch > 0)
      l->scratch[3 * node->index + 2] = add_interval(l, node->scratch, step, step);
  }
}

/** Where backward finds the data of a tensor. */
static int data_in_backward(const bl_layout *l, const bl_tensor *tensor) {
  return l->data[2 * tensor->index + 1];
}

/** Gradients, in the order of the backward pass. The first reader that is met writes the gradient itself, the others write
 * to a buffer of their own that the executor adds. Either may be the memory of the output's gradient, which dies there, or
 * that of the input's data, which dies there too. */
static void plan_backward(bl_layout *l, const bl_graph *graph) {
  l->gradient[graph->output->index] =
      add_interval(l, bl_tensor_count(graph->output), graph->node_count + 2,
                   graph->output->producer == NULL ? graph->last_step : graph->output->producer->backward_step);
  for (int i = graph->node_count - 1; i >= 0; i--) {
    const bl_node *node = graph->nodes[i];
    const int step = node->backward_step;
    if (node->scratch > 0)
      l->scratch[3 * i + 1] = add_interval(l, node->scratch, step, step);
    for (int j = 0; j < node->inputs; j++) {
      const bl_tensor *tensor = node->input[j];
      if (!tensor->needs_gradient || !node->output->needs_gradient)
        continue;
      const bool first = l->gradient[tensor->index] < 0;
      const int last = !first ? step : tensor->producer == NULL ? graph->last_step : tensor->producer->backward_step;
      int *chosen = &l->d_input[i * BL_NODE_INPUTS + j];
      if (node->in_place_gradient[j] && bl_tensor_count(tensor) == bl_tensor_count(node->output)) {
        *chosen = l->gradient[node->output->index];
        if (last > l->intervals[*chosen].end)
          l->intervals[*chosen].end = last;
      } else if (j == 0 && node->over_input && l->intervals[data_in_backward(l, tensor)].end == step) {
        *chosen = data_in_backward(l, tensor);
        l->intervals[*chosen].end = last;
      } else {
        *chosen = add_interval(l, bl_tensor_count(tensor), step, last);
      }
      if (first)
        l->gradient[tensor->index] = *chosen;
    }
  }
}

static float *place(const bl_graph *graph, const bl_layout *l, int interval) {
  return interval < 0 ? NULL : graph->arena + l->intervals[interval].offset;
}

void bl_arena_set(bl_graph *graph, float *arena) {
  const bl_layout *l = graph->layout;
  graph->arena = arena;
  for (int i = 0; i < graph->tensor_count; i++) {
    for (int j = 0; j < 2; j++)
      graph->tensors[i]->place[j] = place(graph, l, l->data[2 * i + j]);
    graph->tensors[i]->data = graph->tensors[i]->place[0];
    graph->tensors[i]->gradient = place(graph, l, l->gradient[i]);
  }
  for (int i = 0; i < graph->node_count; i++) {
    bl_node *node = graph->nodes[i];
    for (int j = 0; j < 2; j++)
      node->kept_place[j] = place(graph, l, l->kept[2 * i + j]);
    node->kept_data = node->kept_place[0];
    for (int j = 0; j < 3; j++)
      node->scratch_data[j] = place(graph, l, l->scratch[3 * i + j]);
    for (int j = 0; j < node->inputs; j++) {
      const int chosen = l->d_input[i * BL_NODE_INPUTS + j];
      node->d_input_data[j] = place(graph, l, chosen);
      node->d_input_adds[j] = chosen >= 0 && chosen != l->gradient[node->input[j]->index];
    }
  }
}

void bl_layout_destroy(bl_layout **layout) {
  if (*layout == NULL)
    return;
  bl_free(&(*layout)->indices);
  bl_free(&(*layout)->intervals);
  bl_free(layout);
}

bl_status bl_arena_lay_out(bl_graph *graph) {
  const size_t tensors = (size_t)graph->tensor_count, nodes = (size_t)graph->node_count;
  const size_t index_count = 3 * tensors + (5 + BL_NODE_INPUTS) * nodes;
  bl_layout *l = NULL;
  BL_TRY(bl_allocate(&graph->layout, 1, sizeof *graph->layout));
  l = graph->layout;
  BL_TRY(bl_allocate(&l->intervals, index_count, sizeof *l->intervals));
  BL_TRY(bl_allocate(&l->indices, index_count, sizeof *l->indices));
  for (size_t i = 0; i < index_count; i++)
    l->indices[i] = -1;
  l->data = l->indices;
  l->gradient = l->data + 2 * tensors;
  l->kept = l->gradient + tensors;
  l->scratch = l->kept + 2 * nodes;
  l->d_input = l->scratch + 3 * nodes;
  plan_forward(l, graph);
  if (graph->mode == BL_GRAPH_TRAINING) {
    plan_recomputed(l, graph);
    plan_backward(l, graph);
  }
  return bl_arena_assign(&graph->arena_floats, l->intervals, l->count);
}
