#include "store/picture.h"

#include "base/memory.h"
#include "store/files.h"
#include "store/font.h"
#include "store/resize.h"
#include "support/cmocka.h"

/* jpeglib.h needs size_t and FILE before it. */
#include <stdio.h>
/**/
#include <jpeglib.h>
#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static uint8_t at(const bl_picture *picture, int y, int x, int c) {
  return picture->pixels[((size_t)y * (size_t)picture->width + (size_t)x) * (size_t)picture->channels + (size_t)c];
}

static void grids_hold_every_pixel(void **state) {
  (void)state;
  enum { COUNT = 5, HEIGHT = 3, WIDTH = 4, ZOOM = 2, GAP = 2 };
  uint8_t pixels[COUNT * 3 * HEIGHT * WIDTH];
  bl_picture picture, back;
  for (size_t i = 0; i < sizeof pixels; i++)
    pixels[i] = (uint8_t)(i + 1);
  assert_int_equal(bl_picture_grid(&picture, pixels, COUNT, 3, HEIGHT, WIDTH, 2, ZOOM), BL_OK);
  assert_int_equal(picture.height, GAP + 3 * (HEIGHT * ZOOM + GAP));
  assert_int_equal(picture.width, GAP + 2 * (WIDTH * ZOOM + GAP));
  for (int i = 0; i < COUNT; i++)
    for (int c = 0; c < 3; c++)
      for (int y = 0; y < HEIGHT * ZOOM; y++)
        for (int x = 0; x < WIDTH * ZOOM; x++)
          assert_int_equal(at(&picture, GAP + i / 2 * (HEIGHT * ZOOM + GAP) + y, GAP + i % 2 * (WIDTH * ZOOM + GAP) + x, c),
                           pixels[((i * 3 + c) * HEIGHT + y / ZOOM) * WIDTH + x / ZOOM]);
  assert_int_equal(bl_picture_write(&picture, scratch("grid.png")), BL_OK);
  assert_int_equal(bl_picture_read(&back, scratch("grid.png")), BL_OK);
  assert_int_equal(back.channels, 3);
  assert_memory_equal(back.pixels, picture.pixels, (size_t)picture.height * (size_t)picture.width * 3);
  bl_picture_destroy(&back);
  bl_picture_destroy(&picture);
  assert_int_equal(bl_picture_grid(&picture, pixels, 0, 1, 2, 2, 1, 1), BL_ERROR_USAGE);
  bl_status_clear();
  assert_int_equal(bl_picture_grid(&picture, pixels, 1 << 20, 1, 1 << 14, 1 << 14, 1, 1000), BL_ERROR_USAGE);
  bl_status_clear();
  assert_int_equal(bl_picture_grid(&picture, pixels, 1, 2, 2, 2, 1, 1), BL_ERROR_USAGE);
  bl_status_clear();
}

static void glyphs_differ(void **state) {
  (void)state;
  for (int a = ' '; a <= '~'; a++)
    for (int b = a + 1; b <= '~'; b++) {
      int differences = 0;
      for (int y = 0; y < BL_FONT_HEIGHT; y++)
        for (int x = 0; x < BL_FONT_WIDTH; x++)
          differences += bl_font_dot((char)a, y, x) != bl_font_dot((char)b, y, x);
      assert_true(differences > 0);
    }
  for (int y = 0; y < BL_FONT_HEIGHT; y++)
    for (int x = 0; x < BL_FONT_WIDTH; x++)
      assert_int_equal(bl_font_dot('\n', y, x), bl_font_dot('?', y, x));
}

