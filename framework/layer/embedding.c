/* Rows of a table by index: (batch, indices) -> (batch, indices × features). */
#include "base/kernel.h"
#include "base/memory.h"
#include "engine/node.h"
#include "layer/layer.h"

#include <string.h>

typedef struct embedding {
  int rows, features;
  float *table; /* (rows, features) */
  int *found;   /* (batch, indices) of the latest forward pass */
} embedding;

static size_t index_count(const bl_node *node) {
  return bl_tensor_count(node->input[0]);
}

static bl_status prepare(bl_graph *graph, bl_node *node) {
  embedding *e = node->state;
  (void)graph;
  node->output->block = 1;
  BL_TRY(bl_allocate(&e->table, (size_t)e->rows * (size_t)e->features, sizeof *e->table));
  return bl_allocate(&e->found, index_count(node), sizeof *e->found);
}

static bl_status load(bl_graph *graph, bl_node *node, const float *values) {
  embedding *e = node->state;
  memcpy(e->table, bl_node_values(graph, node, 0, values), (size_t)e->rows * (size_t)e->features * sizeof *e->table);
  return BL_OK;
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  embedding *e = node->state;
  const size_t features = (size_t)e->features;
  (void)graph;
  for (size_t n = 0; n < index_count(node); n++) {
    const float index = node->input[0]->data[n];
    if (!(index >= 0 && index < (float)e->rows) || index != (float)(int)index)
      return bl_fail(BL_ERROR_USAGE, "the condition of a sample holds %g, expected a whole number of 0 to %d",
                     (double)index, e->rows - 1);
    e->found[n] = (int)index;
    memcpy(node->output->data + n * features, e->table + (size_t)e->found[n] * features, features * sizeof *e->table);
  }
  return BL_OK;
}

BL_KERNEL static void add_row(float *restrict sum, const float *restrict row, size_t features) {
  for (size_t f = 0; f < features; f++)
    sum[f] += row[f];
}

/* An index has no gradient; rows are added in the order of the samples. */
static bl_status backward(bl_graph *graph, bl_node *node) {
  const embedding *e = node->state;
  const size_t features = (size_t)e->features;
  if (graph->d_parameters == NULL)
    return BL_OK;
  float *gradient = bl_node_gradient(graph, node, 0);
  memset(gradient, 0, (size_t)e->rows * features * sizeof *gradient);
  for (size_t n = 0; n < index_count(node); n++)
    add_row(gradient + (size_t)e->found[n] * features, node->output->gradient + n * features, features);
  return BL_OK;
}

static void destroy(bl_node *node) {
  embedding *e = node->state;
  if (e == NULL)
    return;
  bl_free(&e->table);
  bl_free(&e->found);
}

static const bl_node_kind kind = {
    .name = "embedding", .prepare = prepare, .load = load, .forward = forward, .backward = backward, .destroy = destroy};

bl_tensor *bl_embedding(bl_graph *graph, bl_tensor *index, const char *name, int features, int rows) {
  if (graph->status == BL_OK && rows < 1)
    graph->status = bl_fail(BL_ERROR_USAGE, "layer '%s' has %d rows; it needs at least 1", name, rows);
  bl_node *node = bl_node_add(graph, &kind, 1, &index, index == NULL ? features : index->channels * features, 1, 1);
  if (node == NULL)
    return NULL;
  const size_t shape[] = {(size_t)rows, (size_t)features};
  bl_node_add_parameter(node, name, "weight", 2, shape, BL_INITIALISE_KAIMING_NORMAL, 2, 2); /* N(0, 1), as PyTorch's */
  if (graph->status == BL_OK)
    graph->status = bl_allocate(&node->state, 1, sizeof(embedding));
  if (graph->status != BL_OK)
    return NULL;
  *(embedding *)node->state = (embedding){.rows = rows, .features = features};
  return node->output;
}
