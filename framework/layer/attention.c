/* Single-head dot-product attention over the pixels of an image (Vaswani et al. 2017; Ho et al. 2020):
 * out = A v with A = softmax(q kᵀ / √channels), q, k, v as matrices (pixels, channels).
 *
 * One sample at a time, whose matrices stay in cache between the steps, put pixel by pixel for the products of the
 * back end. Backward keeps the inputs and A:
 *   dv = Aᵀ dout,  dA = dout vᵀ,  dS = A ∘ (dA − rowsum(dA ∘ A)) / √channels,  dq = dS k,  dk = dSᵀ q. */

#include "base/kernel.h"
#include "base/memory.h"
#include "engine/node.h"
#include "layer/exponential.h"
#include "layer/layer.h"

#include <math.h>
#include <string.h>

enum { LANES = 16 };

/* Products of one sample's matrices. */
typedef struct attention {
  bl_primitive *scores;     /* (pixels, pixels)   = q kᵀ, or dout vᵀ */
  bl_primitive *mix;        /* (pixels, channels) = A v, or dS k */
  bl_primitive *mix_back;   /* (pixels, channels) = Aᵀ dout, or dSᵀ q */
  size_t primitive_scratch; /* floats; our own matrices come after */
} attention;

static bl_status matrix(const bl_format **format, bl_backend *backend, int rows, int columns, bool transposed) {
  return bl_format_create(format, backend, transposed ? BL_ORDER_TRANSPOSED : BL_ORDER_PLAIN, 1, 2,
                          (const int64_t[]){rows, columns});
}

/* out (rows, columns) = left (rows, inner) · right (inner, columns), either factor stored transposed or not. */
static bl_status create_product(bl_primitive **product, bl_backend *backend, int rows, int inner, int columns,
                                bool left_transposed, bool right_transposed) {
  bl_linear f = {0};
  bl_operation *operation = NULL;
  BL_TRY(matrix(&f.x, backend, rows, inner, left_transposed));
  BL_TRY(matrix(&f.weights, backend, inner, columns, right_transposed));
  BL_TRY(matrix(&f.y, backend, rows, columns, false));
  BL_TRY(bl_operation_product(&operation, backend, &f));
  const bl_operand operands[] = {{BL_ARGUMENT_X, f.x}, {BL_ARGUMENT_WEIGHTS, f.weights}, {BL_ARGUMENT_Y, f.y}};
  const bl_status status = bl_primitive_create(product, operation, operands, 3);
  bl_operation_destroy(&operation);
  return status;
}

static size_t pixels_of(const bl_tensor *tensor) {
  return (size_t)tensor->height * (size_t)tensor->width;
}

/* Elements of one sample. */
static size_t size_of(const bl_tensor *tensor) {
  return (size_t)tensor->channels * pixels_of(tensor);
}

/* One sample: (channels / block, pixels, block) to (pixels, channels), or back. */
typedef enum direction { TO_PIXELS, FROM_PIXELS } direction;

static BL_ALWAYS_INLINE void reorder_blocks(float *restrict to, const float *restrict from, const bl_tensor *tensor,
                                            direction way, size_t block) {
  const size_t channels = (size_t)tensor->channels, pixels = pixels_of(tensor);
  for (size_t c = 0; c < channels; c += block)
    for (size_t p = 0; p < pixels; p++) {
      const size_t plane = c * pixels + p * block, row = p * channels + c;
      memcpy(to + (way == TO_PIXELS ? row : plane), from + (way == TO_PIXELS ? plane : row), block * sizeof *to);
    }
}

static void reorder(float *to, const float *from, const bl_tensor *tensor, direction way) {
  if (tensor->block == 16) /* a constant makes one vector of each copy */
    reorder_blocks(to, from, tensor, way, 16);
  else
    reorder_blocks(to, from, tensor, way, (size_t)tensor->block);
}

