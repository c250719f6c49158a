/* As scikit-learn's make_swiss_roll, seen from the side: coordinates 0 and 2, divided by 20. */
#include "base/memory.h"
#include "base/random.h"
#include "store/importer_format.h"

#include <math.h>

bl_status bl_import_swiss_roll(bl_dataset *dataset, const bl_options *options) {
  const double pi = 3.14159265358979323846, noise = options->import.noise;
  const int count = options->import.count;
  dataset->count =
      options->import.limit > 0 && options->import.limit < count ? (size_t)options->import.limit : (size_t)count;
  dataset->channels = 2;
  dataset->height = 1;
  dataset->width = 1;
  BL_TRY(bl_allocate(&dataset->points, dataset->count * 2, sizeof *dataset->points));
  for (size_t i = 0; i < dataset->count; i++) {
    bl_draw draw = {.seed = (uint64_t)options->seed, .purpose = BL_PURPOSE_DATA_NOISE, .sample = (uint32_t)i, .step = 0};
    float position, error[2];
    bl_random_uniform(&position, 1, draw);
    draw.step = 1;
    bl_random_normal(error, 2, draw);
    const double t = 1.5 * pi * (1.0 + 2.0 * (double)position);
    dataset->points[2 * i] = (float)((t * cos(t) + noise * (double)error[0]) / 20.0);
    dataset->points[2 * i + 1] = (float)((t * sin(t) + noise * (double)error[1]) / 20.0);
  }
  return BL_OK;
}
