#include "store/resize.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

void bl_picture_grey(bl_picture *picture) {
  if (picture->channels != 3)
    return;
  const size_t count = (size_t)picture->height * (size_t)picture->width;
  for (size_t i = 0; i < count; i++) {
    const uint8_t *pixel = picture->pixels + 3 * i;
    picture->pixels[i] = (uint8_t)((299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2] + 500) / 1000);
  }
  picture->channels = 1;
}

/* Weights of the source elements that make target element i: taps[i * most …], from source element first[i]. */
typedef struct filter {
  int most;    /* weights per target element */
  int *first;  /* (side) */
  int *counts; /* (side) */
  float *taps; /* (side, most) */
} filter;

static void filter_destroy(filter *f) {
  bl_free(&f->first);
  bl_free(&f->counts);
  bl_free(&f->taps);
}

static bl_status filter_create(filter *f, int side, int source) {
  const double scale = (double)source / side, support = fmax(1.0, scale);
  memset(f, 0, sizeof *f);
  f->most = (int)(2.0 * support) + 2;
  BL_TRY(bl_allocate(&f->first, (size_t)side, sizeof *f->first));
  BL_TRY(bl_allocate(&f->counts, (size_t)side, sizeof *f->counts));
  BL_TRY(bl_allocate(&f->taps, (size_t)side * (size_t)f->most, sizeof *f->taps));
  for (int i = 0; i < side; i++) {
    const double centre = (i + 0.5) * scale;
    int low = (int)(centre - support + 0.5), high = (int)(centre + support + 0.5);
    low = low < 0 ? 0 : low;
    high = high > source ? source : high;
    float *taps = f->taps + (size_t)i * (size_t)f->most;
    double sum = 0.0;
    for (int j = low; j < high; j++)
      sum += fmax(0.0, 1.0 - fabs(j + 0.5 - centre) / support);
    for (int j = low; j < high; j++)
      taps[j - low] = (float)(fmax(0.0, 1.0 - fabs(j + 0.5 - centre) / support) / sum);
    f->first[i] = low;
    f->counts[i] = high - low;
  }
  return BL_OK;
}

/* Rows of (square, channels) floats from the centred square, scaled along x. \param [out] rows (square, side, channels). */
static void scale_rows(float *rows, const bl_picture *picture, const filter *f, int square, int side) {
  const int top = (picture->height - square) / 2, left = (picture->width - square) / 2, channels = picture->channels;
  for (int y = 0; y < square; y++) {
    const uint8_t *source =
        picture->pixels + ((size_t)(top + y) * (size_t)picture->width + (size_t)left) * (size_t)channels;
    for (int i = 0; i < side; i++)
      for (int c = 0; c < channels; c++) {
        const float *taps = f->taps + (size_t)i * (size_t)f->most;
        float sum = 0.0F;
        for (int k = 0; k < f->counts[i]; k++)
          sum += taps[k] * (float)source[(size_t)(f->first[i] + k) * (size_t)channels + (size_t)c];
        rows[((size_t)y * (size_t)side + (size_t)i) * (size_t)channels + (size_t)c] = sum;
      }
  }
}

static void scale_columns(uint8_t *pixels, const float *rows, const filter *f, int side, int channels) {
  const size_t stride = (size_t)side * (size_t)channels;
  for (int i = 0; i < side; i++)
    for (size_t x = 0; x < stride; x++) {
      const float *taps = f->taps + (size_t)i * (size_t)f->most;
      float sum = 0.0F;
      for (int k = 0; k < f->counts[i]; k++)
        sum += taps[k] * rows[(size_t)(f->first[i] + k) * stride + x];
      pixels[(size_t)i * stride + x] = (uint8_t)(sum < 0.0F ? 0.0F : sum > 255.0F ? 255.0F : sum + 0.5F);
    }
}

bl_status bl_picture_resize(bl_picture *picture, int side) {
  const int square = picture->height < picture->width ? picture->height : picture->width;
  if (picture->height == side && picture->width == side)
    return BL_OK;
  filter f = {0};
  float *rows = NULL;
  uint8_t *pixels = NULL;
  bl_status status;
  const size_t stride = (size_t)side * (size_t)picture->channels;
  BL_GOTO(filter_create(&f, side, square));
  BL_GOTO(bl_allocate(&rows, (size_t)square * stride, sizeof *rows));
  BL_GOTO(bl_allocate(&pixels, (size_t)side * stride, 1));
  scale_rows(rows, picture, &f, square, side);
  scale_columns(pixels, rows, &f, side, picture->channels);
  bl_free(&picture->pixels);
  picture->pixels = pixels;
  picture->height = side;
  picture->width = side;
done:
  bl_free(&rows);
  filter_destroy(&f);
  return status;
}
