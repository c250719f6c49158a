#include "engine/node.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

/** Make room for one more pointer in a list that doubles. */
static bl_status grow(void *list, int count) {
  void ***pointers = list;
  if (count > 0 && (count & (count - 1)) != 0)
    return BL_OK;
  void **grown = NULL;
  BL_TRY(bl_allocate(&grown, count > 0 ? 2 * (size_t)count : 1, sizeof *grown));
  if (count > 0)
    memcpy(grown, *pointers, (size_t)count * sizeof *grown);
  bl_free(pointers);
  *pointers = grown;
  return BL_OK;
}

static bl_status add_tensor(bl_tensor **tensor, bl_graph *graph, int channels, int height, int width) {
  *tensor = NULL;
  if (channels < 1 || height < 1 || width < 1)
    return bl_fail(BL_ERROR_USAGE, "a tensor of %d channels and %d x %d pixels cannot exist: all must be at least 1",
                   channels, height, width);
  BL_TRY(grow(&graph->tensors, graph->tensor_count));
  BL_TRY(bl_allocate(tensor, 1, sizeof **tensor));
  **tensor = (bl_tensor){
      .graph = graph, .index = graph->tensor_count, .channels = channels, .height = height, .width = width, .block = 1};
  graph->tensors[graph->tensor_count++] = *tensor;
  return BL_OK;
}

static bl_status add_node(bl_node **node, bl_graph *graph, const bl_node_kind *kind, int input_count,
                          bl_tensor *const *inputs, int channels, int height, int width) {
  BL_TRY(grow(&graph->nodes, graph->node_count));
  BL_TRY(bl_allocate(node, 1, sizeof **node));
  (*node)->kind = kind;
  (*node)->index = (*node)->number = graph->node_count;
  (*node)->inputs = input_count;
  graph->nodes[graph->node_count++] = *node;
  BL_TRY(add_tensor(&(*node)->output, graph, channels, height, width));
  (*node)->output->producer = *node;
  (*node)->output->in_segment = graph->segment_open;
  for (int i = 0; i < input_count; i++) {
    (*node)->input[i] = inputs[i];
    (*node)->output->depends_on_x |= inputs[i]->depends_on_x;
    (*node)->output->depends_on_parameters |= inputs[i]->depends_on_parameters;
    (*node)->output->needs_gradient |= inputs[i]->needs_gradient;
  }
  return BL_OK;
}

bl_node *bl_node_add(bl_graph *graph, const bl_node_kind *kind, int input_count, bl_tensor *const *inputs, int channels,
                     int height, int width) {
  if (graph->status != BL_OK)
    return NULL;
  for (int i = 0; i < input_count; i++)
    if (inputs[i] == NULL) {
      graph->status = bl_fail(BL_ERROR_USAGE, "a layer '%s' was given no tensor as input %d", kind->name, i);
      return NULL;
    }
  bl_node *node = NULL;
  graph->status = add_node(&node, graph, kind, input_count, inputs, channels, height, width);
  return graph->status == BL_OK ? node : NULL;
}

static bl_tensor *add_input(bl_graph *graph, bl_tensor **slot, const char *name, int channels, int height, int width) {
  if (graph->status != BL_OK)
    return NULL;
  if (*slot != NULL)
    graph->status = bl_fail(BL_ERROR_USAGE, "a graph has one input %s, but a second was added", name);
  else
    graph->status = add_tensor(slot, graph, channels, height, width);
  return graph->status == BL_OK ? *slot : NULL;
}

bl_tensor *bl_input(bl_graph *graph, int channels, int height, int width) {
  bl_tensor *x = add_input(graph, &graph->x, "x", channels, height, width);
  if (x == NULL)
    return NULL;
  x->block = bl_graph_preferred_block(graph, channels, height * width);
  x->depends_on_x = x->needs_gradient = !graph->frozen;
  return x;
}

bl_tensor *bl_input_time(bl_graph *graph) {
  return add_input(graph, &graph->time, "t", 1, 1, 1);
}

bl_tensor *bl_input_condition(bl_graph *graph, int values) {
  return add_input(graph, &graph->condition, "condition", values, 1, 1);
}

void bl_segment_begin(bl_graph *graph) {
  if (graph->segment_open && graph->status == BL_OK)
    graph->status = bl_fail(BL_ERROR_USAGE, "a segment of a graph was begun within another");
  graph->segment_open = true;
}

bl_tensor *bl_segment_end(bl_graph *graph, bl_tensor *y) {
  graph->segment_open = false;
  if (y != NULL)
    y->in_segment = false;
  return y;
}

