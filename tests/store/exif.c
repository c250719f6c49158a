#include "store/exif.h"

#include "store/files.h"
#include "support/cmocka.h"

/* jpeglib.h needs size_t and FILE before it. */
#include <stdio.h>
/**/
#include <jpeglib.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

/* A block of EXIF with three entries, of which the second is the orientation; in either byte order. */
enum { BLOCK = 8 + 2 + 3 * 12 + 4, DIRECTORY = 8, ENTRY = 22 };

static void put(uint8_t *bytes, bool little, int count, uint32_t value) {
  for (int i = 0; i < count; i++)
    bytes[little ? i : count - 1 - i] = (uint8_t)(value >> (8 * i));
}

static void put_entry(uint8_t *entry, bool little, uint32_t tag, uint32_t type, uint32_t count, uint32_t value) {
  put(entry, little, 2, tag);
  put(entry + 2, little, 2, type);
  put(entry + 4, little, 4, count);
  memset(entry + 8, 0, 4);
  put(entry + 8, little, type == 3 ? 2 : 4, value);
}

static void make_block(uint8_t block[BLOCK], bool little, uint32_t orientation) {
  memset(block, 0, BLOCK);
  memcpy(block, little ? "II*\0" : "MM\0*", 4);
  put(block + 4, little, 4, DIRECTORY);
  put(block + DIRECTORY, little, 2, 3);
  put_entry(block + 10, little, 0x010f, 2, 4, 0x41424300);
  put_entry(block + ENTRY, little, 0x0112, 3, 1, orientation);
  put_entry(block + 34, little, 0x011a, 5, 1, DIRECTORY);
  put(block + 46, little, 4, DIRECTORY); /* the next directory is the first again */
}

/* ---- The tag -------------------------------------------------------------------------------------------------------- */

static void the_orientation_is_read_in_both_byte_orders(void **state) {
  (void)state;
  uint8_t block[BLOCK];
  for (int little = 0; little < 2; little++)
    for (int orientation = 1; orientation <= 8; orientation++) {
      make_block(block, little, (uint32_t)orientation);
      assert_int_equal(bl_exif_orientation(block, BLOCK), orientation);
    }
}

static void what_is_not_the_standard_s_does_nothing(void **state) {
  (void)state;
  uint8_t block[BLOCK];
  for (int little = 0; little < 2; little++) {
    static const struct {
      uint32_t type, count, value;
    } wrong[] = {{3, 1, 0}, {3, 1, 9}, {3, 1, 0xffff}, {4, 1, 6},         {1, 1, 6},
                 {2, 1, 6}, {3, 0, 6}, {3, 2, 6},      {3, 0xffffffff, 6}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
      make_block(block, little, 6);
      put_entry(block + ENTRY, little, 0x0112, wrong[i].type, wrong[i].count, wrong[i].value);
      assert_int_equal(bl_exif_orientation(block, BLOCK), 1);
    }
    /* A directory outside, in the header, or of more entries than there are. */
    static const uint32_t places[] = {0, 1, 7, BLOCK - 1, BLOCK, 0x7fffffff, 0xfffffff0, 0xffffffff};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
      make_block(block, little, 6);
      put(block + 4, little, 4, places[i]);
      assert_int_equal(bl_exif_orientation(block, BLOCK), 1);
    }
    make_block(block, little, 6);
    put(block + DIRECTORY, little, 2, 0xffff);
    assert_int_equal(bl_exif_orientation(block, BLOCK), 6);
    put(block + ENTRY, little, 2, 0x0113);
    assert_int_equal(bl_exif_orientation(block, BLOCK), 1);
    put(block + DIRECTORY, little, 2, 0);
    assert_int_equal(bl_exif_orientation(block, BLOCK), 1);
  }
}

/* Cut anywhere, and with any byte changed, it stays within its bytes (copies on the heap, for the sanitizers). */
static void damaged_blocks_do_no_harm(void **state) {
  (void)state;
  uint8_t block[BLOCK];
  for (int little = 0; little < 2; little++) {
    make_block(block, little, 6);
    for (size_t size = 0; size <= BLOCK; size++) {
      uint8_t *copy = malloc(size + 1);
      memcpy(copy, block, size);
      copy = realloc(copy, size > 0 ? size : 1);
      assert_int_equal(bl_exif_orientation(copy, size), size >= ENTRY + 12 ? 6 : 1);
      free(copy);
    }
    for (size_t i = 0; i < BLOCK; i++)
      for (int change = 1; change < 256; change++) {
        block[i] ^= (uint8_t)change;
        const int orientation = bl_exif_orientation(block, BLOCK);
        block[i] ^= (uint8_t)change;
        assert_in_range(orientation, 1, 8);
      }
  }
}

/* ---- Turning -------------------------------------------------------------------------------------------------------- */

/* 123/456 as each orientation shows it. */
static const char *const shown[9] = {"", "123456", "321654", "654321", "456123", "142536", "415263", "635241", "362514"};

static void all_eight_turn_as_the_standard_says(void **state) {
  (void)state;
  for (int orientation = 1; orientation <= 8; orientation++)
    for (int channels = 1; channels <= 3; channels += 2) {
      bl_picture picture;
      assert_int_equal(bl_picture_blank(&picture, channels, 2, 3), BL_OK);
      for (int i = 0; i < 6 * channels; i++)
        picture.pixels[i] = (uint8_t)('1' + i / channels + 10 * (i % channels));
      assert_int_equal(bl_picture_turn(&picture, orientation), BL_OK);
      assert_int_equal(picture.height, orientation < 5 ? 2 : 3);
      assert_int_equal(picture.width, orientation < 5 ? 3 : 2);
      assert_int_equal(picture.turned, orientation > 1);
      for (int i = 0; i < 6 * channels; i++)
        assert_int_equal(picture.pixels[i], shown[orientation][i / channels] + 10 * (i % channels));
      bl_picture_destroy(&picture);
    }
}

