/* Group normalisation with optional SiLU: y = silu(γ (x − mean) / √(variance + ε) + β), mean and (biased) variance over the
 * channels of a group and all pixels of a sample (Wu & He 2018).
 *
 * Work goes sample by sample, so that the second pass over x finds it in cache. Sums run over the pixels of each channel,
 * in single precision within a chunk and in double across chunks, and then over the channels of a group, in double; groups
 * may therefore be parts of a block of channels, whole blocks, or several. Backward needs x, the mean and the reciprocal
 * deviation; it computes the SiLU again instead of reading it. */

#include "base/kernel.h"
#include "base/memory.h"
#include "engine/node.h"
#include "layer/exponential.h"
#include "layer/layer.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 512 /* floats that are summed in single precision before they go to doubles */, PARTIAL = 64 };

typedef struct group_norm {
  int groups;
  float epsilon;
  bool silu;
  float *gamma, *beta; /* (channels) each, plain copies of the parameters */
  double *sum[2];      /* (channels) each, of the sample in work */
  double *d_gamma, *d_beta;
  /* What the channels of the sample in work are shifted and multiplied by, (channels) each. */
  float *mean, *deviation, *scale, *shift;
  double *doubles;
  float *floats;
} group_norm;

/* A row is the pixels of `width` channels that lie side by side: a block of channels, or one channel of a plain layout.
 * All kernels get the width as a constant, and work on `step` pixels at a time, so that inner loops become whole vectors
 * and sums have independent partial sums. Elements may be replaced in place (the executor saves memory that way), so
 * instead of `restrict` it is said loop by loop that iterations do not depend on each other. */
#define BY_WIDTH(function, width, ...) \
  switch (width) {                     \
    case 16:                           \
      function(__VA_ARGS__, 16, 4);    \
      break;                           \
    case 8:                            \
      function(__VA_ARGS__, 8, 4);     \
      break;                           \
    default:                           \
      function(__VA_ARGS__, 1, 16);    \
  }

/* What each channel is shifted or multiplied by, once for each of the pixels that are worked on together. */
static BL_ALWAYS_INLINE void broadcast(float *out, const float *channels, int width) {
  for (int l = 0; l < PARTIAL; l++)
    out[l] = channels[l % width];
}

/* Adds the partial sums of every channel, made in single precision, to its total. */
static BL_ALWAYS_INLINE void add_partial(double *total, const float *partial, int width, int step) {
  for (int l = 0; l < width; l++) {
    float sum = partial[l];
    for (int i = 1; i < step; i++)
      sum += partial[i * width + l];
    total[l] += (double)sum;
  }
}

static BL_ALWAYS_INLINE void moments_of_width(double *mean, double *square, const float *x, int pixels, int width,
                                              int step) {
  float first[PARTIAL];
  broadcast(first, x, width);
  for (int l = 0; l < width; l++)
    mean[l] = square[l] = 0.0;
  for (int start = 0; start < pixels; start += CHUNK / width) {
    int end = pixels - start < CHUNK / width ? pixels : start + CHUNK / width, p = start;
    float sums[PARTIAL] = {0}, squares[PARTIAL] = {0};
    for (; p + step <= end; p += step)
      for (int l = 0; l < step * width; l++) {
        float d = x[p * width + l] - first[l];
        sums[l] += d;
        squares[l] += d * d;
      }
    for (int l = 0; l < (end - p) * width; l++) {
      float d = x[p * width + l] - first[l];
      sums[l] += d;
      squares[l] += d * d;
    }
    add_partial(mean, sums, width, step);
    add_partial(square, squares, width, step);
  }
  const double share = 1.0 / pixels;
  for (int l = 0; l < width; l++) {
    square[l] -= mean[l] * mean[l] * share;
    mean[l] = (double)first[l] + mean[l] * share;
  }
}

/* Mean and Σ (x − mean)² over the pixels of each channel, by sums of x − first and its square, first being the channel's
 * first pixel: without a shift near the mean, the variance would drown in rounding wherever the mean is large. */
BL_KERNEL static void row_moments(double *mean, double *square, const float *x, int pixels, int width) {
  BY_WIDTH(moments_of_width, width, mean, square, x, pixels)
}

static BL_ALWAYS_INLINE void apply_of_width(float *y, const float *x, const float *mean, const float *scale,
                                            const float *shift, bool silu, int pixels, int width, int step) {
  float m[PARTIAL], a[PARTIAL], b[PARTIAL];
  broadcast(m, mean, width);
  broadcast(a, scale, width);
  broadcast(b, shift, width);
  int p = 0;
  for (; p + step <= pixels; p += step)
    BL_INDEPENDENT
  for (int l = 0; l < step * width; l++) {
    float z = (x[p * width + l] - m[l]) * a[l] + b[l];
    y[p * width + l] = silu ? z * bl_sigmoid(z) : z;
  }
  BL_INDEPENDENT
  for (int l = 0; l < (pixels - p) * width; l++) {
    float z = (x[p * width + l] - m[l]) * a[l] + b[l];
    y[p * width + l] = silu ? z * bl_sigmoid(z) : z;
  }
}