/* The largest element; in lanes, since compilers don't re-order comparisons of floats either. */
static BL_ALWAYS_INLINE float largest_of(const float *row, int columns) {
  float lane[LANES], largest = row[0];
  for (int l = 0; l < LANES; l++)
    lane[l] = largest;
  int j = 0;
  for (; j + LANES <= columns; j += LANES)
    for (int l = 0; l < LANES; l++)
      lane[l] = row[j + l] > lane[l] ? row[j + l] : lane[l];
  for (; j < columns; j++)
    largest = row[j] > largest ? row[j] : largest;
  for (int l = 0; l < LANES; l++)
    largest = lane[l] > largest ? lane[l] : largest;
  return largest;
}

/* Sum over partial accumulators in a fixed tree, so that bits do not depend on the vector width. */
static BL_ALWAYS_INLINE float sum_of_lanes(const float *lane) {
  float quarter[4];
  for (int i = 0; i < 4; i++)
    quarter[i] = (lane[i] + lane[i + 4]) + (lane[i + 8] + lane[i + 12]);
  return (quarter[0] + quarter[1]) + (quarter[2] + quarter[3]);
}

/* Every row becomes softmax(scale · row), in place. */
BL_KERNEL static void softmax(float *restrict scores, size_t rows, int columns, float scale) {
  for (size_t i = 0; i < rows; i++) {
    float *restrict row = scores + i * (size_t)columns;
    const float largest = largest_of(row, columns);
    for (int j = 0; j < columns; j++)
      row[j] = bl_exponential((row[j] - largest) * scale);
    float lane[LANES] = {0};
    int j = 0;
    for (; j + LANES <= columns; j += LANES)
      for (int l = 0; l < LANES; l++)
        lane[l] += row[j + l];
    for (int l = 0; j + l < columns; l++)
      lane[l] += row[j + l];
    float factor = 1.0f / sum_of_lanes(lane);
    for (j = 0; j < columns; j++)
      row[j] *= factor;
  }
}

/* Every row of d becomes scale · row of a ∘ (d − Σ a d), in place. */
BL_KERNEL static void softmax_backward(float *restrict d, const float *restrict a, size_t rows, int columns, float scale) {
  for (size_t i = 0; i < rows; i++) {
    float *restrict d_row = d + i * (size_t)columns;
    const float *restrict a_row = a + i * (size_t)columns;
    float lane[LANES] = {0};
    int j = 0;
    for (; j + LANES <= columns; j += LANES)
      for (int l = 0; l < LANES; l++)
        lane[l] += a_row[j + l] * d_row[j + l];
    for (int l = 0; j + l < columns; l++)
      lane[l] += a_row[j + l] * d_row[j + l];
    float inner = sum_of_lanes(lane);
    for (j = 0; j < columns; j++)
      d_row[j] = scale * (a_row[j] * (d_row[j] - inner));
  }
}

static size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}

static bl_status prepare(bl_graph *graph, bl_node *node) {
  attention *state = node->state;
  const bl_tensor *q = node->input[0];
  const int pixels = q->height * q->width;
  const size_t weights = pixels_of(q) * pixels_of(q);
  node->output->block = q->block;
  for (int i = 0; i < 3; i++)
    node->keeps_input[i] = true;
  node->kept = (size_t)graph->batch * weights;
  BL_TRY(create_product(&state->scores, graph->backend, pixels, q->channels, pixels, false, true));
  BL_TRY(create_product(&state->mix, graph->backend, pixels, pixels, q->channels, false, false));
  BL_TRY(create_product(&state->mix_back, graph->backend, pixels, pixels, q->channels, true, false));
  state->primitive_scratch = larger(larger(bl_primitive_scratch(state->scores), bl_primitive_scratch(state->mix)),
                                    bl_primitive_scratch(state->mix_back));
  node->scratch = state->primitive_scratch + 3 * size_of(q) + weights;
  return BL_OK;
}

static float scale_of(const bl_tensor *q) {
  return (float)(1.0 / sqrt((double)q->channels));
}

