#include "engine/fuse.h"

#include "base/memory.h"

#include <string.h>

static bool is_read_by_others(const bl_graph *graph, const bl_tensor *tensor, const bl_node *reader) {
  if (tensor == graph->output)
    return true;
  for (int i = 0; i < graph->node_count; i++)
    if (graph->nodes[i] != reader && bl_node_reads(graph->nodes[i], tensor))
      return true;
  return false;
}

/* Both learn the same, so that backward visits the convolution whenever it would have visited both. */
static bool learn_alike(const bl_tensor *a, const bl_tensor *b) {
  return a->needs_gradient == b->needs_gradient && a->depends_on_x == b->depends_on_x &&
         a->depends_on_parameters == b->depends_on_parameters;
}

/* The convolution that can take over the layer `add`, or NULL, and what it has to add. */
static bl_node *find_fusable(const bl_graph *graph, const bl_node *add, bl_tensor **added) {
  for (int i = 1; i >= 0; i--) {
    const bl_tensor *sum = add->input[i];
    bl_node *node = sum->producer;
    *added = add->input[1 - i];
    if (node != NULL && node->kind->adds && node->inputs == 1 && *added != sum &&
        bl_tensor_count(sum) == bl_tensor_count(add->output) && learn_alike(sum, add->output) &&
        !is_read_by_others(graph, sum, add))
      return node;
  }
  return NULL;
}

static void remove_from(void *list, int *count, const void *entry) {
  void **pointers = list;
  int i = 0;
  while (pointers[i] != entry)
    i++;
  memmove(pointers + i, pointers + i + 1, (size_t)(*count - i - 1) * sizeof *pointers);
  (*count)--;
}

void bl_graph_fuse(bl_graph *graph) {
  for (int i = 0; i < graph->node_count; i++) {
    bl_node *add = graph->nodes[i];
    bl_tensor *added, *sum;
    bl_node *node = add->kind->sums ? find_fusable(graph, add, &added) : NULL;
    if (node == NULL)
      continue;
    sum = node->output;
    node->input[node->inputs++] = added;
    node->output = add->output;
    node->output->producer = node;
    graph->nodes[i] = node;
    remove_from(graph->nodes, &graph->node_count, node); /* where it was, which is before */
    remove_from(graph->tensors, &graph->tensor_count, sum);
    bl_free(&sum);
    bl_free(&add);
    i--;
  }
  bl_node_renumber(graph);
}
