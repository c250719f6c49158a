#include "engine/graph.h"

#include "base/kernel.h"
#include "base/memory.h"
#include "engine/arena.h"
#include "engine/fuse.h"
#include "engine/node.h"
#include "engine/recompute.h"
#include "parallel/watchdog.h"

#include <string.h>

/* Construction */

bl_compute bl_compute_apart(const bl_compute *compute) {
  bl_compute apart = compute == NULL ? (bl_compute){0} : *compute;
  apart.pool = NULL;
  return apart;
}

bl_status bl_graph_create(bl_graph **graph, int batch) {
  bl_graph *g = NULL;
  bl_status status = BL_OK;
  *graph = NULL;
  if (batch < 1)
    return bl_fail(BL_ERROR_USAGE, "a micro-batch of %d samples was asked for; it must hold at least 1", batch);
  BL_TRY(bl_allocate(&g, 1, sizeof *g));
  g->batch = batch;
  BL_GOTO(bl_backend_create(&g->backend));
  BL_GOTO(bl_backend_block(&g->block, g->backend));
  *graph = g;
  return BL_OK;
done:
  bl_graph_destroy(&g);
  return status;
}

void bl_graph_set_compute(bl_graph *graph, const bl_compute *compute) {
  graph->compute = compute == NULL ? (bl_compute){0} : *compute;
}

bl_status bl_graph_set_network(bl_graph *graph, const void *key, size_t size) {
  return graph->compute.pool == NULL ? BL_OK : bl_pool_network_get(&graph->network, graph->compute.pool, key, size);
}

void bl_graph_destroy(bl_graph **graph) {
  bl_graph *g = *graph;
  if (g == NULL)
    return;
  for (int i = 0; i < g->node_count; i++) {
    if (g->nodes[i]->kind->destroy != NULL)
      g->nodes[i]->kind->destroy(g->nodes[i]);
    bl_free(&g->nodes[i]->state);
    bl_free(&g->nodes[i]);
  }
  for (int i = 0; i < g->tensor_count; i++)
    bl_free(&g->tensors[i]);
  bl_free(&g->nodes);
  bl_free(&g->gradient_part);
  bl_free(&g->tensors);
  bl_free(&g->recomputed);
  if (g->network == NULL)
    bl_free(&g->arena);
  bl_layout_destroy(&g->layout);
  bl_parameter_table_destroy(&g->parameters);
  bl_backend_destroy(&g->backend);
  bl_free(graph);
}

/** Move a pointer of a list forward, from place \a from to place \a to. */
static void move(void *list, int from, int to) {
  void **pointers = list, *moved = pointers[from];
  memmove(pointers + to + 1, pointers + to, (size_t)(from - to) * sizeof *pointers);
  pointers[to] = moved;
}

bl_tensor *bl_early(bl_graph *graph, bl_tensor *y) {
  if (graph->status != BL_OK || y == NULL || y->producer == NULL)
    return y;
  int node = 0, tensor = 0; /* the first places where all that it reads is there */
  for (int i = 0; i < y->producer->inputs; i++) {
    const bl_tensor *x = y->producer->input[i];
    if (x->producer != NULL && x->producer->index >= node)
      node = x->producer->index + 1;
    if (x->index >= tensor)
      tensor = x->index + 1;
  }
  move(graph->nodes, y->producer->index, node);
  move(graph->tensors, y->index, tensor);
  bl_node_renumber(graph);
  return y;
}

void bl_output(bl_graph *graph, bl_tensor *y) {
  if (graph->status != BL_OK)
    return;
  if (y == NULL || graph->output != NULL)
    graph->status = bl_fail(BL_ERROR_USAGE, y == NULL ? "the output of a graph is no tensor" : "a graph has one output");
  else
    graph->output = y;
}

