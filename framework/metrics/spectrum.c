#include "metrics/spectrum.h"

#include "base/memory.h"

#include <math.h>

bl_status bl_spectrum_create(bl_spectrum *spectrum, int channels, int height, int width) {
  *spectrum = (bl_spectrum){.channels = channels, .height = height, .width = width};
  BL_TRY(bl_power_spectrum_create(&spectrum->transform, height, width));
  spectrum->rings = bl_power_spectrum_rings(spectrum->transform);
  const size_t rings = (size_t)spectrum->rings;
  BL_TRY(bl_allocate(&spectrum->frequencies, rings, sizeof *spectrum->frequencies));
  for (int ring = 0; ring < spectrum->rings; ring++)
    spectrum->frequencies[ring] = bl_power_spectrum_frequencies(spectrum->transform, ring);
  BL_TRY(bl_allocate(&spectrum->power, rings, sizeof *spectrum->power));
  return bl_exact_sum_create(&spectrum->sum, rings);
}

static void end_adding(bl_spectrum *spectrum) {
  bl_power_spectrum_destroy(&spectrum->transform);
  bl_exact_sum_destroy(&spectrum->sum);
}

void bl_spectrum_destroy(bl_spectrum *spectrum) {
  end_adding(spectrum);
  bl_free(&spectrum->frequencies);
  bl_free(&spectrum->power);
  spectrum->rings = 0;
}

void bl_spectrum_add(bl_spectrum *spectrum, const float *images, size_t rows) {
  const size_t plane = (size_t)spectrum->height * (size_t)spectrum->width, planes = rows * (size_t)spectrum->channels;
  for (size_t i = 0; i < planes; i++) {
    bl_power_spectrum_measure(spectrum->power, spectrum->transform, images + i * plane);
    bl_exact_sum_add_double(spectrum->sum, 0, (size_t)spectrum->rings, spectrum->power);
  }
}

bl_status bl_spectrum_finish(bl_spectrum *spectrum, size_t count, MPI_Comm comm) {
  const double planes = (double)count * (double)spectrum->channels;
  BL_TRY(bl_exact_sum_allreduce(spectrum->sum, comm));
  const bl_status status =
      bl_exact_sum_get_double(spectrum->power, spectrum->sum, 0, (size_t)spectrum->rings, 1.0 / planes);
  end_adding(spectrum);
  return status;
}

double bl_spectrum_distance(const bl_spectrum *a, const bl_spectrum *b) {
  /* Rounding errors are uniform within a level of 2 / 255 and white: a twelfth of its square, spread over all frequencies.
   */
  const double level = 2.0 / 255.0, floor_power = level * level / 12.0 / ((double)a->height * a->width);
  double sum = 0.0;
  int counted = 0;
  for (int ring = 0; ring < a->rings; ring++) {
    if (a->frequencies[ring] == 0)
      continue;
    double ratio = 10.0 * log10((a->power[ring] + floor_power) / (b->power[ring] + floor_power));
    sum += ratio * ratio;
    counted++;
  }
  return sqrt(sum / counted);
}
