/* The format of MNIST (http://yann.lecun.com/exdb/mnist): two zero bytes, type, number of dimensions, the dimensions as
 * 32-bit big-endian integers, the values. */
#include "base/memory.h"
#include "store/importer_format.h"
#include "store/source.h"

#include <stdio.h>

enum { TYPE_UBYTE = 0x08, LARGEST_SIDE = 16384 };

static const char *type_name(unsigned char type) {
  switch (type) {
    case TYPE_UBYTE:
      return "unsigned bytes";
    case 0x09:
      return "signed bytes";
    case 0x0b:
      return "16-bit integers";
    case 0x0c:
      return "32-bit integers";
    case 0x0d:
      return "floats";
    case 0x0e:
      return "doubles";
    default:
      return "an unknown type";
  }
}

static bl_status read_header(uint32_t *sizes, bl_source *source, int dimensions, const char *content) {
  unsigned char bytes[4];
  BL_TRY(bl_source_read(source, bytes, 4, "the magic number of IDX"));
  if (bytes[0] != 0 || bytes[1] != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: no IDX file: at byte 0: found %02x %02x %02x %02x, expected 00 00 %02x %02x for %s",
                   source->path, bytes[0], bytes[1], bytes[2], bytes[3], TYPE_UBYTE, dimensions, content);
  if (bytes[2] != TYPE_UBYTE)
    return bl_fail(BL_ERROR_INPUT, "%s: at byte 2: found type %02x (%s), expected %02x (unsigned bytes) for %s",
                   source->path, bytes[2], type_name(bytes[2]), TYPE_UBYTE, content);
  if (bytes[3] != dimensions)
    return bl_fail(BL_ERROR_INPUT, "%s: at byte 3: found %d dimensions, expected %d for %s", source->path, bytes[3],
                   dimensions, content);
  for (int i = 0; i < dimensions; i++) {
    const size_t offset = source->offset;
    BL_TRY(bl_source_read(source, bytes, 4, "a dimension"));
    sizes[i] = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    if (sizes[i] == 0 || (i > 0 && sizes[i] > LARGEST_SIDE))
      return bl_fail(BL_ERROR_INPUT, "%s: at byte %zu: dimension %d is %u, expected 1 to %u", source->path, offset, i,
                     sizes[i], i > 0 ? LARGEST_SIDE : UINT32_MAX);
  }
  return BL_OK;
}

static size_t limited(size_t count, int limit) {
  return limit > 0 && (size_t)limit < count ? (size_t)limit : count;
}

static bl_status read_images(bl_dataset *dataset, size_t *announced, bl_source *source, int limit) {
  uint32_t sizes[3];
  char what[80];
  BL_TRY(read_header(sizes, source, 3, "images"));
  snprintf(what, sizeof what, "%u x %u x %u pixels", sizes[0], sizes[1], sizes[2]);
  BL_TRY(bl_source_plausible(source, (double)sizes[0] * sizes[1] * sizes[2], what));
  *announced = sizes[0];
  dataset->count = limited(sizes[0], limit);
  dataset->channels = 1;
  dataset->height = (int)sizes[1];
  dataset->width = (int)sizes[2];
  const size_t bytes = dataset->count * bl_dataset_sample_size(dataset);
  BL_TRY(bl_allocate(&dataset->pixels, bytes, 1));
  BL_TRY(bl_source_read(source, dataset->pixels, bytes, what));
  return dataset->count == *announced ? bl_source_end(source) : BL_OK;
}

static bl_status read_labels(bl_dataset *dataset, bl_source *source, size_t images) {
  uint32_t count;
  uint8_t *bytes;
  char what[80];
  BL_TRY(read_header(&count, source, 1, "labels"));
  if (count != images)
    return bl_fail(BL_ERROR_INPUT, "%s: at byte 4: found %u labels, expected %zu, one for each image", source->path, count,
                   images);
  snprintf(what, sizeof what, "%u labels", count);
  BL_TRY(bl_source_plausible(source, count, what));
  BL_TRY(bl_allocate(&dataset->labels, dataset->count, sizeof *dataset->labels));
  BL_TRY(bl_allocate(&bytes, count, 1));
  bl_status status = bl_source_read(source, bytes, count, what);
  if (status == BL_OK)
    status = bl_source_end(source);
  for (size_t i = 0; i < count && status == BL_OK; i++) {
    if (i < dataset->count)
      dataset->labels[i] = bytes[i];
    if (bytes[i] >= dataset->classes)
      dataset->classes = bytes[i] + 1;
  }
  bl_free(&bytes);
  return status;
}

bl_status bl_import_idx(bl_dataset *dataset, const bl_options *options) {
  bl_source source;
  size_t images = 0;
  bl_status status = bl_source_open(&source, options->import.images);
  if (status == BL_OK)
    status = read_images(dataset, &images, &source, options->import.limit);
  bl_source_close(&source);
  if (status != BL_OK || options->import.labels[0] == '\0')
    return status;
  status = bl_source_open(&source, options->import.labels);
  if (status == BL_OK)
    status = read_labels(dataset, &source, images);
  bl_source_close(&source);
  return status;
}