/** A layer whose result nobody reads is a mistake of the one who wrote the network. */
static bl_status check_all_are_read(const bl_graph *graph) {
  for (int i = 0; i < graph->node_count; i++) {
    const bl_tensor *tensor = graph->nodes[i]->output;
    bool read = tensor == graph->output;
    for (int j = i + 1; j < graph->node_count && !read; j++)
      read = bl_node_reads(graph->nodes[j], tensor);
    if (!read)
      return bl_fail(BL_ERROR_USAGE, "nothing reads the result of layer %d ('%s') of a graph", i,
                     graph->nodes[i]->kind->name);
  }
  return BL_OK;
}

bl_status bl_graph_compile(bl_graph *graph, bl_graph_mode mode) {
  BL_TRY(graph->status);
  if (graph->compiled)
    return bl_fail(BL_ERROR_USAGE, "a graph was compiled twice");
  if (graph->x == NULL || graph->output == NULL)
    return bl_fail(BL_ERROR_USAGE, "a graph has no %s", graph->x == NULL ? "input x" : "output");
  BL_TRY(check_all_are_read(graph));
  bl_graph_fuse(graph);
  graph->mode = mode;
  for (int i = 0; i < graph->node_count; i++)
    BL_TRY(graph->nodes[i]->kind->prepare(graph, graph->nodes[i]));
  BL_TRY(bl_recompute_choose(graph));
  BL_TRY(bl_arena_lay_out(graph));
  graph->compiled = true;
  return BL_OK;
}

/* Facts */

const bl_parameter_table *bl_graph_parameters(const bl_graph *graph) {
  return &graph->parameters;
}

size_t bl_graph_input_size(const bl_graph *graph) {
  return bl_tensor_count(graph->x) / (size_t)graph->batch;
}

size_t bl_graph_output_size(const bl_graph *graph) {
  return bl_tensor_count(graph->output) / (size_t)graph->batch;
}

size_t bl_graph_condition_size(const bl_graph *graph) {
  return graph->condition == NULL ? 0 : (size_t)graph->condition->channels;
}

size_t bl_graph_memory(const bl_graph *graph) {
  return graph->arena_floats * sizeof *graph->arena;
}

size_t bl_graph_evaluations(const bl_graph *graph) {
  return graph->evaluations;
}

/* Running */

void bl_graph_set_dropout(bl_graph *graph, const bl_draw *draw) {
  graph->dropout = draw != NULL;
  if (draw != NULL)
    graph->dropout_draw = *draw;
}

static bl_status begin_loading(bl_graph *graph) {
  if (!graph->compiled)
    return bl_fail(BL_ERROR_USAGE, "parameters were loaded into a graph that is not compiled");
  graph->loaded = false;
  if (graph->network != NULL)
    bl_pool_set_loaded(graph->network, graph);
  return BL_OK;
}

bl_status bl_graph_load(bl_graph *graph, const float *values) {
  BL_TRY(begin_loading(graph));
  for (int i = 0; i < graph->node_count; i++)
    if (graph->nodes[i]->kind->load != NULL)
      BL_TRY(graph->nodes[i]->kind->load(graph, graph->nodes[i], values));
  graph->loaded = true;
  return BL_OK;
}

/** Elements of all parameters of \a node together. */
static size_t parameter_count(const bl_graph *graph, const bl_node *node) {
  size_t count = 0;
  for (int i = 0; i < node->parameters; i++)
    count += graph->parameters.entries[node->parameter[i]].count;
  return count;
}

/** Memory for the parameters, or the gradient, of one node at a time. */
static bl_status allocate_for_node(float **part, const bl_graph *graph) {
  size_t most = 0;
  for (int i = 0; i < graph->node_count; i++) {
    const size_t count = parameter_count(graph, graph->nodes[i]);
    most = count > most ? count : most;
  }
  return bl_allocate(part, most, sizeof **part);
}

/** Fetch the parameters of \a node, which follow each other in the table, and let it take them. \param [in,out] taken  the
 * first failure of a layer, which ends nothing. */
