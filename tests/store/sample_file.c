#include "store/sample_file.h"

#include "base/memory.h"
#include "store/dataset.h"
#include "store/files.h"
#include "support/cmocka.h"

#include <math.h>
#include <mpi.h>
#include <netcdf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const bl_provenance provenance = {.title = "test", .command = "test", .digest = "0", .seed = 1, .ranks = 1};

enum { CHANNELS = 3, SIDE = 32, SIZE = CHANNELS * SIDE * SIDE, BLOCK = BL_SAMPLE_BLOCK / SIZE };

static void fill(uint8_t *pixels, size_t first, size_t count) {
  for (size_t i = 0; i < count * SIZE; i++)
    pixels[i] = (uint8_t)((first * SIZE + i) * 37 / 11 % 251);
}

/* More than two blocks, the last one short. */
static void make_images(bl_dataset *dataset) {
  *dataset = (bl_dataset){.count = 2 * BLOCK + 9, .channels = CHANNELS, .height = SIDE, .width = SIDE};
  assert_int_equal(bl_allocate(&dataset->pixels, dataset->count * SIZE, 1), BL_OK);
  fill(dataset->pixels, 0, dataset->count);
}

/* Samples first … first + rows − 1 are those of the data set. */
static void assert_gets(bl_sample_file *file, const bl_dataset *dataset, size_t first, size_t rows) {
  const size_t size = bl_dataset_sample_size(dataset);
  float *values, *expected;
  assert_int_equal(bl_allocate(&values, rows * size, sizeof *values), BL_OK);
  assert_int_equal(bl_allocate(&expected, size, sizeof *expected), BL_OK);
  assert_int_equal(bl_sample_file_get(values, file, first, rows), BL_OK);
  for (size_t row = 0; row < rows; row++) {
    bl_dataset_sample(expected, dataset, first + row);
    assert_memory_equal(values + row * size, expected, size * sizeof *values);
  }
  bl_free(&values);
  bl_free(&expected);
}

static void assert_same(const char *path, const bl_dataset *dataset, size_t block) {
  bl_sample_file file;
  assert_int_equal(bl_sample_file_open(&file, path), BL_OK);
  assert_int_equal(file.count, dataset->count);
  assert_int_equal(file.channels, dataset->channels);
  assert_int_equal(file.height, dataset->height);
  assert_int_equal(file.width, dataset->width);
  assert_int_equal(file.points, dataset->points != NULL);
  assert_int_equal(file.block, block);
  for (size_t first = 0; first < file.count; first += 64)
    assert_gets(&file, dataset, first, file.count - first < 64 ? file.count - first : 64);
  assert_gets(&file, dataset, 0, file.count);
  assert_gets(&file, dataset, file.count - 1, 1);
  assert_gets(&file, dataset, block - 1 < file.count - 2 ? block - 1 : 0, 2);
  bl_dataset head;
  assert_int_equal(bl_dataset_take(&head, &file, 5), BL_OK);
  assert_int_equal(head.count, 5);
  assert_gets(&file, &head, 0, 5);
  bl_dataset_destroy(&head);
  bl_sample_file_close(&file);
}

static void blocks_hold_what_is_read_whole(void **state) {
  (void)state;
  bl_dataset images, points = {.count = 1000, .channels = 2, .height = 1, .width = 1};
  make_images(&images);
  assert_int_equal(bl_dataset_write(&images, scratch("images.nc"), &provenance), BL_OK);
  assert_same(scratch("images.nc"), &images, BLOCK);
  assert_int_equal(bl_allocate(&points.points, 2000, sizeof(float)), BL_OK);
  for (int i = 0; i < 2000; i++)
    points.points[i] = (float)i / 7.0F - 100.0F;
  assert_int_equal(bl_dataset_write(&points, scratch("points.nc"), &provenance), BL_OK);
  assert_same(scratch("points.nc"), &points, 1000);
  bl_dataset_destroy(&images);
  bl_dataset_destroy(&points);
}

/* As another program may write it: without a checksum; in one piece where \a chunk is 0. Its memory does not grow with \a
 * count. */
static void make_file(const char *path, size_t count, size_t chunk, int format) {
  static uint8_t pixels[64 * SIZE];
  const size_t sizes[4] = {count, CHANNELS, SIDE, SIDE}, chunks[4] = {chunk, CHANNELS, SIDE, SIDE};
  int ncid, dimensions[4], variable;
  assert_int_equal(nc_create(path, format, &ncid), NC_NOERR);
  for (int d = 0; d < 4; d++)
    assert_int_equal(nc_def_dim(ncid, (const char *[]){"sample", "c", "y", "x"}[d], sizes[d], &dimensions[d]), NC_NOERR);
  assert_int_equal(nc_def_var(ncid, "image", NC_UBYTE, 4, dimensions, &variable), NC_NOERR);
  if (chunk > 0) {
    assert_int_equal(nc_def_var_chunking(ncid, variable, NC_CHUNKED, chunks), NC_NOERR);
    assert_int_equal(nc_set_var_chunk_cache(ncid, variable, 0, 1, 0.0F), NC_NOERR);
  }
  assert_int_equal(nc_enddef(ncid), NC_NOERR);
  for (size_t first = 0; first < count; first += 64) {
    const size_t rows = count - first < 64 ? count - first : 64;
    const size_t start[4] = {first}, part[4] = {rows, CHANNELS, SIDE, SIDE};
    fill(pixels, first, rows);
    assert_int_equal(nc_put_vara_uchar(ncid, variable, start, part, pixels), NC_NOERR);
  }
  assert_int_equal(nc_close(ncid), NC_NOERR);
}

