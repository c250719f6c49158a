#include "store/importer.h"

#include "base/capture.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/files.h"
#include "store/picture.h"
#include "support/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum { COUNT = 6, HEIGHT = 4, WIDTH = 3, IMAGES = 16 + COUNT * HEIGHT * WIDTH, LABELS = 8 + COUNT };

/* Sets "KEY=PATH" in a few static buffers that are used in turn. */
static const char *set(const char *key, const char *value) {
  static char texts[8][600];
  static int next = 0;
  char *text = texts[next++ % 8];
  snprintf(text, sizeof texts[0], "%s=%s", key, value);
  return text;
}

static bl_status import(bl_dataset *dataset, const char *const *sets) {
  bl_options *options = options_of(sets);
  const bl_status status = bl_import(dataset, options);
  bl_options_destroy(&options);
  return status;
}

static void refuse(const char *const *sets, bl_status status, const char *reason) {
  bl_dataset dataset;
  const bl_status found = import(&dataset, sets);
  if (found != status)
    fail_msg("status %d \"%s\", expected %d \"%s\"", (int)found, bl_status_message(), (int)status, reason);
  assert_true(message_has(reason));
  assert_null(dataset.pixels);
}

/* ---- IDX ------------------------------------------------------------------------------------------------------------ */

static void make_idx(uint8_t images[IMAGES], uint8_t labels[LABELS]) {
  const uint8_t image_header[16] = {0, 0, 8, 3, 0, 0, 0, COUNT, 0, 0, 0, HEIGHT, 0, 0, 0, WIDTH};
  const uint8_t label_header[8] = {0, 0, 8, 1, 0, 0, 0, COUNT};
  memcpy(images, image_header, 16);
  memcpy(labels, label_header, 8);
  for (int i = 0; i < COUNT * HEIGHT * WIDTH; i++)
    images[16 + i] = (uint8_t)(i % 17);
  for (int i = 0; i < COUNT; i++)
    labels[8 + i] = (uint8_t)(i % 4);
}

static void write_gzip(const char *path, const void *bytes, size_t size) {
  gzFile file = gzopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(gzwrite(file, bytes, (unsigned)size), size);
  assert_int_equal(gzclose(file), Z_OK);
}

static void idx_is_read_gzipped_or_not(void **state) {
  (void)state;
  uint8_t images[IMAGES], labels[LABELS];
  bl_dataset dataset;
  make_idx(images, labels);
  write_bytes(scratch("plain-images.gz"), images, IMAGES);
  write_gzip(scratch("labels"), labels, LABELS);
  const char *const sets[] = {"import.format=idx", set("import.images", scratch("plain-images.gz")),
                              set("import.labels", scratch("labels")), NULL};
  assert_int_equal(import(&dataset, sets), BL_OK);
  assert_int_equal(dataset.count, COUNT);
  assert_int_equal(dataset.channels, 1);
  assert_int_equal(dataset.height, HEIGHT);
  assert_int_equal(dataset.width, WIDTH);
  assert_int_equal(dataset.classes, 4);
  assert_memory_equal(dataset.pixels, images + 16, IMAGES - 16);
  for (int i = 0; i < COUNT; i++)
    assert_int_equal(dataset.labels[i], labels[8 + i]);
  bl_dataset_destroy(&dataset);
}

static void idx_is_scaled_padded_and_limited(void **state) {
  (void)state;
  uint8_t images[IMAGES], labels[LABELS];
  bl_dataset dataset;
  make_idx(images, labels);
  write_gzip(scratch("images.gz"), images, IMAGES);
  write_gzip(scratch("labels.gz"), labels, LABELS);
  const char *const sets[] = {set("import.images", scratch("images.gz")),
                              set("import.labels", scratch("labels.gz")),
                              "import.maximum=16",
                              "import.pad=7",
                              "import.limit=2",
                              NULL};
  assert_int_equal(import(&dataset, sets), BL_OK);
  assert_int_equal(dataset.count, 2);
  assert_int_equal(dataset.classes, 4);
  assert_int_equal(dataset.height, 7);
  assert_int_equal(dataset.width, 7);
  for (int i = 0; i < 2; i++)
    for (int y = 0; y < 7; y++)
      for (int x = 0; x < 7; x++) {
        const int sy = y - 1, sx = x - 2;
        const bool inside = sy >= 0 && sy < HEIGHT && sx >= 0 && sx < WIDTH;
        const int value = inside ? images[16 + (i * HEIGHT + sy) * WIDTH + sx] : 0;
        assert_int_equal(dataset.pixels[(i * 7 + y) * 7 + x], (value * 255 + 8) / 16);
      }
  bl_dataset_destroy(&dataset);
  const char *const low[] = {sets[0], "import.maximum=15", NULL};
  refuse(low, BL_ERROR_USAGE, "at least 16: element 4 of sample 1");
  const char *const narrow[] = {sets[0], "import.pad=3", NULL};
  refuse(narrow, BL_ERROR_USAGE, "import.pad");
}