static bl_status load_node_from(bl_graph *graph, bl_node *node, bl_parameter_source source, void *context, float *values,
                                bl_status *taken) {
  const bl_parameter *entries = &graph->parameters.entries[node->parameter[0]];
  for (int i = 0; i < node->parameters; i++)
    BL_TRY(source(values + (entries[i].offset - entries[0].offset), &entries[i], context));
  if (*taken != BL_OK)
    return BL_OK;
  graph->values_first = entries[0].offset;
  *taken = node->kind->load(graph, node, values);
  graph->values_first = 0;
  return BL_OK;
}

bl_status bl_graph_load_from(bl_graph *graph, bl_parameter_source source, void *context) {
  bl_node **order = NULL; /* of building, as that of the table */
  float *values = NULL;
  size_t built = 0;
  bl_status status = begin_loading(graph), taken = BL_OK;
  if (status != BL_OK)
    return status;
  for (int i = 0; i < graph->node_count; i++)
    built = (size_t)graph->nodes[i]->number >= built ? (size_t)graph->nodes[i]->number + 1 : built;
  BL_GOTO(bl_allocate(&order, built, sizeof *order));
  for (int i = 0; i < graph->node_count; i++)
    order[graph->nodes[i]->number] = graph->nodes[i];
  BL_GOTO(allocate_for_node(&values, graph));
  for (size_t i = 0; i < built; i++)
    if (order[i] != NULL && order[i]->parameters > 0)
      BL_GOTO(load_node_from(graph, order[i], source, context, values, &taken));
  status = taken;
  graph->loaded = status == BL_OK;
done:
  bl_free(&values);
  bl_free(&order);
  return status;
}

bl_status bl_graph_take_memory(bl_graph *graph) {
  float *arena = graph->arena;
  if (graph->network != NULL)
    BL_TRY(bl_pool_take_arena(&arena, graph->network, graph->arena_floats, graph));
  else if (arena == NULL)
    BL_TRY(bl_allocate(&arena, graph->arena_floats, sizeof *arena));
  if (arena != graph->arena)
    bl_arena_set(graph, arena);
  return BL_OK;
}

void bl_graph_release(bl_graph *graph) {
  if (graph != NULL && graph->network != NULL)
    bl_pool_release(graph->network);
}

bl_status bl_node_forward(bl_graph *graph, bl_node *node) {
  graph->scratch = node->scratch_data[0];
  node->output->data = node->output->place[0];
  node->kept_data = node->kept_place[0];
  graph->recompute_done = 0;
  return node->kind->forward(graph, node);
}

bl_status bl_node_bring_back(bl_graph *graph, bl_node *node) {
  while (graph->recompute_done < node->recompute_end) {
    bl_node *first = graph->recomputed[graph->recompute_done++];
    graph->scratch = first->scratch_data[2];
    first->output->data = first->output->place[1];
    first->kept_data = first->kept_place[1];
    BL_TRY((first->kind->recompute != NULL ? first->kind->recompute : first->kind->forward)(graph, first));
  }
  return BL_OK;
}

static bool wants_gradient(const bl_graph *graph, const bl_tensor *tensor) {
  return (graph->d_x_wanted && tensor->depends_on_x) || (graph->d_parameters != NULL && tensor->depends_on_parameters);
}

BL_KERNEL static void add_to(float *restrict sum, const float *restrict part, size_t count) {
  for (size_t i = 0; i < count; i++)
    sum[i] += part[i];
}

bl_status bl_node_backward(bl_graph *graph, bl_node *node) {
  if (!wants_gradient(graph, node->output))
    return BL_OK;
  BL_TRY(bl_node_bring_back(graph, node));
  for (int i = 0; i < node->inputs; i++)
    node->d_input[i] = wants_gradient(graph, node->input[i]) ? node->d_input_data[i] : NULL;
  graph->scratch = node->scratch_data[1];
  const bool taken = graph->sink != NULL && node->parameters > 0;
  if (taken)
    graph->gradient_first = graph->parameters.entries[node->parameter[0]].offset;
  BL_TRY(node->kind->backward(graph, node));
  if (taken)
    graph->sink->take(graph->sink->context, graph->gradient_first, parameter_count(graph, node), graph->d_parameters);
  for (int i = 0; i < node->inputs; i++)
    if (node->d_input[i] != NULL && node->d_input_adds[i])
      add_to(node->input[i]->gradient, node->d_input[i], bl_tensor_count(node->input[i]));
  return BL_OK;
}