static bl_status forward_sample(bl_graph *graph, bl_node *node, size_t n) {
  attention *state = node->state;
  const bl_tensor *q = node->input[0], *k = node->input[1], *v = node->input[2];
  const size_t size = size_of(q), pixels = pixels_of(q), at = n * size;
  float *left = graph->scratch + state->primitive_scratch, *right = left + size;
  float *weights = node->kept_data + n * pixels * pixels;
  reorder(left, q->data + at, q, TO_PIXELS);
  reorder(right, k->data + at, k, TO_PIXELS);
  BL_TRY(bl_primitive_run(state->scores, (float *[]){left, right, weights}, graph->scratch));
  softmax(weights, pixels, (int)pixels, scale_of(q));
  reorder(right, v->data + at, v, TO_PIXELS);
  BL_TRY(bl_primitive_run(state->mix, (float *[]){weights, right, left}, graph->scratch));
  reorder(node->output->data + at, left, node->output, FROM_PIXELS);
  return BL_OK;
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  for (size_t n = 0; n < (size_t)graph->batch; n++)
    BL_TRY(forward_sample(graph, node, n));
  return BL_OK;
}

static bl_status backward_sample(bl_graph *graph, bl_node *node, size_t n) {
  attention *state = node->state;
  const bl_tensor *q = node->input[0], *k = node->input[1], *v = node->input[2];
  const size_t size = size_of(q), pixels = pixels_of(q), at = n * size;
  float *d_out = graph->scratch + state->primitive_scratch, *factor = d_out + size, *result = factor + size;
  float *d_weights = result + size, *weights = node->kept_data + n * pixels * pixels;
  reorder(d_out, node->output->gradient + at, node->output, TO_PIXELS);
  if (node->d_input[2] != NULL) {
    BL_TRY(bl_primitive_run(state->mix_back, (float *[]){weights, d_out, result}, graph->scratch));
    reorder(node->d_input[2] + at, result, v, FROM_PIXELS);
  }
  reorder(factor, v->data + at, v, TO_PIXELS);
  BL_TRY(bl_primitive_run(state->scores, (float *[]){d_out, factor, d_weights}, graph->scratch));
  softmax_backward(d_weights, weights, pixels, (int)pixels, scale_of(q));
  if (node->d_input[0] != NULL) {
    reorder(factor, k->data + at, k, TO_PIXELS);
    BL_TRY(bl_primitive_run(state->mix, (float *[]){d_weights, factor, result}, graph->scratch));
    reorder(node->d_input[0] + at, result, q, FROM_PIXELS);
  }
  if (node->d_input[1] != NULL) {
    reorder(factor, q->data + at, q, TO_PIXELS);
    BL_TRY(bl_primitive_run(state->mix_back, (float *[]){d_weights, factor, result}, graph->scratch));
    reorder(node->d_input[1] + at, result, k, FROM_PIXELS);
  }
  return BL_OK;
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  for (size_t n = 0; n < (size_t)graph->batch; n++)
    BL_TRY(backward_sample(graph, node, n));
  return BL_OK;
}

static void destroy(bl_node *node) {
  attention *state = node->state;
  if (state == NULL)
    return;
  bl_primitive_destroy(&state->scores);
  bl_primitive_destroy(&state->mix);
  bl_primitive_destroy(&state->mix_back);
}

static const bl_node_kind kind = {
    .name = "attention", .prepare = prepare, .forward = forward, .backward = backward, .destroy = destroy};

static bool same_shape(const bl_tensor *a, const bl_tensor *b) {
  return a->channels == b->channels && a->height == b->height && a->width == b->width;
}

bl_tensor *bl_attention(bl_graph *graph, bl_tensor *q, bl_tensor *k, bl_tensor *v) {
  if (graph->status != BL_OK)
    return NULL;
  if (q != NULL && k != NULL && v != NULL && !(same_shape(q, k) && same_shape(q, v))) {
    graph->status =
        bl_fail(BL_ERROR_USAGE, "attention: q (%d, %d, %d), k (%d, %d, %d) and v (%d, %d, %d) must have one shape",
                q->channels, q->height, q->width, k->channels, k->height, k->width, v->channels, v->height, v->width);
    return NULL;
  }
  bl_tensor *inputs[3] = {q, k, v};
  bl_node *node = q == NULL ? NULL : bl_node_add(graph, &kind, 3, inputs, q->channels, q->height, q->width);
  if (node == NULL)
    return NULL;
  graph->status = bl_allocate(&node->state, 1, sizeof(attention));
  return graph->status == BL_OK ? node->output : NULL;
}
