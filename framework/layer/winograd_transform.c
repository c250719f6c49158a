#include "layer/winograd_transform.h"

#include "base/kernel.h"

#include <string.h>

enum { TILE = BL_WINOGRAD_TILE, SIDE = TILE + 2, BLOCK = 16 /* the widest */ };

/* The points are 0, ± P, ± Q and infinity; all constants of B and A are exact in single precision. */
#define P  0.625f
#define Q  1.5f
#define P2 (P * P)
#define Q2 (Q * Q)

int bl_winograd_tiles(const bl_winograd_plane *plane) {
  return (plane->height + TILE - 1) / TILE * ((plane->width + TILE - 1) / TILE);
}

static int padded(int pixels) {
  return (pixels + TILE - 1) / TILE * TILE + 2;
}

size_t bl_winograd_work(const bl_winograd_plane *plane) {
  return (size_t)(SIDE * padded(plane->width) + plane->width) * (size_t)plane->block;
}

/* Kernels get the block as a constant, so that the loop over its channels becomes whole vectors. */
#define BY_BLOCK(function, width, ...) \
  if ((width) == 16)                   \
    function(__VA_ARGS__, 16);         \
  else                                 \
    function(__VA_ARGS__, 8)

/* One-dimensional transforms of the elements `stride` floats apart, for `lanes` channels side by side. */

static BL_ALWAYS_INLINE void weights_line(float *out, size_t out_stride, const float *in, ptrdiff_t in_stride, int lanes) {
  const float zero = 1.0f / (P2 * Q2), p = 1.0f / (2.0f * P2 * (P2 - Q2)), q = 1.0f / (2.0f * Q2 * (Q2 - P2));
  BL_INDEPENDENT
  for (int l = 0; l < lanes; l++) {
    const float a = in[l], b = in[in_stride + l], c = in[2 * in_stride + l];
    const float even_p = p * a + p * P2 * c, odd_p = p * P * b, even_q = q * a + q * Q2 * c, odd_q = q * Q * b;
    out[l] = zero * a;
    out[out_stride + (size_t)l] = even_p + odd_p;
    out[2 * out_stride + (size_t)l] = even_p - odd_p;
    out[3 * out_stride + (size_t)l] = even_q + odd_q;
    out[4 * out_stride + (size_t)l] = even_q - odd_q;
    out[5 * out_stride + (size_t)l] = c;
  }
}

static BL_ALWAYS_INLINE void weights_gradient_line(float *out, size_t out_stride, const float *in, size_t in_stride,
                                                   int lanes) {
  const float zero = 1.0f / (P2 * Q2), p = 1.0f / (2.0f * P2 * (P2 - Q2)), q = 1.0f / (2.0f * Q2 * (Q2 - P2));
  BL_INDEPENDENT
  for (int l = 0; l < lanes; l++) {
    const float sum_p = in[in_stride + (size_t)l] + in[2 * in_stride + (size_t)l];
    const float difference_p = in[in_stride + (size_t)l] - in[2 * in_stride + (size_t)l];
    const float sum_q = in[3 * in_stride + (size_t)l] + in[4 * in_stride + (size_t)l];
    const float difference_q = in[3 * in_stride + (size_t)l] - in[4 * in_stride + (size_t)l];
    out[l] = zero * in[l] + (p * sum_p + q * sum_q);
    out[out_stride + (size_t)l] = p * P * difference_p + q * Q * difference_q;
    out[2 * out_stride + (size_t)l] = (p * P2 * sum_p + q * Q2 * sum_q) + in[5 * in_stride + (size_t)l];
  }
}