static void damaged_idx_is_refused_with_its_offset(void **state) {
  (void)state;
  uint8_t images[IMAGES + 1] = {0}, labels[LABELS + 1] = {0};
  char path[512], other[512];
  make_idx(images, labels);
  snprintf(path, sizeof path, "%s", scratch("images"));
  snprintf(other, sizeof other, "%s", scratch("other"));
  const char *const sets[] = {set("import.images", path), NULL};
  const char *const both[] = {sets[0], set("import.labels", other), NULL};

  refuse(sets, BL_ERROR_INPUT, "No such file");
  write_bytes(path, "", 0);
  refuse(sets, BL_ERROR_INPUT, "images: is empty (0 bytes)");
  write_gzip(path, "", 0);
  refuse(sets, BL_ERROR_INPUT, "images: at byte 0 + 0: its gzip stream is empty, expected 4 bytes");
  write_bytes(path, images, 2);
  refuse(sets, BL_ERROR_INPUT, "at byte 0 + 2: the file ends, expected 4 bytes");
  write_bytes(path, images, 7);
  refuse(sets, BL_ERROR_INPUT, "at byte 4 + 3: the file ends");
  write_bytes(path, images, IMAGES - 10);
  refuse(sets, BL_ERROR_INPUT, "at byte 16 + 62: the file ends, expected 72 bytes (6 x 4 x 3 pixels)");
  write_bytes(path, images, 50);
  refuse(sets, BL_ERROR_INPUT, "announces 6 x 4 x 3 pixels, 72 bytes, but the file has only 50");
  write_bytes(path, images, IMAGES + 1);
  refuse(sets, BL_ERROR_INPUT, "at byte 88: the file goes on, expected its end");
  write_gzip(path, images, IMAGES - 10);
  refuse(sets, BL_ERROR_INPUT, "at byte 16 + 62: the file ends, expected 72 bytes (6 x 4 x 3 pixels)");

  images[0] = 'x';
  write_bytes(path, images, IMAGES);
  refuse(sets, BL_ERROR_INPUT, "no IDX file: at byte 0: found 78 00 08 03");
  images[0] = 0;
  images[2] = 0x0d;
  write_bytes(path, images, IMAGES);
  refuse(sets, BL_ERROR_INPUT, "at byte 2: found type 0d (floats)");
  images[2] = 8;
  images[3] = 1;
  write_bytes(path, images, IMAGES);
  refuse(sets, BL_ERROR_INPUT, "at byte 3: found 1 dimensions, expected 3 for images");
  images[3] = 3;
  memset(images + 4, 0xff, 4);
  write_bytes(path, images, IMAGES);
  refuse(sets, BL_ERROR_INPUT, "announces 4294967295 x 4 x 3 pixels");
  write_gzip(path, images, IMAGES);
  refuse(sets, BL_ERROR_INPUT, "announces 4294967295 x 4 x 3 pixels");
  memset(images + 4, 0, 4);
  write_bytes(path, images, IMAGES);
  refuse(sets, BL_ERROR_INPUT, "at byte 4: dimension 0 is 0");
  make_idx(images, labels);
  images[8] = 0x7f;
  write_bytes(path, images, IMAGES);
  refuse(sets, BL_ERROR_INPUT, "at byte 8: dimension 1 is");

  make_idx(images, labels);
  write_bytes(path, images, IMAGES);
  labels[7] = COUNT + 1;
  write_bytes(other, labels, LABELS + 1);
  refuse(both, BL_ERROR_INPUT, "at byte 4: found 7 labels, expected 6");
  labels[7] = COUNT;
  write_gzip(other, labels, LABELS - 1);
  refuse(both, BL_ERROR_INPUT, "at byte 8 + 5: the file ends");
  write_bytes(other, images, IMAGES);
  refuse(both, BL_ERROR_INPUT, "found 3 dimensions, expected 1 for labels");
  write_bytes(other, "", 0);
  refuse(both, BL_ERROR_INPUT, "other: is empty (0 bytes)");
}