/* One placeholder a letter, however many bytes it has. */
static void letters_outside_ascii_are_placeholders(void **state) {
  (void)state;
  static const char *const texts[2] = {"a\xc3\xa9\xe7\x8c\xab\xf0\x9f\x90\x9d!", "a??\?!"};
  bl_picture part, joined[2];
  assert_int_equal(bl_picture_blank(&part, 1, 10, 4), BL_OK);
  for (int i = 0; i < 2; i++)
    assert_int_equal(bl_picture_join(&joined[i], &part, &texts[i], 1), BL_OK);
  assert_int_equal(joined[0].width, joined[1].width);
  assert_memory_equal(joined[0].pixels, joined[1].pixels, (size_t)(joined[0].width * joined[0].height));
  for (int i = 0; i < 2; i++)
    bl_picture_destroy(&joined[i]);
  bl_picture_destroy(&part);
}

static void joined_pictures_keep_their_pixels(void **state) {
  (void)state;
  bl_picture parts[2], joined;
  const char *const captions[2] = {"before", "after, a much longer caption"};
  const uint8_t red[3] = {200, 0, 0};
  const float centre[2] = {0.0F, 0.0F};
  assert_int_equal(bl_picture_blank(&parts[0], 1, 20, 30), BL_OK);
  assert_int_equal(bl_picture_blank(&parts[1], 3, 41, 41), BL_OK);
  memset(parts[0].pixels, 77, 600);
  for (int i = 0; i < 20; i++)
    bl_picture_scatter(&parts[1], centre, 1, 1.0, red);
  assert_true(at(&parts[1], 20, 20, 0) >= 200 && at(&parts[1], 20, 20, 1) < 5);
  assert_int_equal(at(&parts[1], 10, 10, 1), 255);
  assert_int_equal(bl_picture_join(&joined, parts, captions, 2), BL_OK);
  assert_int_equal(joined.channels, 3);
  int grey = 0, reds = 0;
  for (int y = 0; y < joined.height; y++)
    for (int x = 0; x < joined.width; x++) {
      grey += at(&joined, y, x, 0) == 77 && at(&joined, y, x, 1) == 77 && at(&joined, y, x, 2) == 77;
      reds += at(&joined, y, x, 0) >= 200 && at(&joined, y, x, 1) < 5;
    }
  assert_int_equal(grey, 600);
  assert_true(reds >= 1);
  bl_picture_destroy(&joined);
  bl_picture_destroy(&parts[0]);
  bl_picture_destroy(&parts[1]);
}

/* One below the other, in order, whole, at the same left edge; a caption takes room, an empty one does not. */
static void stacked_pictures_keep_their_pixels(void **state) {
  (void)state;
  bl_picture parts[2], stacked;
  const char *const none[2] = {"", ""}, *const captions[2] = {"above", "below"};
  assert_int_equal(bl_picture_blank(&parts[0], 1, 20, 30), BL_OK);
  assert_int_equal(bl_picture_blank(&parts[1], 3, 10, 50), BL_OK);
  memset(parts[0].pixels, 77, 600);
  memset(parts[1].pixels, 99, 1500);
  int heights[2] = {0, 0};
  for (int with = 0; with < 2; with++) {
    assert_int_equal(bl_picture_stack(&stacked, parts, with ? captions : none, 2), BL_OK);
    assert_int_equal(stacked.channels, 3);
    int first[2] = {0, 0}, count[2] = {0, 0};
    for (int y = 0; y < stacked.height; y++)
      for (int x = 0; x < stacked.width; x++)
        for (int i = 0; i < 2; i++)
          if (at(&stacked, y, x, 0) == (i == 0 ? 77 : 99)) {
            first[i] = count[i] == 0 ? y * stacked.width + x : first[i];
            count[i]++;
          }
    assert_int_equal(count[0], 600);
    assert_int_equal(count[1], 500);
    assert_int_equal(first[0] % stacked.width, first[1] % stacked.width);
    assert_true(first[1] / stacked.width >= first[0] / stacked.width + 20);
    heights[with] = stacked.height;
    bl_picture_destroy(&stacked);
  }
  assert_true(heights[1] > heights[0]);
  assert_int_equal(bl_picture_stack(&stacked, parts, none, 0), BL_ERROR_USAGE);
  bl_status_clear();
  bl_picture_destroy(&parts[0]);
  bl_picture_destroy(&parts[1]);
}

