#include "store/picture_format.h"

#include "base/memory.h"
#include "store/exif.h"
#include "store/output.h"

#include <png.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading -------------------------------------------------------------------------------------------------------- */

typedef struct png_source {
  const uint8_t *data;
  size_t size, offset;
  const char *path;
  png_structp png;
  png_infop info;
  bl_picture raw; /* with alpha, if the file has it */
  uint8_t **rows; /* (height) */
} png_source;

static void read_bytes(png_structp png, png_bytep bytes, size_t count) {
  png_source *source = png_get_io_ptr(png);
  if (count > source->size - source->offset)
    png_error(png, "the file ends");
  memcpy(bytes, source->data + source->offset, count);
  source->offset += count;
}

static void on_error(png_structp png, png_const_charp message) {
  const png_source *source = png_get_error_ptr(png);
  (void)bl_fail(BL_ERROR_INPUT, "%s: PNG: at byte %zu of %zu: %s", source->path, source->offset, source->size, message);
  png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

/* Of the chunk eXIf, which may stand before the pixels or after them. libpng 1.6.39 asks for as much memory as the length
 * of that chunk says, gigabytes in a file of some bytes, so it is kept from reading it. */
static int orientation_of(const png_source *source) {
  size_t length;
  for (size_t at = 8; at + 12 <= source->size; at += 12 + length) {
    const uint8_t *chunk = source->data + at;
    length = (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3];
    if (length > source->size - at - 12)
      return 1;
    if (memcmp(chunk + 4, "eXIf", 4) == 0)
      return bl_exif_orientation(chunk + 8, length);
  }
  return 1;
}

/* libpng refuses what is too large without saying how large it is. */
static bl_status check_size(const png_source *source) {
  uint32_t sides[2] = {0, 0}; /* width, height */
  if (source->size < 24 || memcmp(source->data + 12, "IHDR", 4) != 0)
    return BL_OK;
  for (int i = 0; i < 8; i++)
    sides[i / 4] = sides[i / 4] << 8 | source->data[16 + i];
  if (sides[0] <= BL_PICTURE_SIDE && sides[1] <= BL_PICTURE_SIDE && (size_t)sides[0] * sides[1] <= BL_PICTURE_PIXELS)
    return BL_OK;
  return bl_fail(BL_ERROR_INPUT, "%s: PNG: %u x %u pixels, expected at most %d, and %d on a side", source->path, sides[0],
                 sides[1], BL_PICTURE_PIXELS, BL_PICTURE_SIDE);
}

/* Ask for 8 bits, grey or RGB, alpha where the file has transparency; stored values stay as they are (no gamma). */
static bl_status decode(png_source *source) {
  BL_TRY(check_size(source));
  if (setjmp(png_jmpbuf(source->png)) != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: PNG: damaged", source->path);
  png_set_user_limits(source->png, BL_PICTURE_SIDE, BL_PICTURE_SIDE);
  png_set_keep_unknown_chunks(source->png, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep) "eXIf", 1);
  png_set_read_fn(source->png, source, read_bytes);
  png_read_info(source->png, source->info);
  const int depth = png_get_bit_depth(source->png, source->info);
  const int colour = png_get_color_type(source->png, source->info);
  const bool transparent = png_get_valid(source->png, source->info, PNG_INFO_tRNS) != 0;
  if (colour == PNG_COLOR_TYPE_PALETTE)
    png_set_palette_to_rgb(source->png);
  if (colour == PNG_COLOR_TYPE_GRAY && depth < 8)
    png_set_expand_gray_1_2_4_to_8(source->png);
  if (transparent)
    png_set_tRNS_to_alpha(source->png);
  if (depth == 16)
    png_set_scale_16(source->png);
  /* As they are packed, before palettes and single bits become bytes; deflate shrinks at most by 1032. */
  const size_t packed = png_get_rowbytes(source->png, source->info);
  png_set_interlace_handling(source->png);
  png_read_update_info(source->png, source->info);
  const size_t height = png_get_image_height(source->png, source->info);
  const size_t width = png_get_image_width(source->png, source->info);
  const size_t channels = png_get_channels(source->png, source->info);
  if (height * packed > 1100 * source->size)
    png_error(source->png, "more pixels than the file can hold");
  if (bl_allocate(&source->raw.pixels, height * width * channels, 1) != BL_OK ||
      bl_allocate(&source->rows, height, sizeof *source->rows) != BL_OK)
    png_longjmp(source->png, 1);
  source->raw.channels = (int)channels;
  source->raw.height = (int)height;
  source->raw.width = (int)width;
  for (size_t y = 0; y < height; y++)
    source->rows[y] = source->raw.pixels + y * width * channels;
  png_read_image(source->png, source->rows);
  png_read_end(source->png, NULL);
  return BL_OK;
}

/* Lay a picture with alpha over grey 127. In place. */
static void drop_alpha(bl_picture *picture) {
  const int channels = picture->channels;
  if (channels != 2 && channels != 4)
    return;
  const size_t count = (size_t)picture->height * (size_t)picture->width;
  uint8_t *target = picture->pixels;
  for (size_t i = 0; i < count; i++) {
    const uint8_t *source = picture->pixels + i * (size_t)channels;
    const int alpha = source[channels - 1];
    for (int c = 0; c < channels - 1; c++)
      *target++ = (uint8_t)((source[c] * alpha + 127 * (255 - alpha) + 127) / 255);
  }
  picture->channels = channels - 1;
}

bl_status bl_picture_decode_png(bl_picture *picture, const uint8_t *data, size_t size, const char *path) {
  png_source source = {.data = data, .size = size, .path = path};
  source.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, on_error, on_warning);
  if (source.png != NULL)
    source.info = png_create_info_struct(source.png);
  bl_status status = source.info != NULL ? decode(&source) : bl_fail(BL_ERROR_SYSTEM, "%s: out of memory", path);
  png_destroy_read_struct(&source.png, &source.info, NULL);
  bl_free(&source.rows);
  if (status == BL_OK) {
    drop_alpha(&source.raw);
    status = bl_picture_turn(&source.raw, orientation_of(&source));
  }
  if (status == BL_OK)
    *picture = source.raw;
  else
    bl_picture_destroy(&source.raw);
  return status;
}

