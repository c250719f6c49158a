#include "report/comparison.h"

#include "base/memory.h"
#include "report/panel.h"

#include <string.h>

enum { IMAGES = 64, COLUMNS = 8, SIDE = 400 };

bl_status bl_comparison_keep(bl_comparison *comparison, int which, const float *samples, size_t count) {
  const size_t size = bl_dataset_sample_size(comparison->data);
  if (count == 0)
    return BL_OK;
  if (comparison->data->pixels) {
    comparison->count[which] = count < IMAGES ? count : IMAGES;
    BL_TRY(bl_allocate(&comparison->images[which], comparison->count[which] * size, 1));
    bl_dataset_quantise(comparison->images[which], samples, comparison->count[which] * size);
  } else if (size == 2) {
    comparison->count[which] = count;
    BL_TRY(bl_allocate(&comparison->points[which], count * size, sizeof(float)));
    memcpy(comparison->points[which], samples, count * size * sizeof(float));
  }
  return BL_OK;
}

bl_status bl_comparison_write(bool *drawn, const bl_comparison *comparison, const char *path) {
  static const char *const captions[3] = {"before", "after", "real"};
  const bl_dataset *data = comparison->data;
  bl_picture parts[3] = {0}, whole = {0};
  bl_status status = BL_OK;
  *drawn = comparison->count[0] > 0 && comparison->count[1] > 0;
  if (!*drawn)
    return BL_OK;
  for (int i = 0; i < 3; i++) {
    const bool real = i == 2;
    if (data->pixels)
      BL_GOTO(real ? bl_panel_data(&parts[i], data, IMAGES, COLUMNS)
                   : bl_panel_images(&parts[i], data, comparison->images[i], comparison->count[i], COLUMNS));
    else
      BL_GOTO(bl_panel_points(&parts[i], data, real ? NULL : comparison->points[i], real ? 0 : comparison->count[i], SIDE));
  }
  BL_GOTO(bl_picture_join(&whole, parts, captions, 3));
  status = bl_picture_write(&whole, path);
done:
  for (int i = 0; i < 3; i++)
    bl_picture_destroy(&parts[i]);
  bl_picture_destroy(&whole);
  return status;
}

void bl_comparison_destroy(bl_comparison *comparison) {
  for (int i = 0; i < 2; i++) {
    bl_free(&comparison->images[i]);
    bl_free(&comparison->points[i]);
  }
}
