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
  assert_true(message_has("not a regular file"));
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
      cmocka_unit_test(joined_pictures_keep_their_pixels),
      cmocka_unit_test(stacked_pictures_keep_their_pixels),
      cmocka_unit_test(strange_points_are_left_out),
      cmocka_unit_test(transparency_is_laid_over_grey),
      cmocka_unit_test(jpegs_are_read_and_broken_ones_refused),
      cmocka_unit_test(broken_pngs_are_refused),
      cmocka_unit_test(a_lying_png_is_refused),
      cmocka_unit_test(grey_is_rec_601),
      cmocka_unit_test(resizing_keeps_what_it_should),
  };
  return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