/* ---- Files ---------------------------------------------------------------------------------------------------------- */

/* Six squares of 8 x 8 pixels, 123/456, of grey 40 times their number. */
enum { SQUARE = 8, HEIGHT = 2 * SQUARE, WIDTH = 3 * SQUARE };

static uint8_t value_at(int y, int x) {
  return (uint8_t)(40 * (1 + y / SQUARE * 3 + x / SQUARE));
}

static void write_jpeg(const char *path, const uint8_t *block, size_t size) {
  struct jpeg_compress_struct jpeg;
  struct jpeg_error_mgr errors;
  unsigned char *bytes = NULL, marker[6 + BLOCK] = "Exif\0";
  unsigned long length = 0;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  jpeg_mem_dest(&jpeg, &bytes, &length);
  jpeg.image_width = WIDTH;
  jpeg.image_height = HEIGHT;
  jpeg.input_components = 1;
  jpeg.in_color_space = JCS_GRAYSCALE;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 100, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  memcpy(marker + 6, block, size);
  jpeg_write_marker(&jpeg, JPEG_APP0 + 1, (const JOCTET *)"http://ns.adobe.com/xap/1.0/\0\xa8\xff",
                    31); /* no EXIF, but XMP, and no UTF-8 */
  jpeg_write_marker(&jpeg, JPEG_APP0 + 1, marker, (unsigned)(6 + size));
  for (int y = 0; y < HEIGHT; y++) {
    uint8_t row[WIDTH];
    for (int x = 0; x < WIDTH; x++)
      row[x] = value_at(y, x);
    jpeg_write_scanlines(&jpeg, (JSAMPROW[]){row}, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  write_bytes(path, bytes, length);
  free(bytes);
}

static void write_png(const char *path, uint8_t *block, size_t size) {
  FILE *file = fopen(path, "wb");
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  assert_non_null(file);
  png_init_io(png, file);
  png_set_IHDR(png, info, WIDTH, HEIGHT, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_set_eXIf_1(png, info, (png_uint_32)size, block);
  png_write_info(png, info);
  for (int y = 0; y < HEIGHT; y++) {
    uint8_t row[WIDTH];
    for (int x = 0; x < WIDTH; x++)
      row[x] = value_at(y, x);
    png_write_row(png, row);
  }
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  fclose(file);
}

static void expect(const char *path, int orientation) {
  bl_picture picture;
  if (bl_picture_read(&picture, path) != BL_OK)
    fail_msg("%s", bl_status_message());
  assert_int_equal(picture.height, orientation < 5 ? HEIGHT : WIDTH);
  assert_int_equal(picture.width, orientation < 5 ? WIDTH : HEIGHT);
  assert_int_equal(picture.turned, orientation > 1);
  const int columns = picture.width / SQUARE;
  for (int i = 0; i < 6; i++) {
    const int y = i / columns * SQUARE + 3, x = i % columns * SQUARE + 4;
    assert_in_range(picture.pixels[y * picture.width + x], 40 * (shown[orientation][i] - '0') - 2,
                    40 * (shown[orientation][i] - '0') + 2);
  }
  bl_picture_destroy(&picture);
}

static void pictures_are_read_as_they_are_to_be_shown(void **state) {
  (void)state;
  uint8_t block[BLOCK];
  for (int little = 0; little < 2; little++)
    for (int orientation = 1; orientation <= 8; orientation++) {
      make_block(block, little, (uint32_t)orientation);
      write_jpeg(scratch("a.jpg"), block, BLOCK);
      expect(scratch("a.jpg"), orientation);
      write_png(scratch("a.png"), block, BLOCK);
      expect(scratch("a.png"), orientation);
    }
  make_block(block, true, 6);
  block[4] = 0xff;
  write_jpeg(scratch("a.jpg"), block, BLOCK);
  expect(scratch("a.jpg"), 1);
  write_png(scratch("a.png"), block, BLOCK);
  expect(scratch("a.png"), 1);
  /* A chunk that says to be longer than the file. */
  uint8_t *bytes;
  const size_t length = read_bytes(&bytes, scratch("a.png"));
  for (size_t i = 0; i + 4 < length; i++)
    if (memcmp(bytes + i, "eXIf", 4) == 0)
      put(bytes + i - 4, false, 4, 0x7ffffff0);
  write_bytes(scratch("long.png"), bytes, length);
  free(bytes);
  bl_picture picture;
  assert_int_equal(bl_picture_read(&picture, scratch("long.png")), BL_ERROR_INPUT);
  assert_true(message_has("long.png: PNG: at byte"));
  for (size_t size = 0; size < 12; size++) {
    write_jpeg(scratch("a.jpg"), block, size);
    expect(scratch("a.jpg"), 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_orientation_is_read_in_both_byte_orders),
      cmocka_unit_test(what_is_not_the_standard_s_does_nothing),
      cmocka_unit_test(damaged_blocks_do_no_harm),
      cmocka_unit_test(all_eight_turn_as_the_standard_says),
      cmocka_unit_test(pictures_are_read_as_they_are_to_be_shown),
  };
  return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