/* Points far away, NaN and infinity leave the picture alone. */
static void strange_points_are_left_out(void **state) {
  (void)state;
  bl_picture picture, blank;
  const float points[10] = {NAN, 0.0F, INFINITY, 0.0F, 1e30F, -1e30F, 2.0F, 0.0F, 0.0F, -INFINITY};
  assert_int_equal(bl_picture_blank(&picture, 3, 50, 50), BL_OK);
  assert_int_equal(bl_picture_blank(&blank, 3, 50, 50), BL_OK);
  bl_picture_scatter(&picture, points, 5, 1.0, (const uint8_t[]){0, 0, 0});
  bl_picture_scatter(&blank, points, 0, 1.0, (const uint8_t[]){0, 0, 0});
  assert_memory_equal(picture.pixels, blank.pixels, 7500);
  bl_picture_destroy(&picture);
  bl_picture_destroy(&blank);
}

/* ---- Reading -------------------------------------------------------------------------------------------------------- */

static void write_png(const char *path, int width, int height, unsigned format, const void *pixels) {
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.width = (png_uint_32)width;
  image.height = (png_uint_32)height;
  image.format = format;
  assert_true(png_image_write_to_file(&image, path, 0, pixels, 0, NULL));
}

static void transparency_is_laid_over_grey(void **state) {
  (void)state;
  bl_picture picture;
  const uint8_t pixels[4 * 4] = {10, 20, 30, 255, 10, 20, 30, 0, 255, 0, 255, 128, 0, 0, 0, 1};
  write_png(scratch("alpha.png"), 2, 2, PNG_FORMAT_RGBA, pixels);
  assert_int_equal(bl_picture_read(&picture, scratch("alpha.png")), BL_OK);
  assert_int_equal(picture.channels, 3);
  const uint8_t expected[12] = {10, 20, 30, 127, 127, 127, 191, 63, 191, 127, 127, 127};
  for (int i = 0; i < 12; i++)
    assert_in_range(picture.pixels[i], expected[i] - 1, expected[i] + 1);
  bl_picture_destroy(&picture);
}