/* Element l of the six lines in `from` becomes one of the six lines `stride` floats apart. */
static BL_ALWAYS_INLINE void input_line(float *out, size_t stride, const float *const from[SIDE], int lanes) {
  const float *x0 = from[0], *x1 = from[1], *x2 = from[2], *x3 = from[3], *x4 = from[4], *x5 = from[5];
  BL_INDEPENDENT
  for (int l = 0; l < lanes; l++) {
    const float d0 = x0[l], d1 = x1[l], d2 = x2[l], d3 = x3[l], d4 = x4[l], d5 = x5[l];
    const float even_p = d4 - Q2 * d2, odd_p = P * d3 - P * Q2 * d1, even_q = d4 - P2 * d2, odd_q = Q * d3 - Q * P2 * d1;
    out[l] = P2 * Q2 * d0 - (P2 + Q2) * d2 + d4;
    out[stride + (size_t)l] = even_p + odd_p;
    out[2 * stride + (size_t)l] = even_p - odd_p;
    out[3 * stride + (size_t)l] = even_q + odd_q;
    out[4 * stride + (size_t)l] = even_q - odd_q;
    out[5 * stride + (size_t)l] = P2 * Q2 * d1 - (P2 + Q2) * d3 + d5;
  }
}

static BL_ALWAYS_INLINE void output_line(float *out, size_t out_stride, const float *in, size_t in_stride, int lanes) {
  BL_INDEPENDENT
  for (int l = 0; l < lanes; l++) {
    const float m1 = in[in_stride + (size_t)l], m2 = in[2 * in_stride + (size_t)l];
    const float m3 = in[3 * in_stride + (size_t)l], m4 = in[4 * in_stride + (size_t)l];
    const float sum_p = m1 + m2, difference_p = m1 - m2, sum_q = m3 + m4, difference_q = m3 - m4;
    out[l] = in[l] + (sum_p + sum_q);
    out[out_stride + (size_t)l] = P * difference_p + Q * difference_q;
    out[2 * out_stride + (size_t)l] = P2 * sum_p + Q2 * sum_q;
    out[3 * out_stride + (size_t)l] = (P2 * P * difference_p + Q2 * Q * difference_q) + in[5 * in_stride + (size_t)l];
  }
}

static BL_ALWAYS_INLINE void output_gradient_line(float *out, size_t out_stride, const float *in, size_t in_stride,
                                                  int lanes) {
  BL_INDEPENDENT
  for (int l = 0; l < lanes; l++) {
    const float d0 = in[l], d1 = in[in_stride + (size_t)l], d2 = in[2 * in_stride + (size_t)l],
                d3 = in[3 * in_stride + (size_t)l];
    const float even_p = d0 + P2 * d2, odd_p = P * d1 + P2 * P * d3, even_q = d0 + Q2 * d2, odd_q = Q * d1 + Q2 * Q * d3;
    out[l] = d0;
    out[out_stride + (size_t)l] = even_p + odd_p;
    out[2 * out_stride + (size_t)l] = even_p - odd_p;
    out[3 * out_stride + (size_t)l] = even_q + odd_q;
    out[4 * out_stride + (size_t)l] = even_q - odd_q;
    out[5 * out_stride + (size_t)l] = d3;
  }
}

/* Weights: pairs of a block of output channels and one of input channels, which lie together. */

static BL_ALWAYS_INLINE void weights_of_pair(float *u, size_t stride, const float *w, ptrdiff_t next, int block) {
  const size_t lanes = (size_t)block;
  for (size_t row = 0; row < lanes * lanes; row += lanes) {
    float half[SIDE * 3 * BLOCK];
    for (int j = 0; j < 3; j++)
      weights_line(half + j * block, 3 * lanes, w + row + j * next, 3 * next, block);
    for (size_t i = 0; i < SIDE; i++)
      weights_line(u + row + i * SIDE * stride, stride, half + i * 3 * lanes, block, block);
  }
}

static BL_ALWAYS_INLINE void weights_of_block(float *u, size_t stride, const float *w, int out, int in, int block) {
  const size_t area = (size_t)(block * block), pairs = (size_t)(out / block) * (size_t)(in / block);
  for (size_t pair = 0; pair < pairs; pair++)
    weights_of_pair(u + pair * area, stride, w + pair * 9 * area, (ptrdiff_t)area, block);
}