/* ---- Writing -------------------------------------------------------------------------------------------------------- */

typedef struct png_target {
  uint8_t *data; /* malloc */
  size_t size, capacity;
  const char *path;
  png_structp png;
  png_infop info;
} png_target;

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
  png_target *target = png_get_io_ptr(png);
  if (target->size + count > target->capacity) {
    const size_t capacity = 2 * (target->size + count) + 4096;
    uint8_t *data = realloc(target->data, capacity);
    if (data == NULL)
      png_error(png, "out of memory");
    target->data = data;
    target->capacity = capacity;
  }
  memcpy(target->data + target->size, bytes, count);
  target->size += count;
}

static void flush_bytes(png_structp png) {
  (void)png;
}

static void on_write_error(png_structp png, png_const_charp message) {
  const png_target *target = png_get_error_ptr(png);
  (void)bl_fail(BL_ERROR_LIBRARY, "%s: PNG: %s", target->path, message);
  png_longjmp(png, 1);
}

static bl_status encode(png_target *target, const bl_picture *picture) {
  const size_t stride = (size_t)picture->width * (size_t)picture->channels;
  if (setjmp(png_jmpbuf(target->png)) != 0)
    return bl_fail(BL_ERROR_LIBRARY, "%s: PNG: cannot be encoded", target->path);
  png_set_write_fn(target->png, target, write_bytes, flush_bytes);
  png_set_user_limits(target->png, 0x7fffffff, 0x7fffffff);
  png_set_IHDR(target->png, target->info, (png_uint_32)picture->width, (png_uint_32)picture->height, 8,
               picture->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(target->png, target->info);
  for (int y = 0; y < picture->height; y++)
    png_write_row(target->png, picture->pixels + (size_t)y * stride);
  png_write_end(target->png, NULL);
  return BL_OK;
}

bl_status bl_picture_write(const bl_picture *picture, const char *path) {
  png_target target = {.path = path};
  if (picture->channels != 1 && picture->channels != 3)
    return bl_fail(BL_ERROR_USAGE, "%s: a picture has %d channels, expected 1 or 3", path, picture->channels);
  target.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &target, on_write_error, on_warning);
  if (target.png != NULL)
    target.info = png_create_info_struct(target.png);
  bl_status status = target.info != NULL ? encode(&target, picture) : bl_fail(BL_ERROR_SYSTEM, "%s: out of memory", path);
  png_destroy_write_struct(&target.png, &target.info);
  if (status == BL_OK)
    status = bl_output_write(path, &(bl_bytes){target.data, target.size}, 1);
  free(target.data);
  return status;
}
