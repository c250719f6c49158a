#include "layer/winograd.h"

#include "base/clock.h"
#include "base/kernel.h"
#include "base/memory.h"
#include "layer/layer.h"
#include "layer/winograd_transform.h"

enum { FREQUENCIES = BL_WINOGRAD_FREQUENCIES, RUNS = 5, LEAST_TILES = 64, MANY_WEIGHTS = 1 << 16 };

struct bl_winograd {
  bl_pass pass;
  int in, out; /* channels that this pass reads and makes; for the gradient by weights those of x and of y */
  int batch, group;
  bl_winograd_plane plane;
  size_t tiles;                            /* of a group */
  size_t u_stride, from_stride, to_stride; /* between frequencies, floats */
  bl_primitive *product;                   /* of one frequency */
  bl_primitive *to_plain;                  /* of the gradient by weights */
  /* Where scratch holds what, floats. */
  size_t u, from, to, d_weights, work, product_work, scratch;
};

/** As many whole samples as keep the group's transformed data from being larger than the transformed weights, since both go
 * through the cache for each group; but enough tiles for products that are worth a call. The batch is made of equal groups.
 */
static int choose_group(const bl_winograd *w, size_t tiles) {
  const size_t even = (size_t)w->in * (size_t)w->out / (size_t)(w->in + w->out);
  /* The gradient by weights transforms them back for each group, which takes longer than the rest of a small group where
   * there are many. */
  const size_t factor = w->pass == BL_PASS_BACKWARD_WEIGHTS && (size_t)w->in * (size_t)w->out >= MANY_WEIGHTS ? 2 : 1;
  const size_t most = factor * (even > LEAST_TILES ? even : LEAST_TILES);
  int group = w->batch;
  while (group > 1 && (w->batch % group != 0 || (size_t)group * tiles > most))
    group--;
  return group;
}

/** The product of one frequency: a 1 × 1 convolution of an image of one line, whose pixels are the tiles of a group.
 * \param [out] operation  NULL where the back end has none. */
static bl_status describe_product(bl_operation **operation, bl_linear *formats, bl_backend *backend, const bl_winograd *w) {
  const int64_t tiles = (int64_t)w->tiles, x[] = {1, w->in, 1, tiles}, y[] = {1, w->out, 1, tiles};
  const int64_t u[] = {w->out, w->in, 1, 1};
  const bl_conv_geometry geometry = {.stride = {1, 1}};
  const int block = w->plane.block;
  BL_TRY(bl_format_create(&formats->x, backend, BL_ORDER_CHANNELS, block, 4, x));
  BL_TRY(bl_format_create(&formats->weights, backend, BL_ORDER_WEIGHTS, block, 4, u));
  BL_TRY(bl_format_create(&formats->y, backend, BL_ORDER_CHANNELS, block, 4, y));
  return bl_operation_conv(operation, backend, w->pass == BL_PASS_BACKWARD_WEIGHTS ? w->pass : BL_PASS_FORWARD, formats,
                           &geometry);
}

bl_status bl_winograd_format(const bl_format **format, const bl_tensor *x, const bl_tensor *y) {
  return bl_format_create(format, x->graph->backend, BL_ORDER_WEIGHTS, x->block, 4,
                          (const int64_t[]){y->channels, x->channels, 3, 3});
}

static size_t reserve(bl_winograd *w, size_t floats) {
  const size_t at = w->scratch;
  w->scratch += (floats + 15) / 16 * 16;
  return at;
}

/** Frequencies start at another cache line of a page each: at equal ones, a tile's 36 would share a few places in the
 * cache. */
static size_t apart(size_t floats) {
  return (floats + 1023) / 1024 * 1024 + 16;
}

static void lay_out_scratch(bl_winograd *w) {
  const size_t pairs = (size_t)w->in * (size_t)w->out;
  w->u_stride = apart(pairs);
  w->from_stride = apart(w->tiles * (size_t)w->in);
  w->to_stride = apart(w->tiles * (size_t)w->out);
  w->u = reserve(w, FREQUENCIES * w->u_stride);
  w->from = reserve(w, FREQUENCIES * w->from_stride);
  w->to = reserve(w, FREQUENCIES * w->to_stride);
  w->d_weights = reserve(w, w->pass == BL_PASS_BACKWARD_WEIGHTS ? 9 * pairs : 0);
  w->work = reserve(w, bl_winograd_work(&w->plane));
  w->product_work = reserve(w, bl_primitive_scratch(w->product));
}