/* y = (x − mean) · scale + shift, then SiLU. */
BL_KERNEL static void row_apply(float *y, const float *x, const float *mean, const float *scale, const float *shift,
                                bool silu, int pixels, int width) {
  if (silu) {
    BY_WIDTH(apply_of_width, width, y, x, mean, scale, shift, true, pixels)
  } else {
    BY_WIDTH(apply_of_width, width, y, x, mean, scale, shift, false, pixels)
  }
}

/* dz of one element from dy and x − mean. */
static BL_ALWAYS_INLINE float activation_gradient(float dy, float centred, float scale, float shift, bool silu) {
  if (!silu)
    return dy;
  float z = centred * scale + shift, s = bl_sigmoid(z);
  return dy * (s + s * (z * (1.0f - s)));
}

static BL_ALWAYS_INLINE void activation_of_width(float *dz, double *sum, double *product, const float *dy, const float *x,
                                                 const float *mean, const float *scale, const float *shift, bool silu,
                                                 int pixels, int width, int step) {
  float m[PARTIAL], a[PARTIAL], b[PARTIAL];
  broadcast(m, mean, width);
  broadcast(a, scale, width);
  broadcast(b, shift, width);
  for (int l = 0; l < width; l++)
    sum[l] = product[l] = 0.0;
  for (int start = 0; start < pixels; start += CHUNK / width) {
    int end = pixels - start < CHUNK / width ? pixels : start + CHUNK / width, p = start;
    float sums[PARTIAL] = {0}, products[PARTIAL] = {0};
    for (; p + step <= end; p += step)
      BL_INDEPENDENT
    for (int l = 0; l < step * width; l++) {
      float centred = x[p * width + l] - m[l];
      float d = activation_gradient(dy[p * width + l], centred, a[l], b[l], silu);
      dz[p * width + l] = d;
      sums[l] += d;
      products[l] += d * centred;
    }
    BL_INDEPENDENT
    for (int l = 0; l < (end - p) * width; l++) {
      float centred = x[p * width + l] - m[l];
      float d = activation_gradient(dy[p * width + l], centred, a[l], b[l], silu);
      dz[p * width + l] = d;
      sums[l] += d;
      products[l] += d * centred;
    }
    add_partial(sum, sums, width, step);
    add_partial(product, products, width, step);
  }
}

/* dz = dy · silu′(z), and its sums Σ dz and Σ dz · (x − mean) over the pixels of each channel. */
BL_KERNEL static void row_activation_backward(float *dz, double *sum, double *product, const float *dy, const float *x,
                                              const float *mean, const float *scale, const float *shift, bool silu,
                                              int pixels, int width) {
  if (silu) {
    BY_WIDTH(activation_of_width, width, dz, sum, product, dy, x, mean, scale, shift, true, pixels)
  } else {
    BY_WIDTH(activation_of_width, width, dz, sum, product, dy, x, mean, scale, shift, false, pixels)
  }
}

static BL_ALWAYS_INLINE void input_of_width(float *dx, const float *x, const float *mean, const float *scale,
                                            const float *slope, const float *offset, int pixels, int width, int step) {
  float m[PARTIAL], a[PARTIAL], b[PARTIAL], c[PARTIAL];
  broadcast(m, mean, width);
  broadcast(a, scale, width);
  broadcast(b, slope, width);
  broadcast(c, offset, width);
  int p = 0;
  for (; p + step <= pixels; p += step)
    BL_INDEPENDENT
  for (int l = 0; l < step * width; l++)
    dx[p * width + l] = dx[p * width + l] * a[l] - ((x[p * width + l] - m[l]) * b[l] + c[l]);
  BL_INDEPENDENT
  for (int l = 0; l < (pixels - p) * width; l++)
    dx[p * width + l] = dx[p * width + l] * a[l] - ((x[p * width + l] - m[l]) * b[l] + c[l]);
}

/* dx = dz · scale − ((x − mean) · slope + offset), in place of dz. */
BL_KERNEL static void row_input_backward(float *dx, const float *x, const float *mean, const float *scale,
                                         const float *slope, const float *offset, int pixels, int width) {
  BY_WIDTH(input_of_width, width, dx, x, mean, scale, slope, offset, pixels)
}