/* Labels from 1, and two of them left out: six classes are announced by the highest. */
static void labels_with_gaps_are_said(void **state) {
  (void)state;
  static const uint8_t given[COUNT] = {1, 2, 5, 5, 1, 2};
  uint8_t images[IMAGES], labels[LABELS];
  char text[1024];
  bl_dataset dataset;
  make_idx(images, labels);
  memcpy(labels + 8, given, COUNT);
  write_bytes(scratch("gap-images"), images, IMAGES);
  write_bytes(scratch("gap-labels"), labels, LABELS);
  const char *const sets[] = {set("import.images", scratch("gap-images")), set("import.labels", scratch("gap-labels")),
                              NULL};
  capture_begin(0);
  assert_int_equal(import(&dataset, sets), BL_OK);
  capture_read(text, sizeof text);
  capture_end();
  assert_non_null(strstr(text, "gap-labels: no sample has label 0, 3, 4 (3 of 6 classes are empty)\n"));
  assert_int_equal(dataset.classes, 6);
  bl_dataset_destroy(&dataset);
}

/* A key that a format has no use for is refused by name, unless it has its default. */
static void keys_of_other_formats_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *format, *setting;
  } rows[] = {{"idx", "import.resize=16"},       {"idx", "import.grey=true"},        {"idx", "import.skip_bad=true"},
              {"idx", "import.part=test"},       {"idx", "import.count=5"},          {"idx", "import.noise=0"},
              {"cifar10", "import.labels=a"},    {"cifar10", "import.resize=16"},    {"cifar10", "import.grey=yes"},
              {"folder", "import.labels=a"},     {"folder", "import.part=test"},     {"folder", "import.count=3"},
              {"swiss_roll", "import.images=a"}, {"swiss_roll", "import.resize=16"}, {"swiss_roll", "import.maximum=16"},
              {"swiss_roll", "import.pad=32"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char format[64], key[64], reason[128];
    snprintf(format, sizeof format, "import.format=%s", rows[i].format);
    snprintf(key, sizeof key, "%.*s is ", (int)strcspn(rows[i].setting, "="), rows[i].setting);
    snprintf(reason, sizeof reason, "expected its default: import.format is %s, and only ", rows[i].format);
    const char *const sets[] = {format, strcmp(rows[i].format, "swiss_roll") == 0 ? "title=x" : "import.images=nothing",
                                rows[i].setting, NULL};
    bl_dataset dataset;
    assert_int_equal(import(&dataset, sets), BL_ERROR_USAGE);
    if (strstr(bl_status_message(), key) == NULL)
      fail_msg("%s", bl_status_message());
    assert_true(message_has(reason));
  }
  bl_dataset roll;
  const char *const defaults[] = {"import.format=swiss_roll",
                                  "import.count=3",
                                  "import.resize=0",
                                  "import.part=train",
                                  "import.grey=No",
                                  "import.maximum=255",
                                  NULL};
  assert_int_equal(import(&roll, defaults), BL_OK);
  bl_dataset_destroy(&roll);
}

static void a_damaged_gzip_stream_is_refused(void **state) {
  (void)state;
  uint8_t images[IMAGES], labels[LABELS], *bytes;
  char path[512];
  bl_dataset dataset;
  make_idx(images, labels);
  snprintf(path, sizeof path, "%s", scratch("stream.gz"));
  write_gzip(path, images, IMAGES);
  const size_t size = read_bytes(&bytes, path);
  const char *const sets[] = {set("import.images", path), NULL};
  for (size_t length = 2; length < size; length++) {
    write_bytes(path, bytes, length);
    if (import(&dataset, sets) != BL_ERROR_INPUT)
      fail_msg("a cut at byte %zu of %zu was not noticed", length, size);
    assert_true(message_has("stream.gz"));
  }
  /* Before byte 10 are flags and the time; byte size - 9 ends with bits that nobody uses. */
  for (size_t i = 10; i < size; i += i == size - 10 ? 2 : 1) {
    bytes[i] ^= 0x10;
    write_bytes(path, bytes, size);
    bytes[i] ^= 0x10;
    if (import(&dataset, sets) != BL_ERROR_INPUT)
      fail_msg("a change of byte %zu of %zu was not noticed", i, size);
    assert_true(message_has("stream.gz"));
  }
  write_bytes(path, bytes, size);
  assert_int_equal(import(&dataset, sets), BL_OK);
  bl_dataset_destroy(&dataset);
  free(bytes);
}