BL_KERNEL void bl_winograd_weights(float *u, size_t stride, const float *w, int out, int in, int block) {
  BY_BLOCK(weights_of_block, block, u, stride, w, out, in);
}

static BL_ALWAYS_INLINE void turned_weights_of_block(float *u, size_t stride, const float *w, int out, int in, int block) {
  const int area = block * block, outs = out / block, ins = in / block;
  for (int c = 0; c < ins; c++)
    for (int k = 0; k < outs; k++) {
      const float *pair = w + (size_t)(k * ins + c) * (size_t)(9 * area);
      float turned[9 * BLOCK * BLOCK];
      for (int i = 0; i < 9; i++)
        for (int l = 0; l < block; l++)
          for (int m = 0; m < block; m++)
            turned[(8 - i) * area + l * block + m] = pair[i * area + m * block + l];
      weights_of_pair(u + (size_t)(c * outs + k) * (size_t)area, stride, turned, area, block);
    }
}

BL_KERNEL void bl_winograd_weights_turned(float *u, size_t stride, const float *w, int out, int in, int block) {
  BY_BLOCK(turned_weights_of_block, block, u, stride, w, out, in);
}

static BL_ALWAYS_INLINE void weights_gradient_of_block(float *d_w, const float *d_u, size_t stride, int out, int in,
                                                       bool add, int block) {
  const size_t lanes = (size_t)block, area = lanes * lanes, pairs = (size_t)(out / block) * (size_t)(in / block);
  for (size_t pair = 0; pair < pairs; pair++)
    for (size_t row = 0; row < area; row += lanes) {
      const float *from = d_u + pair * area + row;
      float half[3 * SIDE * BLOCK], whole[9 * BLOCK], *to = d_w + pair * 9 * area + row;
      for (size_t j = 0; j < SIDE; j++)
        weights_gradient_line(half + j * lanes, SIDE * lanes, from + j * stride, SIDE * stride, block);
      for (size_t i = 0; i < 3; i++)
        weights_gradient_line(whole + i * 3 * lanes, lanes, half + i * SIDE * lanes, lanes, block);
      for (size_t i = 0; i < 9; i++)
        for (size_t l = 0; l < lanes; l++)
          to[i * area + l] = add ? to[i * area + l] + whole[i * lanes + l] : whole[i * lanes + l];
    }
}

BL_KERNEL void bl_winograd_weights_gradient(float *d_w, const float *d_u, size_t stride, int out, int in, int block,
                                            bool add) {
  BY_BLOCK(weights_gradient_of_block, block, d_w, d_u, stride, out, in, add);
}

/* Data: a line of tiles at a time, first down (neighbouring tiles share columns), then across. */

/* `lines` has a column of zeros before and up to TILE after the image's, which stay. */
static BL_ALWAYS_INLINE void input_of_block(float *v, size_t stride, const float *x, float *lines, const float *zeros,
                                            int height, int width, int block) {
  const size_t lanes = (size_t)block, filled = (size_t)width * lanes, row = (size_t)padded(width) * lanes;
  for (int ty = 0; ty < height; ty += TILE) {
    const float *from[SIDE];
    for (int i = 0; i < SIDE; i++) {
      const int y = ty + i - 1;
      from[i] = y < 0 || y >= height ? zeros : x + (size_t)y * filled;
    }
    input_line(lines + lanes, row, from, width * block);
    for (int tx = 0; tx < width; tx += TILE, v += lanes)
      for (size_t i = 0; i < SIDE; i++) {
        const float *at = lines + i * row + (size_t)tx * lanes;
        const float *const columns[SIDE] = {at, at + lanes, at + 2 * lanes, at + 3 * lanes, at + 4 * lanes, at + 5 * lanes};
        input_line(v + i * SIDE * stride, stride, columns, block);
      }
  }
}

BL_KERNEL void bl_winograd_input(float *v, size_t stride, const float *x, const bl_winograd_plane *plane, float *work) {
  float *zeros = work + (size_t)(SIDE * padded(plane->width) * plane->block);
  memset(work, 0, bl_winograd_work(plane) * sizeof *work);
  BY_BLOCK(input_of_block, plane->block, v, stride, x, work, zeros, plane->height, plane->width);
}