static bl_status prepare(bl_winograd *w, bl_backend *backend, const bl_operation *operation, const bl_linear *f) {
  const bl_operand forward[] = {{BL_ARGUMENT_X, f->x}, {BL_ARGUMENT_WEIGHTS, f->weights}, {BL_ARGUMENT_Y, f->y}};
  const bl_operand gradient[] = {{BL_ARGUMENT_X, f->x}, {BL_ARGUMENT_D_WEIGHTS, f->weights}, {BL_ARGUMENT_D_Y, f->y}};
  const bool by_weights = w->pass == BL_PASS_BACKWARD_WEIGHTS;
  const int64_t sizes[] = {w->out, w->in, 3, 3};
  const bl_format *blocked = NULL, *plain = NULL;
  BL_TRY(bl_primitive_create(&w->product, operation, by_weights ? gradient : forward, 3));
  lay_out_scratch(w);
  if (!by_weights)
    return BL_OK;
  BL_TRY(bl_format_create(&plain, backend, BL_ORDER_PLAIN, 1, 4, sizes));
  BL_TRY(bl_format_create(&blocked, backend, BL_ORDER_WEIGHTS, w->plane.block, 4, sizes));
  return bl_primitive_create_reorder(&w->to_plain, backend, blocked, plain);
}

static bool fits(bl_conv_shape shape, const bl_tensor *x, const bl_tensor *y) {
  return shape.kernel == 3 && shape.stride == 1 && shape.pad_before == 1 && shape.pad_after == 1 && x->block > 1 &&
         y->block > 1;
}

bl_status bl_winograd_create(bl_winograd **winograd, const bl_graph *graph, bl_pass pass, bl_conv_shape shape,
                             const bl_tensor *x, const bl_tensor *y) {
  const bool turned = pass == BL_PASS_BACKWARD_DATA;
  bl_operation *operation = NULL;
  bl_linear formats = {0};
  bl_winograd *w = NULL;
  *winograd = NULL;
  if (!fits(shape, x, y))
    return BL_OK;
  BL_TRY(bl_allocate(&w, 1, sizeof *w));
  *w = (bl_winograd){.pass = pass,
                     .in = turned ? y->channels : x->channels,
                     .out = turned ? x->channels : y->channels,
                     .batch = graph->batch,
                     .plane = {x->height, x->width, x->block}};
  const size_t tiles = (size_t)bl_winograd_tiles(&w->plane);
  w->group = choose_group(w, tiles);
  w->tiles = (size_t)w->group * tiles;
  bl_status status = describe_product(&operation, &formats, graph->backend, w);
  const bool found = bl_operation_speed(operation) == BL_SPEED_FAST;
  if (status == BL_OK && found)
    status = prepare(w, graph->backend, operation, &formats);
  bl_operation_destroy(&operation);
  if (status != BL_OK || !found)
    bl_winograd_destroy(&w);
  *winograd = w;
  return status;
}

void bl_winograd_destroy(bl_winograd **winograd) {
  bl_winograd *w = *winograd;
  if (w == NULL)
    return;
  bl_primitive_destroy(&w->product);
  bl_primitive_destroy(&w->to_plain);
  bl_free(winograd);
}

size_t bl_winograd_scratch(const bl_winograd *winograd) {
  return winograd->scratch;
}

/** Where plane \a c of sample \a n is in a tensor, and its first tile in the transformed data of a group. */
static size_t plane_at(const bl_winograd *w, int channels, int n, int c) {
  const bl_winograd_plane *p = &w->plane;
  return (size_t)(n * (channels / p->block) + c) * (size_t)(p->height * p->width * p->block);
}

static size_t tile_at(const bl_winograd *w, int n, int c) {
  const size_t tiles = w->tiles / (size_t)w->group;
  return ((size_t)c * w->tiles + (size_t)n * tiles) * (size_t)w->plane.block;
}

/** The samples first … first + group − 1 of \a x, transformed. */
static void transform_input(const bl_winograd *w, const float *x, int first, float *scratch) {
  for (int n = 0; n < w->group; n++)
    for (int c = 0; c < w->in / w->plane.block; c++)
      bl_winograd_input(scratch + w->from + tile_at(w, n, c), w->from_stride, x + plane_at(w, w->in, first + n, c),
                        &w->plane, scratch + w->work);
}

/** The products of all frequencies. */
static bl_status multiply(const bl_winograd *w, float *scratch) {
  for (size_t f = 0; f < FREQUENCIES; f++) {
    float *const pointers[] = {scratch + w->from + f * w->from_stride, scratch + w->u + f * w->u_stride,
                               scratch + w->to + f * w->to_stride};
    BL_TRY(bl_primitive_run(w->product, pointers, scratch + w->product_work));
  }
  return BL_OK;
}

/* What is added to channel block `c` of sample `n`. */
static bl_winograd_added added_to_plane(const bl_winograd *w, const bl_winograd_added *added, int n, int c) {
  const int channel = c * w->plane.block;
  return (bl_winograd_added){.bias = added->bias == NULL ? NULL : added->bias + channel,
                             .vector = added->vector == NULL ? NULL : added->vector + (size_t)n * (size_t)w->out + channel,
                             .image = added->image == NULL ? NULL : added->image + plane_at(w, w->out, n, c)};
}

