/* Single-head dot-product attention over the pixels of an image (Vaswani et al. 2017; Ho et al. 2020):
 * out = A v with A = softmax(q kᵀ / √channels), q, k, v as matrices (pixels, channels).
 *
 * The matrices are put pixel by pixel for the products, which oneDNN's matmul does for all samples at once. Backward keeps
 * the inputs and A:  dv = Aᵀ dout,  dA = dout vᵀ,  dS = A ∘ (dA − rowsum(dA ∘ A)) / √channels,  dq = dS k,  dk = dSᵀ q. */

#include "base/kernel.h"
#include "base/memory.h"
#include "network/exponential.h"
#include "network/node.h"

#include <math.h>

enum { LANES = 16 };

/* A product of stacks of matrices, out = left · right, either factor stored transposed or not. */
typedef struct product {
  dnnl_primitive_t primitive;
  dnnl_memory_t left, right, out;
} product;

typedef struct attention {
  product scores;   /* (pixels, pixels)   = q kᵀ */
  product mix;      /* (pixels, channels) = A v, or dS k */
  product mix_back; /* (pixels, channels) = Aᵀ dout, or dSᵀ q */
} attention;

static bl_status matrices(dnnl_memory_desc_t *description, int batch, int rows, int columns, bool transposed) {
  const dnnl_dims_t size = {batch, rows, columns};
  const dnnl_format_tag_t layout = transposed ? dnnl_acb : dnnl_abc;
  BL_DNNL(dnnl_memory_desc_init_by_tag(description, 3, size, dnnl_f32, layout));
  return BL_OK;
}

static bl_status create_memory(dnnl_memory_t *memory, const dnnl_memory_desc_t *description, dnnl_engine_t engine) {
  BL_DNNL(dnnl_memory_create(memory, description, engine, DNNL_MEMORY_NONE));
  return BL_OK;
}

static bl_status create_product(product *p, const bl_graph *graph, int rows, int inner, int columns, bool left_transposed,
                                bool right_transposed) {
  dnnl_memory_desc_t left, right, out;
  BL_TRY(matrices(&left, graph->batch, rows, inner, left_transposed));
  BL_TRY(matrices(&right, graph->batch, inner, columns, right_transposed));
  BL_TRY(matrices(&out, graph->batch, rows, columns, false));
  dnnl_matmul_desc_t operation;
  dnnl_primitive_desc_t description = NULL;
  BL_DNNL(dnnl_matmul_desc_init(&operation, &left, &right, NULL, &out));
  BL_DNNL(dnnl_primitive_desc_create(&description, &operation, NULL, graph->engine, NULL));
  bl_status status = bl_dnnl_check(dnnl_primitive_create(&p->primitive, description), "dnnl_primitive_create(matmul)");
  dnnl_primitive_desc_destroy(description);
  BL_TRY(status);
  BL_TRY(create_memory(&p->left, &left, graph->engine));
  BL_TRY(create_memory(&p->right, &right, graph->engine));
  return create_memory(&p->out, &out, graph->engine);
}

static void destroy_product(product *p) {
  if (p->primitive != NULL)
    dnnl_primitive_destroy(p->primitive);
  dnnl_memory_t memories[3] = {p->left, p->right, p->out};
  for (int i = 0; i < 3; i++)
    if (memories[i] != NULL)
      dnnl_memory_destroy(memories[i]);
}

static bl_status multiply(const bl_graph *graph, const product *p, float *out, float *left, float *right) {
  BL_DNNL(dnnl_memory_set_data_handle(p->left, left));
  BL_DNNL(dnnl_memory_set_data_handle(p->right, right));
  BL_DNNL(dnnl_memory_set_data_handle(p->out, out));
  const dnnl_exec_arg_t arguments[3] = {{DNNL_ARG_SRC, p->left}, {DNNL_ARG_WEIGHTS, p->right}, {DNNL_ARG_DST, p->out}};
  BL_DNNL(dnnl_primitive_execute(p->primitive, graph->stream, 3, arguments));
  BL_DNNL(dnnl_stream_wait(graph->stream));
  return BL_OK;
}

