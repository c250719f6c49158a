#include "metrics/images.h"

#include <string.h>

enum { PIECE = 256 };

static bl_status fetch_dataset(float *images, size_t first, size_t rows, void *context) {
  const bl_dataset *dataset = context;
  const size_t size = bl_dataset_sample_size(dataset);
  for (size_t row = 0; row < rows; row++)
    bl_dataset_sample(images + row * size, dataset, first + row);
  return BL_OK;
}

bl_images bl_images_of_array(const float *images, size_t count, size_t size) {
  return (bl_images){.count = count, .size = size, .array = images};
}

bl_images bl_images_of_dataset(const bl_dataset *dataset) {
  return (bl_images){
      .count = dataset->count, .size = bl_dataset_sample_size(dataset), .fetch = fetch_dataset, .context = (void *)dataset};
}

static void round_to_8_bits(float *values, size_t count) {
  uint8_t pixels[PIECE];
  for (size_t start = 0; start < count; start += PIECE) {
    const size_t length = count - start < PIECE ? count - start : PIECE;
    bl_dataset_quantise(pixels, values + start, length);
    for (size_t i = 0; i < length; i++)
      values[start + i] = (float)pixels[i] / 127.5F - 1.0F;
  }
}

bl_status bl_images_fetch(float *images, const bl_images *from, size_t first, size_t rows) {
  if (from->array)
    memcpy(images, from->array + first * from->size, rows * from->size * sizeof *images);
  else
    BL_TRY(from->fetch(images, first, rows, from->context));
  round_to_8_bits(images, rows * from->size);
  return BL_OK;
}