void bl_graph_set_inputs(bl_graph *graph, const bl_graph_inputs *inputs) {
  bl_tensor_from_plain(graph->x->data, graph->x, inputs->x);
  if (graph->time != NULL)
    memcpy(graph->time->data, inputs->time, (size_t)graph->batch * sizeof *inputs->time);
  if (graph->condition != NULL)
    memcpy(graph->condition->data, inputs->condition, bl_tensor_count(graph->condition) * sizeof *inputs->condition);
}

bl_status bl_graph_forward(bl_graph *graph, float *output, const bl_graph_inputs *inputs) {
  if (!graph->compiled)
    return bl_fail(BL_ERROR_USAGE, "a graph was evaluated before it was compiled");
  if (!graph->loaded && graph->parameters.entry_count > 0)
    return bl_fail(BL_ERROR_USAGE, "a network was evaluated before its parameters were loaded");
  if (graph->network != NULL && !bl_pool_is_loaded(graph->network, graph))
    return bl_fail(BL_ERROR_USAGE, "a network was evaluated after other parameters were loaded into the memory it shares");
  if (graph->time != NULL && inputs->time == NULL)
    return bl_fail(BL_ERROR_USAGE, "a network with a time input was evaluated without a time");
  if (graph->condition != NULL && inputs->condition == NULL)
    return bl_fail(BL_ERROR_USAGE, "a network with a condition was evaluated without one");
  graph->forwarded = false;
  BL_TRY(bl_graph_take_memory(graph));
  bl_graph_set_inputs(graph, inputs);
  for (int i = 0; i < graph->node_count; i++)
    BL_TRY(bl_node_forward(graph, graph->nodes[i]));
  bl_tensor_to_plain(output, graph->output, graph->output->data);
  graph->evaluations += (size_t)graph->batch;
  bl_watchdog_progress();
  graph->forwarded = true;
  return BL_OK;
}

static bl_status check_backward(bl_graph *graph) {
  if (graph->mode != BL_GRAPH_TRAINING || !graph->forwarded)
    return bl_fail(BL_ERROR_USAGE, graph->mode != BL_GRAPH_TRAINING
                                       ? "gradients were asked of a graph that was compiled for inference"
                                       : "gradients were asked without a forward pass since the last ones");
  graph->forwarded = false; /* its activations are overwritten now */
  if (graph->network != NULL && !(bl_pool_has_arena(graph->network, graph) && bl_pool_is_loaded(graph->network, graph)))
    return bl_fail(BL_ERROR_USAGE, "gradients were asked after another graph had used the memory it shares");
  return BL_OK;
}

bl_status bl_graph_backward(bl_graph *graph, float *d_parameters, float *d_x, const float *d_output) {
  BL_TRY(check_backward(graph));
  graph->d_parameters = d_parameters;
  graph->d_x_wanted = d_x != NULL;
  bl_tensor_from_plain(graph->output->gradient, graph->output, d_output);
  bl_status status = BL_OK;
  for (int i = graph->node_count - 1; i >= 0 && status == BL_OK; i--)
    status = bl_node_backward(graph, graph->nodes[i]);
  graph->d_parameters = NULL;
  bl_watchdog_progress();
  BL_TRY(status);
  if (d_x != NULL)
    bl_tensor_to_plain(d_x, graph->x, graph->x->gradient);
  return BL_OK;
}

bl_status bl_graph_backward_to(bl_graph *graph, const bl_gradient_sink *sink, const float *d_output) {
  if (graph->gradient_part == NULL)
    BL_TRY(allocate_for_node(&graph->gradient_part, graph));
  graph->sink = sink;
  const bl_status status = bl_graph_backward(graph, graph->gradient_part, NULL, d_output);
  graph->sink = NULL;
  graph->gradient_first = 0;
  return status;
}