static bl_status prepare(bl_graph *graph, bl_node *node) {
  group_norm *state = node->state;
  const bl_tensor *x = node->input[0];
  size_t channels = (size_t)x->channels;
  node->output->block = x->block;
  node->keeps_input[0] = true;
  node->cheap = true;
  node->in_place = true;
  node->in_place_gradient[0] = true;
  node->kept = 2 * (size_t)graph->batch * (size_t)state->groups;
  node->scratch = channels * (size_t)x->height * (size_t)x->width;
  BL_TRY(bl_allocate(&state->floats, 6 * channels, sizeof *state->floats));
  BL_TRY(bl_allocate(&state->doubles, 4 * channels, sizeof *state->doubles));
  float **floats[6] = {&state->gamma, &state->beta, &state->mean, &state->deviation, &state->scale, &state->shift};
  for (size_t i = 0; i < 6; i++)
    *floats[i] = state->floats + i * channels;
  double **doubles[4] = {&state->sum[0], &state->sum[1], &state->d_gamma, &state->d_beta};
  for (size_t i = 0; i < 4; i++)
    *doubles[i] = state->doubles + i * channels;
  return BL_OK;
}

static bl_status load(bl_graph *graph, bl_node *node, const float *values) {
  group_norm *state = node->state;
  size_t bytes = (size_t)node->input[0]->channels * sizeof(float);
  memcpy(state->gamma, bl_node_values(graph, node, 0, values), bytes);
  memcpy(state->beta, bl_node_values(graph, node, 1, values), bytes);
  return BL_OK;
}

/* Each group's mean and reciprocal deviation from the moments of its channels (Chan, Golub & LeVeque 1983). */
static void set_statistics(float *statistics, const group_norm *state, int members, int pixels) {
  const double *channel_mean = state->sum[0], *channel_square = state->sum[1];
  const double share = 1.0 / members, share_of_all = share / pixels;
  for (int g = 0; g < state->groups; g++, channel_mean += members, channel_square += members) {
    double mean = 0.0, between = 0.0, within = 0.0;
    for (int c = 0; c < members; c++)
      mean += channel_mean[c];
    mean *= share;
    for (int c = 0; c < members; c++) {
      between += (channel_mean[c] - mean) * (channel_mean[c] - mean);
      within += channel_square[c];
    }
    double variance = (pixels * between + within) * share_of_all;
    variance = variance < 0.0 ? 0.0 : variance; /* by rounding; NaN stays */
    statistics[2 * g] = (float)mean;
    statistics[2 * g + 1] = (float)(1.0 / sqrt(variance + (double)state->epsilon));
  }
}

/* What every channel of a sample is shifted and multiplied by. */
static void set_channels(group_norm *state, const float *statistics, int members) {
  for (int g = 0; g < state->groups; g++)
    for (int c = g * members; c < (g + 1) * members; c++) {
      state->mean[c] = statistics[2 * g];
      state->deviation[c] = statistics[2 * g + 1];
      state->scale[c] = statistics[2 * g + 1] * state->gamma[c];
      state->shift[c] = state->beta[c];
    }
}

/* The second half: y of one sample. */
static void apply_sample(bl_node *node, int n, const float *statistics) {
  group_norm *state = node->state;
  const bl_tensor *x = node->input[0];
  int width = x->block, pixels = x->height * x->width;
  size_t sample = (size_t)x->channels * (size_t)pixels;
  set_channels(state, statistics, x->channels / state->groups);
  for (int c = 0; c < x->channels; c += width) {
    size_t offset = (size_t)n * sample + (size_t)c * (size_t)pixels;
    row_apply(node->output->data + offset, x->data + offset, state->mean + c, state->scale + c, state->shift + c,
              state->silu, pixels, width);
  }
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  group_norm *state = node->state;
  const bl_tensor *x = node->input[0];
  int width = x->block, pixels = x->height * x->width, members = x->channels / state->groups;
  size_t row = (size_t)pixels * (size_t)width, sample = (size_t)x->channels * (size_t)pixels;
  for (int n = 0; n < graph->batch; n++) {
    const float *in = x->data + (size_t)n * sample;
    float *statistics = node->kept_data + 2 * (size_t)n * (size_t)state->groups;
    for (int c = 0; c < x->channels; c += width)
      row_moments(state->sum[0] + c, state->sum[1] + c, in + (size_t)(c / width) * row, pixels, width);
    set_statistics(statistics, state, members, pixels);
    apply_sample(node, n, statistics);
  }
  return BL_OK;
}

static bl_status recompute(bl_graph *graph, bl_node *node) {
  const group_norm *state = node->state;
  for (int n = 0; n < graph->batch; n++)
    apply_sample(node, n, node->kept_data + 2 * (size_t)n * (size_t)state->groups);
  return BL_OK;
}

