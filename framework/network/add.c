/* a + b of equal shape, or b (batch, channels, 1, 1) added to every pixel of a. */
#include "network/add.h"

#include "base/kernel.h"
#include "base/memory.h"

#include <string.h>

bool bl_add_is_vector(const bl_tensor *image, const bl_tensor *b) {
  return bl_tensor_count(b) != bl_tensor_count(image);
}

bl_status bl_add_check(const bl_tensor *image, const bl_tensor *b) {
  if (bl_add_is_vector(image, b) || image->block == b->block)
    return BL_OK;
  return bl_fail(BL_ERROR_USAGE, "two tensors of %d channels that are added have different layouts (blocks of %d and %d)",
                 image->channels, image->block, b->block);
}

static bl_status plan(bl_graph *graph, bl_node *node) {
  (void)graph;
  node->output->block = node->input[0]->block;
  node->in_place = true;
  node->in_place_gradient[0] = true;
  return bl_add_check(node->output, node->input[1]);
}

/** Sizes of a blocked image: (groups, pixels, block), where groups runs over samples and blocks of channels. The plain
 * vector b is (groups, block) then. */
typedef struct extent {
  size_t groups, pixels, block;
} extent;

static extent measure(const bl_tensor *a) {
  const size_t pixels = (size_t)a->height * (size_t)a->width, block = (size_t)a->block;
  return (extent){bl_tensor_count(a) / (pixels * block), pixels, block};
}

BL_KERNEL static void add_image(float *y, const float *a, const float *b, size_t count) {
  BL_INDEPENDENT
  for (size_t i = 0; i < count; i++)
    y[i] = a[i] + b[i];
}

BL_KERNEL static void add_vector(float *y, const float *a, const float *b, extent e) {
  for (size_t g = 0; g < e.groups; g++)
    for (size_t p = 0; p < e.pixels; p++) {
      BL_INDEPENDENT
      for (size_t c = 0; c < e.block; c++)
        y[(g * e.pixels + p) * e.block + c] = a[(g * e.pixels + p) * e.block + c] + b[g * e.block + c];
    }
}

BL_KERNEL static void sum_pixels(float *restrict d_b, const float *restrict d_y, extent e) {
  for (size_t g = 0; g < e.groups; g++) {
    float *restrict sum = d_b + g * e.block;
    memset(sum, 0, e.block * sizeof *sum);
    for (size_t p = 0; p < e.pixels; p++)
      for (size_t c = 0; c < e.block; c++)
        sum[c] += d_y[(g * e.pixels + p) * e.block + c];
  }
}

void bl_add_run(float *y, const float *a, const bl_tensor *image, const bl_tensor *b) {
  if (bl_add_is_vector(image, b))
    add_vector(y, a, b->data, measure(image));
  else
    add_image(y, a, b->data, bl_tensor_count(image));
}

void bl_add_gradient(float *d_b, const float *d_y, const bl_tensor *image, const bl_tensor *b) {
  if (bl_add_is_vector(image, b))
    sum_pixels(d_b, d_y, measure(image));
  else if (d_b != d_y)
    memcpy(d_b, d_y, bl_tensor_count(image) * sizeof *d_y);
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  (void)graph;
  bl_add_run(node->output->data, node->input[0]->data, node->output, node->input[1]);
  return BL_OK;
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  (void)graph;
  for (int i = 0; i < 2; i++)
    if (node->d_input[i] != NULL)
      bl_add_gradient(node->d_input[i], node->output->gradient, node->output, node->input[i]);
  return BL_OK;
}

static const bl_node_kind kind = {.name = "add", .plan = plan, .forward = forward, .backward = backward};

bl_tensor *bl_add(bl_graph *graph, bl_tensor *a, bl_tensor *b) {
  if (graph->status == BL_OK && a != NULL && b != NULL) {
    const bool same = a->height == b->height && a->width == b->width, vector = b->height * b->width == 1;
    if (a->channels != b->channels || (!same && !vector))
      graph->status = bl_fail(BL_ERROR_USAGE, "a tensor (%d, %d, %d) cannot be added to (%d, %d, %d)", b->channels,
                              b->height, b->width, a->channels, a->height, a->width);
  }
  bl_node *node = bl_node_add(graph, &kind, 2, (bl_tensor *[]){a, b}, a == NULL ? 0 : a->channels,
                              a == NULL ? 0 : a->height, a == NULL ? 0 : a->width);
  return node == NULL ? NULL : node->output;
}

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

void bl_add_fuse(bl_graph *graph) {
  for (int i = 0; i < graph->node_count; i++) {
    bl_node *add = graph->nodes[i];
    bl_tensor *added, *sum;
    bl_node *node = add->kind == &kind ? find_fusable(graph, add, &added) : NULL;
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
