#include "store/picture_format.h"

#include "base/memory.h"

/* jpeglib.h needs size_t and FILE before it. */
#include <stddef.h>
#include <stdio.h>
/**/
#include <jerror.h>
#include <jpeglib.h>
#include <setjmp.h>

typedef struct jpeg_source {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  jmp_buf back;
  const char *path;
  bl_picture picture;
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
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE))
    fail_with(jpeg);
}

/* The one function that libjpeg's errors come back to; it keeps nothing in local variables that they could spoil. */
static bl_status decode(jpeg_source *source, const uint8_t *data, size_t size) {
  struct jpeg_decompress_struct *const jpeg = &source->jpeg;
  if (setjmp(source->back) != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: JPEG: damaged", source->path);
  jpeg_create_decompress(jpeg);
  jpeg_mem_src(jpeg, data, size);
  jpeg_read_header(jpeg, TRUE);
  if (jpeg->image_width > BL_PICTURE_SIDE || jpeg->image_height > BL_PICTURE_SIDE ||
      (size_t)jpeg->image_width * jpeg->image_height > BL_PICTURE_PIXELS) {
    (void)bl_fail(BL_ERROR_INPUT, "%s: JPEG: %u x %u pixels, expected at most %d", source->path, jpeg->image_width,
                  jpeg->image_height, BL_PICTURE_PIXELS);
    longjmp(source->back, 1);
  }
  /* Huffman codes have at least a bit for each block of 64 values. */
  if ((size_t)jpeg->image_width * jpeg->image_height > 512 * size) {
    (void)bl_fail(BL_ERROR_INPUT, "%s: JPEG: %u x %u pixels, more than its %zu bytes can hold", source->path,
                  jpeg->image_width, jpeg->image_height, size);
    longjmp(source->back, 1);
  }
  jpeg->out_color_space = jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(jpeg);
  const size_t stride = (size_t)jpeg->output_width * (size_t)jpeg->output_components;
  source->picture.channels = jpeg->output_components;
  source->picture.height = (int)jpeg->output_height;
  source->picture.width = (int)jpeg->output_width;
  if (bl_allocate(&source->picture.pixels, stride * jpeg->output_height, 1) != BL_OK)
    longjmp(source->back, 1);
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
  const bl_status status = decode(&source, data, size);
  jpeg_destroy_decompress(&source.jpeg);
  if (status == BL_OK)
    *picture = source.picture;
  else
    bl_picture_destroy(&source.picture);
  return status;
}