/* With dz = dy · silu′(z), x̂ = (x − mean) · deviation, A = mean(γ dz) and B = mean(γ dz x̂) over the group: dx = deviation ·
 * (γ dz − A − x̂ B). Replaces the channels' `shift` by deviation · A, and their `deviation` by deviation² · B. */
static void set_input_gradient(group_norm *state, int members, int pixels) {
  for (int g = 0; g < state->groups; g++) {
    double plain = 0.0, weighted = 0.0;
    for (int c = g * members; c < (g + 1) * members; c++) {
      plain += (double)state->gamma[c] * state->sum[0][c];
      weighted += (double)state->gamma[c] * state->sum[1][c];
    }
    double deviation = (double)state->deviation[g * members], share = deviation / ((double)members * pixels);
    for (int c = g * members; c < (g + 1) * members; c++) {
      state->shift[c] = (float)(plain * share);
      state->deviation[c] = (float)(weighted * share * deviation);
    }
  }
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  group_norm *state = node->state;
  const bl_tensor *x = node->input[0];
  int width = x->block, pixels = x->height * x->width, members = x->channels / state->groups;
  size_t row = (size_t)pixels * (size_t)width, sample = (size_t)x->channels * (size_t)pixels;
  memset(state->d_gamma, 0, 2 * (size_t)x->channels * sizeof(double)); /* and d_beta, which follows */
  for (int n = 0; n < graph->batch; n++) {
    const float *in = x->data + (size_t)n * sample, *dy = node->output->gradient + (size_t)n * sample;
    float *dz = node->d_input[0] == NULL ? graph->scratch : node->d_input[0] + (size_t)n * sample;
    set_channels(state, node->kept_data + 2 * (size_t)n * (size_t)state->groups, members);
    for (int c = 0; c < x->channels; c += width) {
      size_t offset = (size_t)(c / width) * row;
      row_activation_backward(dz + offset, state->sum[0] + c, state->sum[1] + c, dy + offset, in + offset, state->mean + c,
                              state->scale + c, state->shift + c, state->silu, pixels, width);
    }
    for (int c = 0; c < x->channels; c++) {
      state->sum[1][c] *= (double)state->deviation[c];
      state->d_beta[c] += state->sum[0][c];
      state->d_gamma[c] += state->sum[1][c];
    }
    if (node->d_input[0] == NULL)
      continue;
    set_input_gradient(state, members, pixels);
    for (int c = 0; c < x->channels; c += width) {
      size_t offset = (size_t)(c / width) * row;
      row_input_backward(dz + offset, in + offset, state->mean + c, state->scale + c, state->deviation + c,
                         state->shift + c, pixels, width);
    }
  }
  float *d_gamma = bl_node_gradient(graph, node, 0), *d_beta = bl_node_gradient(graph, node, 1);
  if (d_gamma != NULL)
    for (int c = 0; c < x->channels; c++) {
      d_gamma[c] = (float)state->d_gamma[c];
      d_beta[c] = (float)state->d_beta[c];
    }
  return BL_OK;
}

static void destroy(bl_node *node) {
  group_norm *state = node->state;
  if (state == NULL)
    return;
  bl_free(&state->floats);
  bl_free(&state->doubles);
  bl_free(&node->state);
}

static const bl_node_kind kind = {.name = "group_norm",
                                  .prepare = prepare,
                                  .load = load,
                                  .forward = forward,
                                  .backward = backward,
                                  .destroy = destroy,
                                  .recompute = recompute};

bl_tensor *bl_group_norm(bl_graph *graph, bl_tensor *x, const char *name, int groups, float epsilon, bool silu) {
  if (x != NULL && graph->status == BL_OK && (groups < 1 || x->channels % groups != 0))
    graph->status =
        bl_fail(BL_ERROR_USAGE, "group norm \"%s\": %d groups do not divide %d channels", name, groups, x->channels);
  bl_node *node = x == NULL ? NULL : bl_node_add(graph, &kind, 1, &x, x->channels, x->height, x->width);
  if (node == NULL)
    return NULL;
  size_t channels = (size_t)x->channels;
  bl_node_add_parameter(node, name, "weight", 1, &channels, BL_INITIALISE_ONE, channels, channels);
  bl_node_add_parameter(node, name, "bias", 1, &channels, BL_INITIALISE_ZERO, channels, channels);
  group_norm *state = NULL;
  bl_status status = bl_allocate(&state, 1, sizeof *state);
  if (status != BL_OK) {
    graph->status = status;
    return NULL;
  }
  *state = (group_norm){.groups = groups, .epsilon = epsilon, .silu = silu};
  node->state = state;
  return node->output;
}