/* (batch, channels / block, pixels, block) to (batch, pixels, channels). */
static void to_pixels(float *restrict matrix, const float *restrict data, const bl_tensor *tensor) {
  size_t block = (size_t)tensor->block, channels = (size_t)tensor->channels;
  size_t pixels = (size_t)tensor->height * (size_t)tensor->width, samples = (size_t)tensor->graph->batch;
  for (size_t n = 0; n < samples; n++)
    for (size_t c = 0; c < channels; c += block)
      for (size_t p = 0; p < pixels; p++)
        for (size_t l = 0; l < block; l++)
          matrix[(n * pixels + p) * channels + c + l] = data[(n * channels + c) * pixels + p * block + l];
}

static void from_pixels(float *restrict data, const float *restrict matrix, const bl_tensor *tensor) {
  size_t block = (size_t)tensor->block, channels = (size_t)tensor->channels;
  size_t pixels = (size_t)tensor->height * (size_t)tensor->width, samples = (size_t)tensor->graph->batch;
  for (size_t n = 0; n < samples; n++)
    for (size_t c = 0; c < channels; c += block)
      for (size_t p = 0; p < pixels; p++)
        for (size_t l = 0; l < block; l++)
          data[(n * channels + c) * pixels + p * block + l] = matrix[(n * pixels + p) * channels + c + l];
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
    float largest = row[0];
    for (int j = 1; j < columns; j++)
      largest = row[j] > largest ? row[j] : largest;
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

static bl_status plan(bl_graph *graph, bl_node *node) {
  attention *state = node->state;
  const bl_tensor *q = node->input[0];
  int pixels = q->height * q->width;
  size_t weights = (size_t)graph->batch * (size_t)pixels * (size_t)pixels;
  node->output->block = q->block;
  for (int i = 0; i < 3; i++)
    node->keeps_input[i] = true;
  node->kept = weights;
  node->scratch = 3 * bl_tensor_count(q) + weights;
  BL_TRY(create_product(&state->scores, graph, pixels, q->channels, pixels, false, true));
  BL_TRY(create_product(&state->mix, graph, pixels, pixels, q->channels, false, false));
  return create_product(&state->mix_back, graph, pixels, pixels, q->channels, true, false);
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  attention *state = node->state;
  const bl_tensor *q = node->input[0], *k = node->input[1], *v = node->input[2];
  int pixels = q->height * q->width;
  size_t count = bl_tensor_count(q);
  float *left = graph->scratch, *right = left + count, *weights = node->kept_data;
  to_pixels(left, q->data, q);
  to_pixels(right, k->data, k);
  BL_TRY(multiply(graph, &state->scores, weights, left, right));
  softmax(weights, (size_t)graph->batch * (size_t)pixels, pixels, (float)(1.0 / sqrt((double)q->channels)));
  to_pixels(right, v->data, v);
  BL_TRY(multiply(graph, &state->mix, left, weights, right));
  from_pixels(node->output->data, left, node->output);
  return BL_OK;
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  attention *state = node->state;
  const bl_tensor *q = node->input[0], *k = node->input[1], *v = node->input[2];
  int pixels = q->height * q->width;
  size_t count = bl_tensor_count(q);
  float *d_out = graph->scratch, *factor = d_out + count, *result = factor + count, *d_weights = result + count;
  float *weights = node->kept_data;
  to_pixels(d_out, node->output->gradient, node->output);
  if (node->d_input[2] != NULL) {
    BL_TRY(multiply(graph, &state->mix_back, result, weights, d_out));
    from_pixels(node->d_input[2], result, v);
  }
  to_pixels(factor, v->data, v);
  BL_TRY(multiply(graph, &state->scores, d_weights, d_out, factor));
  softmax_backward(d_weights, weights, (size_t)graph->batch * (size_t)pixels, pixels,
                   (float)(1.0 / sqrt((double)q->channels)));
  if (node->d_input[0] != NULL) {
    to_pixels(factor, k->data, k);
    BL_TRY(multiply(graph, &state->mix, result, d_weights, factor));
    from_pixels(node->d_input[0], result, q);
  }
  if (node->d_input[1] != NULL) {
    to_pixels(factor, q->data, q);
    BL_TRY(multiply(graph, &state->mix_back, result, d_weights, factor));
    from_pixels(node->d_input[1], result, k);
  }
  return BL_OK;
}

static void destroy(bl_node *node) {
  attention *state = node->state;
  if (state == NULL)
    return;
  destroy_product(&state->scores);
  destroy_product(&state->mix);
  destroy_product(&state->mix_back);
}

static const bl_node_kind kind = {"attention", plan, NULL, forward, backward, destroy};

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
