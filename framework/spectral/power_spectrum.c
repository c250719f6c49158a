#include "spectral/power_spectrum.h"

#include "base/memory.h"

#include <fftw3.h>
#include <math.h>
#include <stddef.h>

struct bl_power_spectrum {
  int height, width, half; /* half: columns of FFTW's output, width / 2 + 1 */
  int rings;
  int *ring;        /* (height, half) of each frequency */
  int *frequencies; /* (rings) */
  double *image;    /* (height, width) */
  fftw_complex *transform;
  fftw_plan plan;
};

/* Cycles per image of output \a index among \a count, the negative ones folded. */
static int cycles(int index, int count) {
  return index <= count / 2 ? index : count - index;
}

/* Of a real image, half of the frequencies is the mirror of the other: column \a column stands for one or two. */
static int multiplicity(int column, int width) {
  return column == 0 || 2 * column == width ? 1 : 2;
}

static int ring_of(const bl_power_spectrum *spectrum, int row, int column) {
  int shorter = spectrum->height < spectrum->width ? spectrum->height : spectrum->width;
  double vertical = (double)cycles(row, spectrum->height) * shorter / spectrum->height;
  double horizontal = (double)column * shorter / spectrum->width;
  return (int)lround(sqrt(vertical * vertical + horizontal * horizontal));
}

static bl_status prepare(bl_power_spectrum *s) {
  size_t outputs = (size_t)s->height * (size_t)s->half;
  BL_TRY(bl_allocate(&s->ring, outputs, sizeof *s->ring));
  BL_TRY(bl_allocate(&s->image, (size_t)s->height * (size_t)s->width, sizeof *s->image));
  BL_TRY(bl_allocate(&s->transform, outputs, sizeof *s->transform));
  for (int row = 0; row < s->height; row++) {
    for (int column = 0; column < s->half; column++) {
      int ring = ring_of(s, row, column);
      s->ring[row * s->half + column] = ring;
      s->rings = ring >= s->rings ? ring + 1 : s->rings;
    }
  }
  BL_TRY(bl_allocate(&s->frequencies, (size_t)s->rings, sizeof *s->frequencies));
  for (int row = 0; row < s->height; row++)
    for (int column = 0; column < s->half; column++)
      s->frequencies[s->ring[row * s->half + column]] += multiplicity(column, s->width);
  s->plan = fftw_plan_dft_r2c_2d(s->height, s->width, s->image, s->transform, FFTW_ESTIMATE); /* the same on every rank */
  if (!s->plan)
    return bl_fail(BL_ERROR_LIBRARY, "FFTW has no plan for images of %d × %d", s->height, s->width);
  return BL_OK;
}

bl_status bl_power_spectrum_create(bl_power_spectrum **spectrum, int height, int width) {
  BL_TRY(bl_allocate(spectrum, 1, sizeof **spectrum));
  (*spectrum)->height = height;
  (*spectrum)->width = width;
  (*spectrum)->half = width / 2 + 1;
  bl_status status = prepare(*spectrum);
  if (status != BL_OK)
    bl_power_spectrum_destroy(spectrum);
  return status;
}

void bl_power_spectrum_destroy(bl_power_spectrum **spectrum) {
  bl_power_spectrum *s = *spectrum;
  if (!s)
    return;
  if (s->plan)
    fftw_destroy_plan(s->plan);
  bl_free(&s->ring);
  bl_free(&s->frequencies);
  bl_free(&s->image);
  bl_free(&s->transform);
  bl_free(spectrum);
}

int bl_power_spectrum_rings(const bl_power_spectrum *spectrum) {
  return spectrum->rings;
}

int bl_power_spectrum_frequencies(const bl_power_spectrum *spectrum, int ring) {
  return spectrum->frequencies[ring];
}

void bl_power_spectrum_measure(double *power, bl_power_spectrum *spectrum, const float *image) {
  const bl_power_spectrum *s = spectrum;
  int pixels = s->height * s->width;
  double scale = 1.0 / ((double)pixels * (double)pixels);
  for (int i = 0; i < pixels; i++)
    s->image[i] = (double)image[i];
  fftw_execute(s->plan);
  for (int ring = 0; ring < s->rings; ring++)
    power[ring] = 0.0;
  for (int row = 0; row < s->height; row++) {
    for (int column = 0; column < s->half; column++) {
      const double *value = s->transform[row * s->half + column];
      power[s->ring[row * s->half + column]] +=
          multiplicity(column, s->width) * (value[0] * value[0] + value[1] * value[1]) * scale;
    }
  }
  for (int ring = 0; ring < s->rings; ring++)
    if (s->frequencies[ring] > 0) /* long images: the shorter side may skip a ring */
      power[ring] /= s->frequencies[ring];
}