bl_status bl_winograd_run(bl_winograd *winograd, float *to, const float *from, const float *weights,
                          const bl_winograd_added *added, float *scratch) {
  const bl_winograd *w = winograd;
  const int block = w->plane.block;
  if (w->pass == BL_PASS_FORWARD)
    bl_winograd_weights(scratch + w->u, w->u_stride, weights, w->out, w->in, block);
  else
    bl_winograd_weights_turned(scratch + w->u, w->u_stride, weights, w->in, w->out, block);
  for (int first = 0; first < w->batch; first += w->group) {
    transform_input(w, from, first, scratch);
    BL_TRY(multiply(w, scratch));
    for (int n = 0; n < w->group; n++)
      for (int c = 0; c < w->out / block; c++) {
        const bl_winograd_added to_plane = added_to_plane(w, added, first + n, c);
        bl_winograd_output(to + plane_at(w, w->out, first + n, c), scratch + w->to + tile_at(w, n, c), w->to_stride,
                           &to_plane, &w->plane);
      }
  }
  return BL_OK;
}

/** The sum of each channel over pixels: in single precision over lines, in double over the image. */
BL_KERNEL static void add_pixels(double *sum, const float *d_y, int height, int width, int block) {
  for (int i = 0; i < height; i++) {
    float line[16] = {0};
    for (int j = 0; j < width; j++, d_y += block)
      for (int l = 0; l < block; l++)
        line[l] += d_y[l];
    for (int l = 0; l < block; l++)
      sum[l] += (double)line[l];
  }
}

static void bias_gradient(float *d_bias, const bl_winograd *w, const float *d_y) {
  const bl_winograd_plane *p = &w->plane;
  for (int c = 0; c < w->out / p->block; c++) {
    double sum[16] = {0};
    for (int n = 0; n < w->batch; n++)
      add_pixels(sum, d_y + plane_at(w, w->out, n, c), p->height, p->width, p->block);
    for (int l = 0; l < p->block; l++)
      d_bias[c * p->block + l] = (float)sum[l];
  }
}

bl_status bl_winograd_run_weights(bl_winograd *winograd, float *d_weights, float *d_bias, const float *x, const float *d_y,
                                  float *scratch) {
  const bl_winograd *w = winograd;
  const int block = w->plane.block;
  for (int first = 0; first < w->batch; first += w->group) {
    transform_input(w, x, first, scratch);
    for (int n = 0; n < w->group; n++)
      for (int c = 0; c < w->out / block; c++)
        bl_winograd_output_gradient(scratch + w->to + tile_at(w, n, c), w->to_stride,
                                    d_y + plane_at(w, w->out, first + n, c), &w->plane);
    BL_TRY(multiply(w, scratch));
    bl_winograd_weights_gradient(scratch + w->d_weights, scratch + w->u, w->u_stride, w->out, w->in, block, first > 0);
  }
  bias_gradient(d_bias, w, d_y);
  return bl_primitive_run(winograd->to_plain, (float *[]){scratch + w->d_weights, d_weights}, NULL);
}

bl_status bl_winograd_measure(double *seconds, bl_winograd *winograd) {
  const bl_winograd *w = winograd;
  const bool by_weights = w->pass == BL_PASS_BACKWARD_WEIGHTS;
  const size_t pixels = (size_t)w->batch * (size_t)(w->plane.height * w->plane.width),
               pairs = (size_t)w->in * (size_t)w->out;
  float *x = NULL, *y = NULL, *weights = NULL, *bias = NULL, *scratch = NULL;
  bl_status status = BL_OK;
  BL_GOTO(bl_allocate(&x, pixels * (size_t)w->in, sizeof *x));
  BL_GOTO(bl_allocate(&y, pixels * (size_t)w->out, sizeof *y));
  BL_GOTO(bl_allocate(&weights, 9 * pairs, sizeof *weights));
  BL_GOTO(bl_allocate(&bias, (size_t)w->out, sizeof *bias));
  BL_GOTO(bl_allocate(&scratch, w->scratch, sizeof *scratch));
  for (int run = 0; run <= RUNS; run++) {
    const double start = bl_clock_seconds();
    BL_GOTO(by_weights ? bl_winograd_run_weights(winograd, weights, bias, x, y, scratch)
                       : bl_winograd_run(winograd, y, x, weights, &(bl_winograd_added){.bias = bias}, scratch));
    const double time = bl_clock_seconds() - start;
    if (run == 1 || (run > 1 && time < *seconds))
      *seconds = time;
  }
done:
  bl_free(&scratch);
  bl_free(&bias);
  bl_free(&weights);
  bl_free(&y);
  bl_free(&x);
  return status;
}
