#include "store/exif.h"

#include "base/memory.h"

#include <stdbool.h>
#include <string.h>

enum { HEADER = 8, ENTRY = 12, TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3 };

typedef struct block {
  const uint8_t *bytes;
  bool little; /* byte order */
} block;

/* An unsigned number of \a count bytes. */
static uint32_t number_at(const block *b, size_t offset, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; i++)
    value = value << 8 | b->bytes[offset + (size_t)(b->little ? count - 1 - i : i)];
  return value;
}

int bl_exif_orientation(const uint8_t *bytes, size_t size) {
  if (size < HEADER + 2 || (memcmp(bytes, "II*\0", 4) != 0 && memcmp(bytes, "MM\0*", 4) != 0))
    return 1;
  const block b = {bytes, bytes[0] == 'I'};
  const size_t directory = number_at(&b, 4, 4);
  if (directory < HEADER || directory > size - 2)
    return 1;
  size_t left = number_at(&b, directory, 2);
  for (size_t at = directory + 2; left > 0 && size - at >= ENTRY; at += ENTRY, left--) {
    if (number_at(&b, at, 2) != TAG_ORIENTATION)
      continue;
    const uint32_t value = number_at(&b, at + 8, 2);
    const bool usual = number_at(&b, at + 2, 2) == TYPE_SHORT && number_at(&b, at + 4, 4) == 1;
    return usual && value >= 1 && value <= 8 ? (int)value : 1;
  }
  return 1;
}

bl_status bl_picture_turn(bl_picture *picture, int orientation) {
  const bool transposed = orientation >= 5;
  const bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const size_t channels = (size_t)picture->channels;
  bl_picture turned = *picture;
  if (orientation <= 1 || orientation > 8)
    return BL_OK;
  turned.height = transposed ? picture->width : picture->height;
  turned.width = transposed ? picture->height : picture->width;
  turned.turned = true;
  BL_TRY(bl_allocate(&turned.pixels, (size_t)turned.height * (size_t)turned.width * channels, 1));
  uint8_t *target = turned.pixels;
  for (int y = 0; y < turned.height; y++)
    for (int x = 0; x < turned.width; x++, target += channels) {
      const int row = transposed ? x : y, column = transposed ? y : x;
      const int sy = from_below ? picture->height - 1 - row : row, sx = from_right ? picture->width - 1 - column : column;
      memcpy(target, picture->pixels + ((size_t)sy * (size_t)picture->width + (size_t)sx) * channels, channels);
    }
  bl_free(&picture->pixels);
  *picture = turned;
  return BL_OK;
}
