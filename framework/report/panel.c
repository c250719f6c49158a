#include "report/panel.h"

#include "base/memory.h"

#include <string.h>

bl_status bl_panel_images(bl_picture *picture, const bl_dataset *data, const uint8_t *images, size_t count, int columns) {
  const int side = data->height > data->width ? data->height : data->width;
  const int zoom = side < 24 ? 5 : side < 48 ? 2 : 1;
  return bl_picture_grid(picture, images, count, data->channels, data->height, data->width, columns, zoom);
}

bl_status bl_panel_data(bl_picture *picture, const bl_dataset *data, size_t most, int columns) {
  const size_t size = bl_dataset_sample_size(data), count = data->count < most ? data->count : most;
  uint8_t *images = NULL;
  BL_TRY(bl_allocate(&images, count * size, sizeof *images));
  for (size_t i = 0; i < count; i++)
    memcpy(images + i * size, data->pixels + i * data->count / count * size, size);
  const bl_status status = bl_panel_images(picture, data, images, count, columns);
  bl_free(&images);
  return status;
}

bl_status bl_panel_points(bl_picture *picture, const bl_dataset *data, const float *points, size_t count, int side) {
  static const uint8_t data_colour[3] = {225, 170, 160}, sample_colour[3] = {20, 60, 150};
  BL_TRY(bl_picture_blank(picture, 3, side, side));
  bl_picture_scatter(picture, data->points, data->count, 1, data_colour);
  if (points)
    bl_picture_scatter(picture, points, count, 1, sample_colour);
  return BL_OK;
}