void bl_freeze_begin(bl_graph *graph) {
  graph->frozen = true;
}

void bl_freeze_end(bl_graph *graph) {
  graph->frozen = false;
}

void bl_node_add_parameter(bl_node *node, const char *name, const char *suffix, int dimensions, const size_t *shape,
                           bl_initialiser initialiser, size_t fan_in, size_t fan_out) {
  if (node == NULL)
    return;
  bl_graph *graph = node->output->graph;
  if (graph->status != BL_OK)
    return;
  char full[BL_PARAMETER_NAME];
  if (node->parameters == BL_NODE_PARAMETERS) {
    graph->status = bl_fail(BL_ERROR_USAGE, "layer '%s' has more than %d parameters", name, BL_NODE_PARAMETERS);
    return;
  }
  if (snprintf(full, sizeof full, "%s.%s", name, suffix) >= (int)sizeof full) {
    graph->status = bl_fail(BL_ERROR_USAGE, "the parameter name '%s.%s' is longer than %d characters", name, suffix,
                            BL_PARAMETER_NAME - 1);
    return;
  }
  graph->status = bl_parameter_add(&node->parameter[node->parameters], &graph->parameters, full, dimensions, shape,
                                   initialiser, fan_in, fan_out);
  if (graph->status != BL_OK)
    return;
  node->parameters++;
  if (!graph->frozen)
    node->output->depends_on_parameters = node->output->needs_gradient = true;
}

bool bl_node_reads(const bl_node *node, const bl_tensor *tensor) {
  for (int i = 0; i < node->inputs; i++)
    if (node->input[i] == tensor)
      return true;
  return false;
}

void bl_node_renumber(bl_graph *graph) {
  for (int i = 0; i < graph->node_count; i++)
    graph->nodes[i]->index = i;
  for (int i = 0; i < graph->tensor_count; i++)
    graph->tensors[i]->index = i;
}

const float *bl_node_values(const bl_graph *graph, const bl_node *node, int which, const float *values) {
  return values + (graph->parameters.entries[node->parameter[which]].offset - graph->values_first);
}

float *bl_node_gradient(const bl_graph *graph, const bl_node *node, int which) {
  const size_t offset = graph->parameters.entries[node->parameter[which]].offset;
  return graph->d_parameters == NULL ? NULL : graph->d_parameters + (offset - graph->gradient_first);
}

size_t bl_tensor_count(const bl_tensor *tensor) {
  return (size_t)tensor->graph->batch * (size_t)tensor->channels * (size_t)tensor->height * (size_t)tensor->width;
}

int bl_graph_preferred_block(const bl_graph *graph, int channels, int pixels) {
  return pixels > 1 && channels % graph->block == 0 ? graph->block : 1;
}

bl_status bl_tensor_format(const bl_format **format, const bl_tensor *tensor) {
  return bl_format_create(format, tensor->graph->backend, BL_ORDER_CHANNELS, tensor->block, 4,
                          (const int64_t[]){tensor->graph->batch, tensor->channels, tensor->height, tensor->width});
}

void bl_tensor_from_plain(float *data, const bl_tensor *tensor, const float *plain) {
  const size_t block = (size_t)tensor->block, pixels = (size_t)tensor->height * (size_t)tensor->width;
  if (block == 1) {
    memcpy(data, plain, bl_tensor_count(tensor) * sizeof *data);
    return;
  }
  const size_t groups = bl_tensor_count(tensor) / (block * pixels);
  for (size_t group = 0; group < groups; group++)
    for (size_t pixel = 0; pixel < pixels; pixel++)
      for (size_t c = 0; c < block; c++)
        data[(group * pixels + pixel) * block + c] = plain[(group * block + c) * pixels + pixel];
}

void bl_tensor_to_plain(float *plain, const bl_tensor *tensor, const float *data) {
  const size_t block = (size_t)tensor->block, pixels = (size_t)tensor->height * (size_t)tensor->width;
  if (block == 1) {
    memcpy(plain, data, bl_tensor_count(tensor) * sizeof *plain);
    return;
  }
  const size_t groups = bl_tensor_count(tensor) / (block * pixels);
  for (size_t group = 0; group < groups; group++)
    for (size_t c = 0; c < block; c++)
      for (size_t pixel = 0; pixel < pixels; pixel++)
        plain[(group * block + c) * pixels + pixel] = data[(group * pixels + pixel) * block + c];
}
