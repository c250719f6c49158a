/* Dot-product attention over the pixels of an image (Vaswani et al. 2017; Ho et al. 2020), in heads of `width` channels
 * that lie side by side: out = A v with A = softmax(q kᵀ / √width), q, k, v as matrices (pixels, width) of each head.
 *
 * One sample at a time, whose matrices stay in cache between the steps, put head by head and pixel by pixel for the
 * products of the back end. Backward keeps the inputs and A:
 *   dv = Aᵀ dout,  dA = dout vᵀ,  dS = A ∘ (dA − rowsum(dA ∘ A)) / √width,  dq = dS k,  dk = dSᵀ q. */

#include "base/kernel.h"
#include "base/memory.h"
#include "engine/node.h"
#include "layer/exponential.h"
#include "layer/layer.h"

#include <math.h>
#include <string.h>

enum { LANES = 16 };

/* Products of one head's matrices. */
typedef struct attention {
  int width;                /* channels of a head */
  bl_primitive *scores;     /* (pixels, pixels) = q kᵀ, or dout vᵀ */
  bl_primitive *mix;        /* (pixels, width)  = A v, or dS k */
  bl_primitive *mix_back;   /* (pixels, width)  = Aᵀ dout, or dSᵀ q */
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

/* One sample: (channels / block, pixels, block) to (heads, pixels, width), or back. */
typedef enum direction { TO_HEADS, FROM_HEADS } direction;

/* \param run  channels that lie side by side in both. */
static BL_ALWAYS_INLINE void reorder_runs(float *restrict to, const float *restrict from, const bl_tensor *tensor,
                                          size_t width, direction way, size_t run) {
  const size_t channels = (size_t)tensor->channels, pixels = pixels_of(tensor), block = (size_t)tensor->block;
  for (size_t c = 0; c < channels; c += run) {
    const size_t plane = c / block * block * pixels + c % block, row = c / width * width * pixels + c % width;
    for (size_t p = 0; p < pixels; p++) {
      const size_t ours = row + p * width, theirs = plane + p * block;
      memcpy(to + (way == TO_HEADS ? ours : theirs), from + (way == TO_HEADS ? theirs : ours), run * sizeof *to);
    }
  }
}

static void reorder(float *to, const float *from, const bl_tensor *tensor, int width, direction way) {
  int run = tensor->block;
  while (width % run != 0) /* blocks are powers of two */
    run /= 2;
  if (run == 16) /* a constant makes one vector of each copy */
    reorder_runs(to, from, tensor, (size_t)width, way, 16);
  else if (run == 8)
    reorder_runs(to, from, tensor, (size_t)width, way, 8);
  else
    reorder_runs(to, from, tensor, (size_t)width, way, (size_t)run);
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

static size_t heads_of(const bl_node *node) {
  const attention *state = node->state;
  return (size_t)(node->output->channels / state->width);
}

/* Elements of A of all heads of a sample. */
static size_t weights_of(const bl_node *node) {
  const size_t pixels = pixels_of(node->output);
  return heads_of(node) * pixels * pixels;
}

static bl_status check_size(const bl_graph *graph, const bl_node *node) {
  const double pixels = (double)pixels_of(node->output);
  const double numbers = (double)graph->batch * (double)heads_of(node) * pixels * pixels;
  if (numbers < 0x1p48)
    return BL_OK;
  return bl_fail(BL_ERROR_USAGE,
                 "attention over images of %d x %d pixels by %zu heads would keep %.0e numbers: expected fewer pixels",
                 node->output->height, node->output->width, heads_of(node), numbers);
}

static bl_status prepare(bl_graph *graph, bl_node *node) {
  attention *state = node->state;
  const bl_tensor *q = node->input[0];
  const int pixels = q->height * q->width;
  BL_TRY(check_size(graph, node));
  node->output->block = q->block;
  for (int i = 0; i < 3; i++)
    node->keeps_input[i] = true;
  node->kept = (size_t)graph->batch * weights_of(node);
  BL_TRY(create_product(&state->scores, graph->backend, pixels, state->width, pixels, false, true));
  BL_TRY(create_product(&state->mix, graph->backend, pixels, pixels, state->width, false, false));
  BL_TRY(create_product(&state->mix_back, graph->backend, pixels, pixels, state->width, true, false));
  state->primitive_scratch = larger(larger(bl_primitive_scratch(state->scores), bl_primitive_scratch(state->mix)),
                                    bl_primitive_scratch(state->mix_back));
  node->scratch = state->primitive_scratch + 3 * size_of(q) + weights_of(node);
  return BL_OK;
}

static float scale_of(const attention *state) {
  return (float)(1.0 / sqrt((double)state->width));
}

/* One product for every head; matrices of the heads follow each other. */
static bl_status run_heads(bl_graph *graph, const bl_node *node, bl_primitive *product, float *left, float *right,
                           float *out) {
  const attention *state = node->state;
  const size_t pixels = pixels_of(node->output), scores = pixels * pixels, image = pixels * (size_t)state->width;
  const size_t left_size = product == state->scores ? image : scores, out_size = product == state->scores ? scores : image;
  for (size_t h = 0; h < heads_of(node); h++) {
    float *operands[] = {left + h * left_size, right + h * image, out + h * out_size};
    BL_TRY(bl_primitive_run(product, operands, graph->scratch));
  }
  return BL_OK;
}

static bl_status forward_sample(bl_graph *graph, bl_node *node, size_t n) {
  attention *state = node->state;
  const bl_tensor *q = node->input[0], *k = node->input[1], *v = node->input[2];
  const size_t size = size_of(q), pixels = pixels_of(q), at = n * size;
  float *left = graph->scratch + state->primitive_scratch, *right = left + size;
  float *weights = node->kept_data + n * weights_of(node);
  reorder(left, q->data + at, q, state->width, TO_HEADS);
  reorder(right, k->data + at, k, state->width, TO_HEADS);
  BL_TRY(run_heads(graph, node, state->scores, left, right, weights));
  softmax(weights, heads_of(node) * pixels, (int)pixels, scale_of(state));
  reorder(right, v->data + at, v, state->width, TO_HEADS);
  BL_TRY(run_heads(graph, node, state->mix, weights, right, left));
  reorder(node->output->data + at, left, node->output, state->width, FROM_HEADS);
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
  float *d_weights = result + size, *weights = node->kept_data + n * weights_of(node);
  reorder(d_out, node->output->gradient + at, node->output, state->width, TO_HEADS);
  if (node->d_input[2] != NULL) {
    BL_TRY(run_heads(graph, node, state->mix_back, weights, d_out, result));
    reorder(node->d_input[2] + at, result, v, state->width, FROM_HEADS);
  }
  reorder(factor, v->data + at, v, state->width, TO_HEADS);
  BL_TRY(run_heads(graph, node, state->scores, d_out, factor, d_weights));
  softmax_backward(d_weights, weights, heads_of(node) * pixels, (int)pixels, scale_of(state));
  if (node->d_input[0] != NULL) {
    reorder(factor, k->data + at, k, state->width, TO_HEADS);
    BL_TRY(run_heads(graph, node, state->mix, d_weights, factor, result));
    reorder(node->d_input[0] + at, result, q, state->width, FROM_HEADS);
  }
  if (node->d_input[1] != NULL) {
    reorder(factor, q->data + at, q, state->width, TO_HEADS);
    BL_TRY(run_heads(graph, node, state->mix_back, d_weights, factor, result));
    reorder(node->d_input[1] + at, result, k, state->width, FROM_HEADS);
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

bl_tensor *bl_attention(bl_graph *graph, bl_tensor *q, bl_tensor *k, bl_tensor *v, int head_width) {
  if (graph->status != BL_OK)
    return NULL;
  if (q != NULL && k != NULL && v != NULL && !(same_shape(q, k) && same_shape(q, v))) {
    graph->status =
        bl_fail(BL_ERROR_USAGE, "attention: q (%d, %d, %d), k (%d, %d, %d) and v (%d, %d, %d) must have one shape",
                q->channels, q->height, q->width, k->channels, k->height, k->width, v->channels, v->height, v->width);
    return NULL;
  }
  if (q != NULL && (head_width < 0 || (head_width > 0 && q->channels % head_width != 0))) {
    graph->status =
        bl_fail(BL_ERROR_USAGE, "attention: heads of %d channels do not divide %d channels", head_width, q->channels);
    return NULL;
  }
  bl_tensor *inputs[3] = {q, k, v};
  bl_node *node = q == NULL ? NULL : bl_node_add(graph, &kind, 3, inputs, q->channels, q->height, q->width);
  if (node == NULL)
    return NULL;
  graph->status = bl_allocate(&node->state, 1, sizeof(attention));
  if (graph->status != BL_OK)
    return NULL;
  ((attention *)node->state)->width = head_width > 0 ? head_width : q->channels;
  return node->output;
}