static BL_ALWAYS_INLINE void output_of_block(float *y, const float *m, size_t stride, const bl_winograd_added *added,
                                             int height, int width, int block) {
  float bias[BLOCK] = {0};
  if (added->bias != NULL)
    memcpy(bias, added->bias, (size_t)block * sizeof *bias);
  const size_t lanes = (size_t)block, row = (size_t)width * lanes;
  for (int ty = 0; ty < height; ty += TILE)
    for (int tx = 0; tx < width; tx += TILE, m += lanes) {
      float half[TILE * SIDE * BLOCK], tile[TILE * TILE * BLOCK];
      const int rows = height - ty < TILE ? height - ty : TILE;
      const size_t filled = (size_t)(width - tx < TILE ? width - tx : TILE) * lanes;
      for (size_t j = 0; j < SIDE; j++)
        output_line(half + j * lanes, SIDE * lanes, m + j * stride, SIDE * stride, block);
      for (size_t i = 0; i < TILE; i++)
        output_line(tile + i * TILE * lanes, lanes, half + i * SIDE * lanes, lanes, block);
      for (int i = 0; i < rows; i++) {
        const size_t at = (size_t)(ty + i) * row + (size_t)tx * lanes;
        float *restrict out = y + at;
        const float *in = tile + (size_t)i * TILE * lanes;
        for (size_t j = 0; j < filled; j += lanes)
          for (size_t l = 0; l < lanes; l++)
            out[j + l] = in[j + l] + bias[l];
        for (size_t j = 0; added->vector != NULL && j < filled; j += lanes)
          for (size_t l = 0; l < lanes; l++)
            out[j + l] += added->vector[l];
        for (size_t j = 0; added->image != NULL && j < filled; j++)
          out[j] += added->image[at + j];
      }
    }
}

BL_KERNEL void bl_winograd_output(float *y, const float *m, size_t stride, const bl_winograd_added *added,
                                  const bl_winograd_plane *plane) {
  BY_BLOCK(output_of_block, plane->block, y, m, stride, added, plane->height, plane->width);
}

static BL_ALWAYS_INLINE void output_gradient_of_tile(float *z, size_t stride, const float *d_y, size_t row, int block) {
  const size_t lanes = (size_t)block;
  float half[SIDE * TILE * BLOCK];
  for (size_t j = 0; j < TILE; j++)
    output_gradient_line(half + j * lanes, TILE * lanes, d_y + j * lanes, row, block);
  for (size_t i = 0; i < SIDE; i++)
    output_gradient_line(z + i * SIDE * stride, stride, half + i * TILE * lanes, lanes, block);
}

static BL_ALWAYS_INLINE void output_gradient_of_block(float *z, size_t stride, const float *d_y, int height, int width,
                                                      int block) {
  const size_t lanes = (size_t)block, row = (size_t)width * lanes;
  for (int ty = 0; ty < height; ty += TILE)
    for (int tx = 0; tx < width; tx += TILE, z += lanes) {
      const float *from = d_y + (size_t)ty * row + (size_t)tx * lanes;
      const int rows = height - ty < TILE ? height - ty : TILE, columns = width - tx < TILE ? width - tx : TILE;
      if (rows == TILE && columns == TILE) {
        output_gradient_of_tile(z, stride, from, row, block);
        continue;
      }
      float tile[TILE * TILE * BLOCK] = {0};
      for (int i = 0; i < rows; i++)
        memcpy(tile + (size_t)i * TILE * lanes, from + (size_t)i * row, (size_t)columns * lanes * sizeof *tile);
      output_gradient_of_tile(z, stride, tile, TILE * lanes, block);
    }
}

BL_KERNEL void bl_winograd_output_gradient(float *z, size_t stride, const float *d_y, const bl_winograd_plane *plane) {
  BY_BLOCK(output_gradient_of_block, plane->block, z, stride, d_y, plane->height, plane->width);
}