/* ---- CIFAR-10 ------------------------------------------------------------------------------------------------------- */

static void write_batch(const char *name, int number, int records, size_t extra) {
  const size_t size = (size_t)records * 3073 + extra;
  uint8_t *bytes = calloc(1, size);
  for (size_t i = 0; i < size; i++)
    bytes[i] = (uint8_t)(i % 3073 == 0 ? (number + (int)(i / 3073)) % 10 : (number * 31 + (int)i * 7) % 256);
  write_bytes(scratch(name), bytes, size);
  free(bytes);
}

static void cifar10_is_read_batch_by_batch(void **state) {
  (void)state;
  static const char *const names[] = {"cifar/data_batch_1.bin", "cifar/data_batch_2.bin", "cifar/data_batch_3.bin",
                                      "cifar/data_batch_4.bin", "cifar/data_batch_5.bin", "cifar/test_batch.bin"};
  bl_dataset dataset;
  assert_int_equal(mkdir(scratch("cifar"), 0755), 0);
  const char *const folder = set("import.images", scratch("cifar"));
  const char *const train[] = {"import.format=cifar10", folder, "import.part=train", NULL};
  const char *const test[] = {"import.format=cifar10", folder, "import.part=test", NULL};
  const char *const all[] = {"import.format=cifar10", folder, "import.part=", "import.limit=11", NULL};
  refuse(train, BL_ERROR_INPUT, "data_batch_1.bin: No such file");
  for (int b = 0; b < 6; b++)
    write_batch(names[b], b, 2, 0);
  assert_int_equal(import(&dataset, train), BL_OK);
  assert_int_equal(dataset.count, 10);
  assert_int_equal(dataset.channels, 3);
  assert_int_equal(dataset.height, 32);
  assert_int_equal(dataset.classes, 10);
  assert_null(dataset.class_names);
  for (int i = 0; i < 10; i++) {
    const int batch = i / 2, record = i % 2;
    assert_int_equal(dataset.labels[i], batch + record);
    for (int k = 0; k < 3072; k++)
      assert_int_equal(dataset.pixels[i * 3072 + k], (batch * 31 + (record * 3073 + 1 + k) * 7) % 256);
  }
  bl_dataset_destroy(&dataset);
  write_bytes(scratch("cifar/batches.meta.txt"), "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n",
              62);
  assert_int_equal(import(&dataset, test), BL_OK);
  assert_int_equal(dataset.count, 2);
  assert_int_equal(dataset.labels[0], 5);
  assert_string_equal(dataset.class_names[9], "truck");
  bl_dataset_destroy(&dataset);
  assert_int_equal(import(&dataset, all), BL_OK);
  assert_int_equal(dataset.count, 11);
  assert_int_equal(dataset.labels[10], 5);
  bl_dataset_destroy(&dataset);
  write_batch(names[2], 2, 2, 100);
  refuse(train, BL_ERROR_INPUT, "6246 bytes, 2 whole records and 100 bytes more");
  write_batch(names[2], 8, 3, 0);
  uint8_t *bytes;
  const size_t size = read_bytes(&bytes, scratch(names[2]));
  bytes[3073] = 10;
  write_bytes(scratch(names[2]), bytes, size);
  free(bytes);
  refuse(train, BL_ERROR_INPUT, "at byte 3073: label of record 1 is 10");
  write_bytes(scratch("cifar/batches.meta.txt"), "airplane\n", 9);
  refuse(test, BL_ERROR_INPUT, "found 1 class names");
  /* Names as Windows' editors save them; an empty batch; an empty list of names. */
  const char names_text[] =
      "\xef\xbb\xbf"
      "a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\nh\r\ni\r\nj\r\n";
  write_bytes(scratch("cifar/batches.meta.txt"), names_text, sizeof names_text - 1);
  assert_int_equal(import(&dataset, test), BL_OK);
  assert_string_equal(dataset.class_names[0], "a");
  assert_string_equal(dataset.class_names[9], "j");
  bl_dataset_destroy(&dataset);
  write_bytes(scratch("cifar/batches.meta.txt"),
              "\xff\xfe"
              "a\0\n\0",
              6);
  refuse(test, BL_ERROR_USAGE, "batches.meta.txt: is text in UTF-16LE");
  write_bytes(scratch("cifar/batches.meta.txt"), "", 0);
  refuse(test, BL_ERROR_INPUT, "batches.meta.txt: is empty");
  write_bytes(scratch("cifar/test_batch.bin"), "", 0);
  refuse(test, BL_ERROR_INPUT, "test_batch.bin: is empty (0 bytes)");
  const char *const wrong[] = {"import.format=cifar10", folder, "import.part=validation", NULL};
  refuse(wrong, BL_ERROR_USAGE, "import.part");
}

