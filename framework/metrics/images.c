#include "metrics/images.h"

enum { PIECE = 256 };

static bl_status fetch_dataset(float *images, size_t first, size_t rows, void *context) {
  const bl_dataset *dataset = context;
  const size_t size = bl_dataset_sample_size(dataset);
  for (size_t row = 0; row < rows; row++)
    bl_dataset_sample(images + row * size, dataset, first + row);
  return BL_OK;
}

bl_images bl_images_of_dataset(const bl_dataset *dataset) {
  return (bl_images){.count = dataset->count,
                     .size = bl_dataset_sample_size(dataset),
                     .points = dataset->points != NULL,
                     .fetch = fetch_dataset,
                     .context = (void *)dataset};
}

static bl_status fetch_file(float *images, size_t first, size_t rows, void *context) {
  return bl_sample_file_get(images, context, first, rows);
}

bl_images bl_images_of_file(bl_sample_file *file) {
  return (bl_images){.count = file->count,
                     .size = bl_sample_file_size(file),
                     .points = file->points,
                     .fetch = fetch_file,
                     .context = file};
}

static void round_to_8_bits(float *values, size_t count) {
  uint8_t pixels[PIECE];
  for (size_t start = 0; start < count; start += PIECE) {
    const size_t length = count - start < PIECE ? count - start : PIECE;
    bl_dataset_quantise(pixels, values + start, length);
    bl_sample_values(values + start, pixels, length);
  }
}

bl_status bl_images_fetch(float *images, const bl_images *from, size_t first, size_t rows) {
  BL_TRY(from->fetch(images, first, rows, from->context));
  if (!from->points)
    round_to_8_bits(images, rows * from->size);
  return BL_OK;
}
