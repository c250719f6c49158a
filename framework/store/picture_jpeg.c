#include "store/picture_format.h"

#include "base/memory.h"
#include "store/exif.h"

/* jpeglib.h needs size_t and FILE before it. */
#include <stddef.h>
#include <stdio.h>
/**/
#include <jpeglib.h>
/* jerror.h has what the library was built with, which jpeglib.h tells. */
#include <jerror.h>
#include <setjmp.h>
#include <string.h>

typedef struct jpeg_source {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  jmp_buf back;
  const char *path;
  bl_picture picture;
  int orientation;
} jpeg_source;

static void fail_with(j_common_ptr jpeg) {
  jpeg_source *source = jpeg->client_data;
  char text[JMSG_LENGTH_MAX];
  jpeg->err->format_message(jpeg, text);
  (void)bl_fail(BL_ERROR_INPUT, "%s: JPEG: %s", source->path, text);
  longjmp(source->back, 1);
}

/* libjpeg fills what is missing with grey and goes on; a data set should not learn that. */
static void on_message(j_common_ptr jpeg, int level) {
  const int code = jpeg->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
                    code == JWRN_ARITH_BAD_CODE || code == JWRN_MUST_RESYNC))
    fail_with(jpeg);
}

/* Refuse what is too large, and colours that cannot be known; choose those of the output. */
static bl_status check_header(jpeg_source *source, size_t size) {
  struct jpeg_decompress_struct *const jpeg = &source->jpeg;
  const size_t pixels = (size_t)jpeg->image_width * jpeg->image_height;
  /* Huffman codes have at least a bit for each block of 64 values; arithmetic ones can do with less. */
  const size_t most = 512 * size + (jpeg->arith_code ? (size_t)1 << 22 : 0);
  const bool inks = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
  if (jpeg->image_width > BL_PICTURE_SIDE || jpeg->image_height > BL_PICTURE_SIDE || pixels > BL_PICTURE_PIXELS)
    return bl_fail(BL_ERROR_INPUT, "%s: JPEG: %u x %u pixels, expected at most %d, and %d on a side", source->path,
                   jpeg->image_width, jpeg->image_height, BL_PICTURE_PIXELS, BL_PICTURE_SIDE);
  if (pixels > most)
    return bl_fail(BL_ERROR_INPUT, "%s: JPEG: %u x %u pixels, more than its %zu bytes can hold", source->path,
                   jpeg->image_width, jpeg->image_height, size);
  if (inks && !jpeg->saw_Adobe_marker)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: JPEG: CMYK without Adobe's marker, which would tell whether 0 or 255 is no ink; convert it to RGB",
                   source->path);
  jpeg->out_color_space = inks ? JCS_CMYK : jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
  return BL_OK;
}

/* Of the first block of EXIF. */
static int orientation_of(const struct jpeg_decompress_struct *jpeg) {
  for (jpeg_saved_marker_ptr marker = jpeg->marker_list; marker != NULL; marker = marker->next)
    if (marker->marker == JPEG_APP0 + 1 && marker->data_length > 6 && memcmp(marker->data, "Exif", 5) == 0)
      return bl_exif_orientation(marker->data + 6, marker->data_length - 6);
  return 1;
}

/* From inverted values of CMYK to RGB, in place. */
static void drop_inks(bl_picture *picture) {
  const size_t count = (size_t)picture->height * (size_t)picture->width;
  if (picture->channels != 4)
    return;
  for (size_t i = 0; i < count; i++)
    for (size_t c = 0; c < 3; c++)
      picture->pixels[3 * i + c] = (uint8_t)((picture->pixels[4 * i + c] * picture->pixels[4 * i + 3] + 127) / 255);
  picture->channels = 3;
  picture->from_inks = true;
}

/* The one function that libjpeg's errors come back to; it keeps nothing in local variables that they could spoil. */
static bl_status decode(jpeg_source *source, const uint8_t *data, size_t size) {
  struct jpeg_decompress_struct *const jpeg = &source->jpeg;
  if (setjmp(source->back) != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: JPEG: damaged", source->path);
  jpeg_create_decompress(jpeg);
  jpeg_mem_src(jpeg, data, size);
  jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(jpeg, TRUE);
  BL_TRY(check_header(source, size));
  source->orientation = orientation_of(jpeg);
  jpeg_start_decompress(jpeg);
  const size_t stride = (size_t)jpeg->output_width * (size_t)jpeg->output_components;
  source->picture.channels = jpeg->output_components;
  source->picture.height = (int)jpeg->output_height;
  source->picture.width = (int)jpeg->output_width;
  BL_TRY(bl_allocate(&source->picture.pixels, stride * jpeg->output_height, 1));
  while (jpeg->output_scanline < jpeg->output_height) {
    JSAMPROW row = source->picture.pixels + stride * jpeg->output_scanline;
    jpeg_read_scanlines(jpeg, &row, 1);
  }
  jpeg_finish_decompress(jpeg);
  return BL_OK;
}

bl_status bl_picture_decode_jpeg(bl_picture *picture, const uint8_t *data, size_t size, const char *path) {
  jpeg_source source = {.path = path};
  source.jpeg.err = jpeg_std_error(&source.errors);
  source.errors.error_exit = fail_with;
  source.errors.emit_message = on_message;
  source.jpeg.client_data = &source;
  bl_status status = decode(&source, data, size);
  jpeg_destroy_decompress(&source.jpeg);
  if (status == BL_OK) {
    drop_inks(&source.picture);
    status = bl_picture_turn(&source.picture, source.orientation);
  }
  if (status == BL_OK)
    *picture = source.picture;
  else
    bl_picture_destroy(&source.picture);
  return status;
}