/* ---- Folders -------------------------------------------------------------------------------------------------------- */

static void write_picture(const char *name, int channels, int height, int width, int value) {
  bl_picture picture;
  assert_int_equal(bl_picture_blank(&picture, channels, height, width), BL_OK);
  memset(picture.pixels, value, (size_t)(channels * height * width));
  if (channels == 3)
    picture.pixels[0] = 255;
  assert_int_equal(bl_picture_write(&picture, scratch(name)), BL_OK);
  bl_picture_destroy(&picture);
}

static void folders_become_classes(void **state) {
  (void)state;
  bl_dataset dataset;
  const char *const sets[] = {"import.format=folder", set("import.images", scratch("set")), NULL};
  write_picture("set/b cats/2.png", 3, 4, 5, 20);
  write_picture("set/b cats/1.PNG", 1, 4, 5, 10);
  write_picture("set/b cats/.hidden.png", 3, 9, 9, 0);
  write_picture("set/a dogs/10.png", 3, 4, 5, 30);
  write_picture("set/c/x.png", 1, 4, 5, 40);
  write_bytes(scratch("set/c/notes.txt"), "x", 1);
  bl_log_speak(false);
  assert_int_equal(import(&dataset, sets), BL_OK);
  assert_int_equal(dataset.count, 4);
  assert_int_equal(dataset.channels, 3);
  assert_int_equal(dataset.classes, 3);
  assert_string_equal(dataset.class_names[0], "a dogs");
  assert_string_equal(dataset.class_names[2], "c");
  const int labels[4] = {0, 1, 1, 2}, values[4] = {30, 10, 20, 40};
  for (int i = 0; i < 4; i++) {
    assert_int_equal(dataset.labels[i], labels[i]);
    for (int c = 0; c < 3; c++)
      assert_int_equal(dataset.pixels[(i * 3 + c) * 20 + 7], values[i]);
  }
  /* The red corner of colour pictures: channels come first. */
  assert_int_equal(dataset.pixels[0], 255);
  assert_int_equal(dataset.pixels[20], 30);
  bl_dataset_destroy(&dataset);

  const char *const grey[] = {sets[0], sets[1], "import.grey=true", "import.resize=2", "import.limit=3", NULL};
  assert_int_equal(import(&dataset, grey), BL_OK);
  assert_int_equal(dataset.count, 3);
  assert_int_equal(dataset.channels, 1);
  assert_int_equal(dataset.height, 2);
  for (int i = 0; i < 3; i++)
    assert_int_equal(dataset.labels[i], i);
  bl_dataset_destroy(&dataset);

  write_picture("set/c/y.png", 1, 5, 4, 40);
  refuse(sets, BL_ERROR_INPUT, "is 5 x 4 pixels");
  write_bytes(scratch("set/c/y.png"), "x", 1);
  refuse(sets, BL_ERROR_INPUT, "y.png: at byte 0");
  write_picture("set/z.png", 1, 4, 5, 40);
  refuse(sets, BL_ERROR_INPUT, "1 pictures beside 3 sub-folders");
  bl_log_speak(true);
}

