/* Bilinear resizing: (batch, channels, height, width) -> (batch, channels, …). The pixel of a result is that at the same
 * place when both images cover one square, half pixels at the ends, without smoothing before (PyTorch's interpolate with
 * align_corners=False, which pytorch-fid uses). The result is plain. */
#include "base/memory.h"
#include "engine/node.h"
#include "layer/layer.h"

#include <string.h>

/* Between which two pixels of a row or column each one of the result lies. */
typedef struct place {
  int low, high;
  float weight; /* of the higher one */
} place;

typedef struct resize {
  place *rows, *columns; /* of the result */
} resize;

static void find_places(place *places, int from, int to) {
  for (int i = 0; i < to; i++) {
    double at = ((double)i + 0.5) * (double)from / (double)to - 0.5;
    at = at < 0.0 ? 0.0 : at;
    const int low = (int)at < from - 1 ? (int)at : from - 1;
    places[i] = (place){low, low + 1 < from ? low + 1 : low, (float)(at - (double)low)};
  }
}

static bl_status prepare(bl_graph *graph, bl_node *node) {
  (void)graph;
  const bl_tensor *x = node->input[0], *y = node->output;
  resize *r = node->state;
  BL_TRY(bl_allocate(&r->rows, (size_t)y->height, sizeof *r->rows));
  BL_TRY(bl_allocate(&r->columns, (size_t)y->width, sizeof *r->columns));
  find_places(r->rows, x->height, y->height);
  find_places(r->columns, x->width, y->width);
  return BL_OK;
}

/* Where pixel (row, column) of channel \a c lies. */
static size_t index_of(const bl_tensor *x, size_t c, int row, int column) {
  const size_t block = (size_t)x->block, pixels = (size_t)x->height * (size_t)x->width;
  return (c / block * pixels + (size_t)row * (size_t)x->width + (size_t)column) * block + c % block;
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  const bl_tensor *x = node->input[0], *y = node->output;
  const resize *r = node->state;
  const size_t images = (size_t)graph->batch * (size_t)x->channels; /* blocks divide channels, so samples need no care */
  float *out = y->data;
  for (size_t c = 0; c < images; c++)
    for (int i = 0; i < y->height; i++)
      for (int j = 0; j < y->width; j++) {
        const place row = r->rows[i], column = r->columns[j];
        const float upper = (1.0f - column.weight) * x->data[index_of(x, c, row.low, column.low)] +
                            column.weight * x->data[index_of(x, c, row.low, column.high)];
        const float lower = (1.0f - column.weight) * x->data[index_of(x, c, row.high, column.low)] +
                            column.weight * x->data[index_of(x, c, row.high, column.high)];
        *out++ = (1.0f - row.weight) * upper + row.weight * lower;
      }
  return BL_OK;
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  const bl_tensor *x = node->input[0], *y = node->output;
  const resize *r = node->state;
  const size_t images = (size_t)graph->batch * (size_t)x->channels;
  const float *d_y = y->gradient;
  float *d_x = node->d_input[0];
  if (d_x == NULL)
    return BL_OK;
  memset(d_x, 0, bl_tensor_count(x) * sizeof *d_x);
  for (size_t c = 0; c < images; c++)
    for (int i = 0; i < y->height; i++)
      for (int j = 0; j < y->width; j++, d_y++) {
        const place row = r->rows[i], column = r->columns[j];
        const float upper = (1.0f - row.weight) * *d_y, lower = row.weight * *d_y;
        d_x[index_of(x, c, row.low, column.low)] += (1.0f - column.weight) * upper;
        d_x[index_of(x, c, row.low, column.high)] += column.weight * upper;
        d_x[index_of(x, c, row.high, column.low)] += (1.0f - column.weight) * lower;
        d_x[index_of(x, c, row.high, column.high)] += column.weight * lower;
      }
  return BL_OK;
}

static void destroy(bl_node *node) {
  resize *r = node->state;
  if (r == NULL)
    return;
  bl_free(&r->rows);
  bl_free(&r->columns);
}

static const bl_node_kind kind = {
    .name = "resize", .prepare = prepare, .forward = forward, .backward = backward, .destroy = destroy};

bl_tensor *bl_resize_bilinear(bl_graph *graph, bl_tensor *x, int height, int width) {
  bl_node *node = bl_node_add(graph, &kind, 1, &x, x == NULL ? 0 : x->channels, height, width);
  if (node == NULL)
    return NULL;
  graph->status = bl_allocate(&node->state, 1, sizeof(resize));
  return graph->status == BL_OK ? node->output : NULL;
}
