/* Pooling over square windows: (batch, channels, height, width) -> (batch, channels, …). Padding is never counted: an
 * average is over the pixels of the window that exist, a maximum too. */
#include "base/kernel.h"
#include "base/memory.h"
#include "engine/node.h"
#include "layer/layer.h"

#include <string.h>

typedef struct pool {
  int window, stride, padding;
  bool average;
} pool;

/* The pixels of a window along one axis: from first up to, not including, end. */
typedef struct span {
  int first, end;
} span;

static span span_of(const pool *p, int place, int length) {
  const int first = place * p->stride - p->padding, end = first + p->window;
  return (span){first < 0 ? 0 : first, end > length ? length : end};
}

static bl_status prepare(bl_graph *graph, bl_node *node) {
  (void)graph;
  const pool *p = node->state;
  node->output->block = node->input[0]->block;
  if (node->output->height * node->output->width == 1)
    node->output->block = 1; /* the same order of elements only where blocks are images */
  if (node->output->block != node->input[0]->block)
    return bl_fail(BL_ERROR_USAGE, "pooling to a single pixel is not offered: take the spatial mean");
  node->keeps_input[0] = node->keeps_output = !p->average;
  return BL_OK;
}

BL_KERNEL static void take_largest(float *restrict y, const float *restrict x, size_t block) {
  for (size_t c = 0; c < block; c++)
    y[c] = x[c] > y[c] ? x[c] : y[c];
}

BL_KERNEL static void add_pixel(float *restrict y, const float *restrict x, size_t block) {
  for (size_t c = 0; c < block; c++)
    y[c] += x[c];
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  const pool *p = node->state;
  const bl_tensor *in = node->input[0], *out = node->output;
  const size_t block = (size_t)in->block, groups = (size_t)graph->batch * (size_t)in->channels / block;
  float *y = out->data;
  for (size_t g = 0; g < groups; g++) {
    const float *image = in->data + g * (size_t)in->height * (size_t)in->width * block;
    for (int i = 0; i < out->height; i++)
      for (int j = 0; j < out->width; j++, y += block) {
        const span rows = span_of(p, i, in->height), columns = span_of(p, j, in->width);
        memcpy(y, image + ((size_t)rows.first * (size_t)in->width + (size_t)columns.first) * block, block * sizeof *y);
        for (int r = rows.first; r < rows.end; r++)
          for (int c = r == rows.first ? columns.first + 1 : columns.first; c < columns.end; c++)
            (p->average ? add_pixel : take_largest)(y, image + ((size_t)r * (size_t)in->width + (size_t)c) * block, block);
        const float count = (float)((rows.end - rows.first) * (columns.end - columns.first));
        for (size_t l = 0; l < block && p->average; l++)
          y[l] /= count;
      }
  }
  return BL_OK;
}

/* The gradient of one output pixel to its window: in equal shares, or to the first of the largest. */
static void give_back(float *d_image, const float *image, const float *y, const float *d_y, const pool *p, span rows,
                      span columns, size_t width, size_t block) {
  const float count = (float)((rows.end - rows.first) * (columns.end - columns.first));
  for (size_t l = 0; l < block; l++) {
    bool given = false;
    for (int r = rows.first; r < rows.end && !given; r++)
      for (int c = columns.first; c < columns.end && !given; c++) {
        const size_t at = ((size_t)r * width + (size_t)c) * block + l;
        if (p->average)
          d_image[at] += d_y[l] / count;
        else if (image[at] >= y[l]) {
          d_image[at] += d_y[l];
          given = true;
        }
      }
  }
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  const pool *p = node->state;
  const bl_tensor *in = node->input[0], *out = node->output;
  const size_t block = (size_t)in->block, groups = (size_t)graph->batch * (size_t)in->channels / block;
  const size_t size = (size_t)in->height * (size_t)in->width * block;
  if (node->d_input[0] == NULL)
    return BL_OK;
  memset(node->d_input[0], 0, groups * size * sizeof(float));
  size_t at = 0;
  for (size_t g = 0; g < groups; g++)
    for (int i = 0; i < out->height; i++)
      for (int j = 0; j < out->width; j++, at += block)
        give_back(node->d_input[0] + g * size, p->average ? NULL : in->data + g * size, p->average ? NULL : out->data + at,
                  out->gradient + at, p, span_of(p, i, in->height), span_of(p, j, in->width), (size_t)in->width, block);
  return BL_OK;
}

static const bl_node_kind kind = {.name = "pool", .prepare = prepare, .forward = forward, .backward = backward};

static bl_tensor *add_pool(bl_graph *graph, bl_tensor *x, pool p) {
  if (graph->status != BL_OK || x == NULL)
    return NULL;
  const int height = x->height + 2 * p.padding - p.window, width = x->width + 2 * p.padding - p.window;
  if (p.window < 1 || p.stride < 1 || p.padding < 0 || p.padding >= p.window || height < 0 || width < 0) {
    graph->status =
        bl_fail(BL_ERROR_USAGE, "pooling with window %d, stride %d and padding %d does not fit an image of %d x %d",
                p.window, p.stride, p.padding, x->height, x->width);
    return NULL;
  }
  bl_node *node = bl_node_add(graph, &kind, 1, &x, x->channels, height / p.stride + 1, width / p.stride + 1);
  if (node == NULL)
    return NULL;
  graph->status = bl_allocate(&node->state, 1, sizeof p);
  if (graph->status != BL_OK)
    return NULL;
  *(pool *)node->state = p;
  return node->output;
}

bl_tensor *bl_max_pool(bl_graph *graph, bl_tensor *x, int window, int stride, int padding) {
  return add_pool(graph, x, (pool){window, stride, padding, false});
}

bl_tensor *bl_average_pool(bl_graph *graph, bl_tensor *x, int window, int stride, int padding) {
  return add_pool(graph, x, (pool){window, stride, padding, true});
}