static void folders_without_classes_have_no_labels(void **state) {
  (void)state;
  bl_dataset dataset;
  const char *const sets[] = {"import.format=folder", set("import.images", scratch("flat")), NULL};
  refuse(sets, BL_ERROR_INPUT, "No such file");
  assert_int_equal(mkdir(scratch("flat"), 0755), 0);
  refuse(sets, BL_ERROR_INPUT, "has no file that ends in");
  write_picture("flat/1.png", 1, 2, 2, 50);
  write_picture("flat/2.png", 1, 2, 2, 60);
  bl_log_speak(false);
  assert_int_equal(import(&dataset, sets), BL_OK);
  bl_log_speak(true);
  assert_int_equal(dataset.count, 2);
  assert_int_equal(dataset.channels, 1);
  assert_int_equal(dataset.classes, 0);
  assert_null(dataset.labels);
  assert_int_equal(dataset.pixels[3], 50);
  assert_int_equal(dataset.pixels[4], 60);
  bl_dataset_destroy(&dataset);
  const char *const deeper[] = {sets[0], set("import.images", scratch("deeper")), NULL};
  mkdir(scratch("deeper"), 0755);
  mkdir(scratch("deeper/empty"), 0755);
  refuse(deeper, BL_ERROR_INPUT, "empty: has no file");
}

/* ---- Swiss roll ----------------------------------------------------------------------------------------------------- */

static void the_swiss_roll_lies_on_its_spiral(void **state) {
  (void)state;
  bl_dataset roll, again;
  const double pi = acos(-1.0);
  const char *const sets[] = {"import.format=swiss_roll", "import.count=4000", "import.noise=0", "seed=5", NULL};
  assert_int_equal(import(&roll, sets), BL_OK);
  assert_int_equal(roll.count, 4000);
  assert_int_equal(roll.channels, 2);
  double mean = 0.0;
  for (size_t i = 0; i < roll.count; i++) {
    /* The radius is the angle: t = |point| · 20, from 1.5 π to 4.5 π. */
    const double x = 20.0 * (double)roll.points[2 * i], y = 20.0 * (double)roll.points[2 * i + 1], t = hypot(x, y);
    assert_true(t >= 1.5 * pi - 1e-4 && t <= 4.5 * pi + 1e-4);
    assert_true(fabs(x - t * cos(t)) < 1e-3 && fabs(y - t * sin(t)) < 1e-3);
    mean += t / 4000.0;
  }
  /* Uniform: mean 3 π, deviation 3 π / √12 / √4000 = 0.043. */
  assert_true(fabs(mean - 3.0 * pi) < 0.2);
  /* More points begin with the same ones, another seed gives others; noise has the deviation asked for. */
  const char *const more[] = {"import.format=swiss_roll", "import.count=8000", "import.noise=0", "seed=5", NULL};
  assert_int_equal(import(&again, more), BL_OK);
  assert_memory_equal(roll.points, again.points, 8000 * sizeof(float));
  bl_dataset_destroy(&again);
  const char *const noisy[] = {"import.format=swiss_roll", "import.count=4000", "import.noise=0.5", "seed=5", NULL};
  assert_int_equal(import(&again, noisy), BL_OK);
  double square = 0.0;
  for (size_t i = 0; i < 8000; i++)
    square += pow(20.0 * (double)(again.points[i] - roll.points[i]), 2.0) / 8000.0;
  assert_true(fabs(sqrt(square) - 0.5) < 0.02);
  bl_dataset_destroy(&again);
  bl_dataset_destroy(&roll);
}

static void nonsense_is_refused(void **state) {
  (void)state;
  refuse((const char *const[]){"import.format=tiff", NULL}, BL_ERROR_USAGE, "import.format");
  refuse((const char *const[]){"import.format=idx", NULL}, BL_ERROR_USAGE, "import.images");
  refuse((const char *const[]){"import.format=folder", NULL}, BL_ERROR_USAGE, "import.images");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(idx_is_read_gzipped_or_not),
      cmocka_unit_test(idx_is_scaled_padded_and_limited),
      cmocka_unit_test(damaged_idx_is_refused_with_its_offset),
      cmocka_unit_test(labels_with_gaps_are_said),
      cmocka_unit_test(keys_of_other_formats_are_refused),
      cmocka_unit_test(a_damaged_gzip_stream_is_refused),
      cmocka_unit_test(cifar10_is_read_batch_by_batch),
      cmocka_unit_test(folders_become_classes),
      cmocka_unit_test(folders_without_classes_have_no_labels),
      cmocka_unit_test(the_swiss_roll_lies_on_its_spiral),
      cmocka_unit_test(nonsense_is_refused),
  };
  return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