static void write_jpeg(const char *path, int width, int height, int channels, const uint8_t *pixels) {
  struct jpeg_compress_struct jpeg;
  struct jpeg_error_mgr errors;
  unsigned char *bytes = NULL;
  unsigned long size = 0;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_width = (JDIMENSION)width;
  jpeg.image_height = (JDIMENSION)height;
  jpeg.input_components = channels;
  jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 95, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    uint8_t row[4096];
    memcpy(row, pixels + (size_t)jpeg.next_scanline * (size_t)(width * channels), (size_t)(width * channels));
    JSAMPROW rows[1] = {row};
    jpeg_write_scanlines(&jpeg, rows, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  write_bytes(path, bytes, size);
  free(bytes);
}

static void jpegs_are_read_and_broken_ones_refused(void **state) {
  (void)state;
  enum { SIDE = 64 };
  uint8_t pixels[SIDE * SIDE * 3], *bytes;
  bl_picture picture;
  for (int i = 0; i < SIDE * SIDE * 3; i++)
    pixels[i] = (uint8_t)(128 + 100 * sin(i / 3 % SIDE / 9.0) * cos(i / 3 / SIDE / 7.0));
  for (int channels = 1; channels <= 3; channels += 2) {
    write_jpeg(scratch("a.jpg"), SIDE, SIDE, channels, pixels);
    assert_int_equal(bl_picture_read(&picture, scratch("a.jpg")), BL_OK);
    assert_int_equal(picture.channels, channels);
    assert_int_equal(picture.height, SIDE);
    double error = 0.0;
    for (int i = 0; i < SIDE * SIDE * channels; i++)
      error += abs(picture.pixels[i] - pixels[i]);
    assert_true(error / (SIDE * SIDE * channels) < (channels == 1 ? 3.0 : 12.0));
    bl_picture_destroy(&picture);
  }
  const size_t size = read_bytes(&bytes, scratch("a.jpg"));
  for (size_t length = 0; length < size - 2; length += 17) {
    write_bytes(scratch("cut.jpg"), bytes, length);
    assert_int_equal(bl_picture_read(&picture, scratch("cut.jpg")), BL_ERROR_INPUT);
    assert_true(message_has("cut.jpg"));
    assert_null(picture.pixels);
  }
  /* A changed byte may be a picture still; it must not crash. */
  for (size_t i = 0; i < size; i += 3) {
    bytes[i] ^= 0x05;
    write_bytes(scratch("odd.jpg"), bytes, size);
    bytes[i] ^= 0x05;
    if (bl_picture_read(&picture, scratch("odd.jpg")) == BL_OK)
      bl_picture_destroy(&picture);
    bl_status_clear();
  }
  free(bytes);
}

static void broken_pngs_are_refused(void **state) {
  (void)state;
  enum { SIDE = 24 };
  uint8_t pixels[SIDE * SIDE * 3], *bytes;
  bl_picture picture;
  for (int i = 0; i < SIDE * SIDE * 3; i++)
    pixels[i] = (uint8_t)(i * 7919 >> 3);
  write_png(scratch("a.png"), SIDE, SIDE, PNG_FORMAT_RGB, pixels);
  const size_t size = read_bytes(&bytes, scratch("a.png"));
  for (size_t length = 0; length < size - 12; length += 13) {
    write_bytes(scratch("cut.png"), bytes, length);
    assert_int_equal(bl_picture_read(&picture, scratch("cut.png")), BL_ERROR_INPUT);
    assert_true(message_has("cut.png"));
  }
  for (size_t i = 0; i < size; i += 3) {
    bytes[i] ^= 0x55;
    write_bytes(scratch("odd.png"), bytes, size);
    bytes[i] ^= 0x55;
    if (bl_picture_read(&picture, scratch("odd.png")) == BL_OK)
      bl_picture_destroy(&picture);
    bl_status_clear();
  }
  free(bytes);
  write_bytes(scratch("text.png"), "hello", 5);
  assert_int_equal(bl_picture_read(&picture, scratch("text.png")), BL_ERROR_INPUT);
  assert_true(message_has("expected a PNG"));
  assert_int_equal(bl_picture_read(&picture, scratch("")), BL_ERROR_INPUT);
  assert_true(message_has("a folder, expected a picture"));
}

/* What a JPEG is made of, beside its pixels. */
typedef struct making {
  int channels;
  J_COLOR_SPACE given, stored;
  bool arithmetic, progressive, no_marker;
} making;

/* A flat JPEG of 16 x 16 pixels. */
static void write_flat_jpeg(const char *path, const making *m, const uint8_t *colour) {
  struct jpeg_compress_struct jpeg;
  struct jpeg_error_mgr errors;
  unsigned char *bytes = NULL;
  unsigned long size = 0;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_width = jpeg.image_height = 16;
  jpeg.input_components = m->channels;
  jpeg.in_color_space = m->given;
  jpeg_set_defaults(&jpeg);
  jpeg_set_colorspace(&jpeg, m->stored);
  jpeg_set_quality(&jpeg, 100, TRUE);
  jpeg.arith_code = m->arithmetic ? TRUE : FALSE;
  if (m->progressive)
    jpeg_simple_progression(&jpeg);
  if (m->no_marker)
    jpeg.write_Adobe_marker = FALSE;
  jpeg_start_compress(&jpeg, TRUE);
  for (int y = 0; y < 16; y++) {
    uint8_t row[16 * 4];
    for (int i = 0; i < 16 * m->channels; i++)
      row[i] = colour[i % m->channels];
    jpeg_write_scanlines(&jpeg, (JSAMPROW[]){row}, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  write_bytes(path, bytes, size);
  free(bytes);
}

static void expect_flat(const char *path, int channels, const uint8_t *colour) {
  bl_picture picture;
  if (bl_picture_read(&picture, path) != BL_OK)
    fail_msg("%s", bl_status_message());
  assert_int_equal(picture.channels, channels);
  for (int i = 0; i < channels * picture.height * picture.width; i++)
    assert_in_range(picture.pixels[i], colour[i % channels] < 2 ? 0 : colour[i % channels] - 2, colour[i % channels] + 2);
  bl_picture_destroy(&picture);
}

/* Programs that follow Adobe store 255 − ink; (255 − ink)(255 − black) / 255 is the light that is left. */
static void inks_become_light(void **state) {
  (void)state;
  static const uint8_t stored[4] = {255, 100, 50, 200}, light[3] = {200, 78, 39};
  static const making spaces[] = {{4, JCS_CMYK, JCS_CMYK, false, false, false},
                                  {4, JCS_CMYK, JCS_YCCK, false, false, false}};
  for (int i = 0; i < 2; i++) {
    write_flat_jpeg(scratch("ink.jpg"), &spaces[i], stored);
    expect_flat(scratch("ink.jpg"), 3, light);
  }
  bl_picture picture;
  const making nobody = {4, JCS_CMYK, JCS_CMYK, false, false, true};
  write_flat_jpeg(scratch("ink.jpg"), &nobody, stored);
  assert_int_equal(bl_picture_read(&picture, scratch("ink.jpg")), BL_ERROR_INPUT);
  assert_true(message_has("ink.jpg: JPEG: CMYK without Adobe's marker"));
}

static void jpegs_of_every_coding_are_read(void **state) {
  (void)state;
  static const uint8_t colour[3] = {30, 120, 220};
  for (int coding = 0; coding < 8; coding++) {
    const making m = {3, JCS_RGB, coding & 4 ? JCS_RGB : JCS_YCbCr, (coding & 1) != 0, (coding & 2) != 0, false};
    write_flat_jpeg(scratch("coded.jpg"), &m, colour);
    expect_flat(scratch("coded.jpg"), 3, colour);
  }
}

/* A frame header with another precision (byte 4 after SOF0) or process (SOF3, lossless) than libjpeg decodes. */
static void jpegs_that_cannot_be_decoded_are_refused_by_name(void **state) {
  (void)state;
  static const making plain = {1, JCS_GRAYSCALE, JCS_GRAYSCALE, false, false, false};
  bl_picture picture;
  uint8_t *bytes;
  write_flat_jpeg(scratch("odd.jpg"), &plain, (const uint8_t[]){99});
  const size_t size = read_bytes(&bytes, scratch("odd.jpg"));
  size_t frame = 2;
  while (bytes[frame + 1] != 0xc0)
    frame += 2 + (size_t)(bytes[frame + 2] << 8 | bytes[frame + 3]);
  bytes[frame + 4] = 12;
  write_bytes(scratch("odd.jpg"), bytes, size);
  assert_int_equal(bl_picture_read(&picture, scratch("odd.jpg")), BL_ERROR_INPUT);
  assert_true(message_has("precision 12"));
  bytes[frame + 4] = 8;
  bytes[frame + 1] = 0xc3;
  write_bytes(scratch("odd.jpg"), bytes, size);
  assert_int_equal(bl_picture_read(&picture, scratch("odd.jpg")), BL_ERROR_INPUT);
  assert_true(message_has("SOF type 0xc3"));
  free(bytes);
}

/* A flat PNG of 9 x 9 pixels: of any depth and colour type, interlaced, with a transparent colour or not. */
static void write_flat_png(const char *path, int depth, int type, const uint8_t *pixel, bool transparent) {
  FILE *file = fopen(path, "wb");
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  static const png_color palette[2] = {{1, 2, 3}, {30, 120, 220}};
  static const png_byte alphas[2] = {255, 0};
  uint8_t row[9 * 8] = {0};
  assert_non_null(file);
  png_init_io(png, file);
  png_set_IHDR(png, info, 9, 9, depth, type, PNG_INTERLACE_ADAM7, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (type == PNG_COLOR_TYPE_PALETTE)
    png_set_PLTE(png, info, palette, 2);
  if (transparent && type == PNG_COLOR_TYPE_PALETTE)
    png_set_tRNS(png, info, alphas, 2, NULL);
  else if (transparent) {
    png_color_16 key = {0};
    key.gray = (png_uint_16)(depth == 16 ? pixel[0] << 8 | pixel[1] : pixel[0] >> (8 - depth));
    png_set_tRNS(png, info, NULL, 0, &key);
  }
  png_write_info(png, info);
  const int channels = png_get_channels(png, info), bytes = channels * depth / 8;
  for (int i = 0; i < (bytes > 0 ? 9 * bytes : 9); i++)
    row[i] = pixel[bytes > 0 ? i % bytes : 0];
  for (int pass = png_set_interlace_handling(png); pass > 0; pass--)
    for (int y = 0; y < 9; y++)
      png_write_row(png, row);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  fclose(file);
}

static void pngs_of_every_kind_are_read(void **state) {
  (void)state;
  static const struct {
    int depth, type, channels;
    bool transparent;
    uint8_t pixel[8], expected[3];
  } rows[] = {
      {1, PNG_COLOR_TYPE_GRAY, 1, false, {0xff}, {255}},
      {2, PNG_COLOR_TYPE_GRAY, 1, false, {0xaa}, {170}},
      {4, PNG_COLOR_TYPE_GRAY, 1, false, {0x33}, {51}},
      {4, PNG_COLOR_TYPE_GRAY, 1, true, {0x33}, {127}},
      {8, PNG_COLOR_TYPE_GRAY, 1, true, {77}, {127}},
      {16, PNG_COLOR_TYPE_GRAY, 1, false, {77, 80}, {77}},
      {16, PNG_COLOR_TYPE_GRAY, 1, true, {77, 80}, {127}},
      {8, PNG_COLOR_TYPE_GRAY_ALPHA, 1, false, {100, 51}, {122}},
      {16, PNG_COLOR_TYPE_GRAY_ALPHA, 1, false, {100, 0, 255, 255}, {100}},
      {16, PNG_COLOR_TYPE_RGB, 3, false, {30, 0, 120, 0, 220, 0}, {30, 120, 220}},
      {16, PNG_COLOR_TYPE_RGB_ALPHA, 3, false, {30, 0, 120, 0, 220, 0, 255, 255}, {30, 120, 220}},
      {1, PNG_COLOR_TYPE_PALETTE, 3, false, {0xff}, {30, 120, 220}},
      {8, PNG_COLOR_TYPE_PALETTE, 3, false, {1}, {30, 120, 220}},
      {8, PNG_COLOR_TYPE_PALETTE, 3, true, {1}, {127, 127, 127}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    write_flat_png(scratch("kind.png"), rows[i].depth, rows[i].type, rows[i].pixel, rows[i].transparent);
    expect_flat(scratch("kind.png"), rows[i].channels, rows[i].expected);
  }
}

static void too_large_pictures_are_refused_with_their_size(void **state) {
  (void)state;
  bl_picture picture;
  uint8_t *bytes;
  write_flat_png(scratch("large.png"), 8, PNG_COLOR_TYPE_GRAY, (const uint8_t[]){7}, false);
  const size_t size = read_bytes(&bytes, scratch("large.png"));
  bytes[18] = 0x75;
  bytes[19] = 0x30;
  write_bytes(scratch("large.png"), bytes, size);
  assert_int_equal(bl_picture_read(&picture, scratch("large.png")), BL_ERROR_INPUT);
  assert_true(message_has("large.png: PNG: 30000 x 9 pixels, expected at most 67108864, and 16384 on a side"));
  bytes[16] = 0xff;
  write_bytes(scratch("large.png"), bytes, size);
  assert_int_equal(bl_picture_read(&picture, scratch("large.png")), BL_ERROR_INPUT);
  assert_true(message_has("large.png: PNG: 4278220080 x 9 pixels"));
  free(bytes);
}

static void other_files_are_named_as_what_they_are(void **state) {
  (void)state;
  static const struct {
    const char *bytes, *name;
    size_t size;
  } rows[] = {{"GIF89a\1\0\1\0", "is a GIF picture", 10},
              {"RIFF\x24\0\0\0WEBPVP8 ", "is a WebP picture", 16},
              {"II*\0\x08\0\0\0", "is a TIFF or raw picture", 8},
              {"MM\0*\0\0\0\x08", "is a TIFF or raw picture", 8},
              {"\0\0\0\x18"
               "ftypheic\0\0\0\0",
               "is a HEIC picture", 16},
              {"\0\0\0\x1c"
               "ftypmif1\0\0\0\0",
               "is a HEIC picture", 16},
              {"\0\0\0\x1c"
               "ftypavif\0\0\0\0",
               "is an AVIF picture", 16},
              {"\0\0\0\x1c"
               "ftypisom\0\0\0\0",
               "is a film", 16},
              {"\0\0\0\x0cjP  \r\n\x87\n", "is a JPEG 2000 picture", 12},
              {"\xff\x0a\x7f\x02", "is a JPEG XL picture", 4},
              {"BM\x36\0\0\0", "is a BMP picture", 6},
              {"P6\n2 2\n255\n", "is a PPM picture", 11},
              {"<!DOCTYPE html><title>404", "is a web page (HTML)", 25},
              {"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS", 43},
              {"PK\x03\x04zip", "is a ZIP file", 7},
              {"hello", "at byte 0: found 68 65 6c, expected a PNG", 5},
              {"\x89", "at byte 0: found 89 00 00, expected a PNG", 1},
              {"", "is empty (0 bytes)", 0}};
  bl_picture picture;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    write_bytes(scratch("some.jpg"), rows[i].bytes, rows[i].size);
    assert_int_equal(bl_picture_read(&picture, scratch("some.jpg")), BL_ERROR_INPUT);
    assert_true(message_has(rows[i].name));
  }
}

/* A PNG of 78 bytes that announces 16384 × 4096 pixels must not get the memory for them. */
static void a_lying_png_is_refused(void **state) {
  (void)state;
  static const uint8_t header[8 + 25] = {0x89, 'P', 'N', 'G',  '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D',
                                         'R',  0,   0,   0x40, 0,    0,    0,    0x10, 0, 8, 2, 0,  0,   0};
  static const uint8_t data[12 + 11] = {0, 0, 0, 11, 'I', 'D', 'A', 'T', 0x78, 0x9c, 0x63, 0, 0, 0, 1, 0, 1, 0, 0};
  uint8_t file[sizeof header + sizeof data];
  bl_picture picture;
  memcpy(file, header, sizeof header);
  memcpy(file + sizeof header, data, sizeof data);
  const unsigned long crcs[2] = {crc32(0, file + 12, 17), crc32(0, file + sizeof header + 4, 15)};
  for (int i = 0; i < 4; i++) {
    file[29 + i] = (uint8_t)(crcs[0] >> (24 - 8 * i));
    file[sizeof header + 19 + (size_t)i] = (uint8_t)(crcs[1] >> (24 - 8 * i));
  }
  write_bytes(scratch("lie.png"), file, sizeof file);
  const size_t peak = bl_memory_peak();
  assert_int_equal(bl_picture_read(&picture, scratch("lie.png")), BL_ERROR_INPUT);
  assert_true(message_has("more pixels than the file can hold"));
  assert_true(bl_memory_peak() - peak < (size_t)50 << 20);
}

/* ---- Resizing ------------------------------------------------------------------------------------------------------- */

static void grey_is_rec_601(void **state) {
  (void)state;
  bl_picture picture;
  assert_int_equal(bl_picture_blank(&picture, 3, 1, 4), BL_OK);
  const uint8_t colours[12] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 200, 200, 200}, expected[4] = {76, 150, 29, 200};
  memcpy(picture.pixels, colours, 12);
  bl_picture_grey(&picture);
  assert_int_equal(picture.channels, 1);
  assert_memory_equal(picture.pixels, expected, 4);
  bl_picture_destroy(&picture);
}

static void resizing_keeps_what_it_should(void **state) {
  (void)state;
  static const int sides[] = {1, 2, 5, 16, 31, 64, 100};
  for (size_t s = 0; s < sizeof sides / sizeof sides[0]; s++) {
    const int side = sides[s];
    bl_picture flat, ramp, stripes;
    /* A flat picture stays flat, a ramp stays one, and stripes that the target cannot show become even grey. */
    bl_picture_blank(&flat, 3, 40, 64);
    bl_picture_blank(&ramp, 1, 64, 64);
    bl_picture_blank(&stripes, 1, 64, 64);
    memset(flat.pixels, 93, 40 * 64 * 3);
    for (int i = 0; i < 64 * 64; i++) {
      ramp.pixels[i] = (uint8_t)(4 * (i % 64));
      stripes.pixels[i] = i % 2 == 0 ? 0 : 255;
    }
    assert_int_equal(bl_picture_resize(&flat, side), BL_OK);
    assert_int_equal(bl_picture_resize(&ramp, side), BL_OK);
    assert_int_equal(bl_picture_resize(&stripes, side), BL_OK);
    assert_int_equal(flat.height, side);
    assert_int_equal(flat.width, side);
    for (int i = 0; i < side * side * 3; i++)
      assert_int_equal(flat.pixels[i], 93);
    for (int x = 0; x < side; x++) {
      const double centre = (x + 0.5) * 64 / side - 0.5;
      if (centre > 64.0 / side && centre < 63 - 64.0 / side)
        assert_true(fabs(at(&ramp, side / 2, x, 0) - 4 * centre) <= 1.0);
      if (side <= 16)
        assert_in_range(at(&stripes, side / 2, x, 0), 110, 145);
    }
    bl_picture_destroy(&flat);
    bl_picture_destroy(&ramp);
    bl_picture_destroy(&stripes);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(grids_hold_every_pixel),
      cmocka_unit_test(glyphs_differ),
      cmocka_unit_test(letters_outside_ascii_are_placeholders),
      cmocka_unit_test(joined_pictures_keep_their_pixels),
      cmocka_unit_test(stacked_pictures_keep_their_pixels),
      cmocka_unit_test(strange_points_are_left_out),
      cmocka_unit_test(transparency_is_laid_over_grey),
      cmocka_unit_test(jpegs_are_read_and_broken_ones_refused),
      cmocka_unit_test(broken_pngs_are_refused),
      cmocka_unit_test(inks_become_light),
      cmocka_unit_test(jpegs_of_every_coding_are_read),
      cmocka_unit_test(jpegs_that_cannot_be_decoded_are_refused_by_name),
      cmocka_unit_test(pngs_of_every_kind_are_read),
      cmocka_unit_test(too_large_pictures_are_refused_with_their_size),
      cmocka_unit_test(other_files_are_named_as_what_they_are),
      cmocka_unit_test(a_lying_png_is_refused),
      cmocka_unit_test(grey_is_rec_601),
      cmocka_unit_test(resizing_keeps_what_it_should),
  };
  return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