static void files_of_other_programs_are_read(void **state) {
  (void)state;
  bl_dataset images;
  make_images(&images);
  make_file(scratch("one.nc"), images.count, 1, NC_NETCDF4);
  assert_same(scratch("one.nc"), &images, BLOCK);
  make_file(scratch("odd.nc"), images.count, 100, NC_NETCDF4);
  assert_same(scratch("odd.nc"), &images, BLOCK / 100 * 100);
  make_file(scratch("large.nc"), images.count, BLOCK + 1, NC_NETCDF4);
  assert_same(scratch("large.nc"), &images, BLOCK + 1);
  make_file(scratch("plain.nc"), images.count, 0, NC_64BIT_DATA);
  assert_same(scratch("plain.nc"), &images, BLOCK);
  bl_dataset_destroy(&images);
}

static void refuse(const char *name, const char *reason) {
  bl_sample_file file;
  assert_int_equal(bl_sample_file_open(&file, scratch(name)), BL_ERROR_INPUT);
  assert_true(message_has(reason));
  assert_null(file.path);
  bl_sample_file_close(&file);
}

static void foreign_and_cut_files_are_refused(void **state) {
  (void)state;
  bl_dataset images;
  uint8_t *bytes;
  refuse("missing.nc", "No such file");
  write_bytes(scratch("text.nc"), "hello, world", 12);
  refuse("text.nc", "not a netCDF file");
  make_images(&images);
  assert_int_equal(bl_dataset_write(&images, scratch("whole.nc"), &provenance), BL_OK);
  const size_t size = read_bytes(&bytes, scratch("whole.nc"));
  write_bytes(scratch("cut.nc"), bytes, size - 1);
  refuse("cut.nc", "cut.nc");
  write_bytes(scratch("half.nc"), bytes, size / 2);
  refuse("half.nc", "half.nc");
  bytes[size / 2] ^= 4;
  write_bytes(scratch("changed.nc"), bytes, size);
  refuse("changed.nc", "damaged");
  free(bytes);
  bl_dataset_destroy(&images);
}

/* What is damaged after the file was opened. */
static void samples_that_cannot_be_read_are_an_error(void **state) {
  (void)state;
  static float values[SIZE];
  uint8_t *bytes;
  bl_sample_file file;
  bl_dataset images;
  make_images(&images);
  assert_int_equal(bl_dataset_write(&images, scratch("whole.nc"), &provenance), BL_OK);
  assert_int_equal(bl_sample_file_open(&file, scratch("whole.nc")), BL_OK);
  assert_int_equal(bl_sample_file_get(values, &file, 0, 1), BL_OK);
  const size_t size = read_bytes(&bytes, scratch("whole.nc"));
  memset(bytes + size / 8, 0, size / 2);
  write_bytes(scratch("whole.nc"), bytes, size);
  assert_int_equal(bl_sample_file_get(values, &file, BLOCK, 1), BL_ERROR_INPUT);
  assert_true(message_has("whole.nc: variable image is damaged"));
  bl_sample_file_close(&file);
  free(bytes);
  bl_dataset_destroy(&images);
}

static long peak_kibibytes(void) {
  struct rusage usage;
  assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
  return usage.ru_maxrss;
}

/* Read all samples in micro-batches. */
static void pass_over(const char *path) {
  static float values[64 * SIZE];
  bl_sample_file file;
  assert_int_equal(bl_sample_file_open(&file, path), BL_OK);
  for (size_t first = 0; first < file.count; first += 64)
    assert_int_equal(bl_sample_file_get(values, &file, first, file.count - first < 64 ? file.count - first : 64), BL_OK);
  bl_sample_file_close(&file);
}

/* 60 MB of samples against 3. */
static void memory_does_not_grow_with_the_samples(void **state) {
  (void)state;
  make_file(scratch("few.nc"), 1000, BLOCK, NC_NETCDF4);
  make_file(scratch("many.nc"), 20000, BLOCK, NC_NETCDF4);
  pass_over(scratch("few.nc"));
  const long before = peak_kibibytes();
  pass_over(scratch("many.nc"));
  const long grown = peak_kibibytes() - before;
  if (grown > 4096)
    fail_msg("reading 20 times as many samples took %ld KiB more", grown);
}

/* At the first reading, with the number of the sample. */
static void points_that_are_not_finite_are_refused(void **state) {
  (void)state;
  enum { COUNT = 9 };
  float values[2 * COUNT], read[2 * COUNT];
  bl_dataset found, points = {.count = COUNT, .channels = 2, .height = 1, .width = 1, .points = values};
  bl_sample_file file;
  for (int i = 0; i < 2 * COUNT; i++)
    values[i] = (float)i;
  values[2 * 7 + 1] = NAN;
  assert_int_equal(bl_dataset_write(&points, scratch("nan.nc"), &provenance), BL_OK);
  assert_int_equal(bl_dataset_read(&found, scratch("nan.nc")), BL_ERROR_INPUT);
  assert_true(message_has("sample 7: coordinate 1 is"));
  assert_int_equal(bl_sample_file_open(&file, scratch("nan.nc")), BL_OK);
  assert_int_equal(bl_sample_file_get(read, &file, 0, COUNT), BL_ERROR_INPUT);
  assert_true(message_has("sample 7: coordinate 1 is"));
  bl_sample_file_close(&file);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(memory_does_not_grow_with_the_samples), /* first: a peak never falls */
      cmocka_unit_test(blocks_hold_what_is_read_whole),         cmocka_unit_test(files_of_other_programs_are_read),
      cmocka_unit_test(foreign_and_cut_files_are_refused),      cmocka_unit_test(samples_that_cannot_be_read_are_an_error),
      cmocka_unit_test(points_that_are_not_finite_are_refused),
  };
  const int failed = cmocka_run_group_tests(tests, scratch_create, scratch_remove);
  MPI_Finalize();
  return failed;
}
