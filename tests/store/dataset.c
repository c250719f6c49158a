#include "store/dataset.h"

#include "base/memory.h"
#include "store/files.h"
#include "support/cmocka.h"

#include <mpi.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const bl_provenance provenance = {.title = "test", .command = "test", .digest = "0", .seed = 1, .ranks = 1};

static void make_images(bl_dataset *dataset) {
  *dataset = (bl_dataset){.count = 70, .channels = 3, .height = 5, .width = 4, .classes = 4};
  assert_int_equal(bl_allocate(&dataset->pixels, 70 * 60, 1), BL_OK);
  assert_int_equal(bl_allocate(&dataset->labels, 70, sizeof(int32_t)), BL_OK);
  assert_int_equal(bl_allocate(&dataset->class_names, 4, BL_DATASET_NAME), BL_OK);
  for (int i = 0; i < 70 * 60; i++)
    dataset->pixels[i] = (uint8_t)(i * 37 % 256);
  for (int i = 0; i < 70; i++)
    dataset->labels[i] = i % 3;
  for (int c = 0; c < 4; c++)
    snprintf(dataset->class_names[c], BL_DATASET_NAME, "class %d", c);
}

static void assert_same(const bl_dataset *a, const bl_dataset *b) {
  assert_int_equal(a->count, b->count);
  assert_int_equal(a->channels, b->channels);
  assert_int_equal(a->height, b->height);
  assert_int_equal(a->width, b->width);
  assert_int_equal(a->classes, b->classes);
  const size_t elements = a->count * bl_dataset_sample_size(a);
  if (a->pixels != NULL)
    assert_memory_equal(a->pixels, b->pixels, elements);
  else
    assert_memory_equal(a->points, b->points, elements * sizeof(float));
  if (a->labels != NULL)
    assert_memory_equal(a->labels, b->labels, a->count * sizeof(int32_t));
  else
    assert_null(b->labels);
  if (a->class_names != NULL)
    assert_memory_equal(a->class_names, b->class_names, (size_t)a->classes * BL_DATASET_NAME);
  else
    assert_null(b->class_names);
}

static void images_come_back_as_written(void **state) {
  (void)state;
  bl_dataset written, read;
  make_images(&written);
  assert_int_equal(bl_dataset_write(&written, scratch("images.nc"), &provenance), BL_OK);
  assert_int_equal(bl_dataset_read(&read, scratch("images.nc")), BL_OK);
  assert_same(&written, &read);
  bl_dataset_destroy(&read);
  bl_dataset_destroy(&written);
}

static void points_come_back_as_written(void **state) {
  (void)state;
  bl_dataset written = {.count = 1000, .channels = 2, .height = 1, .width = 1}, read;
  assert_int_equal(bl_allocate(&written.points, 2000, sizeof(float)), BL_OK);
  for (int i = 0; i < 2000; i++)
    written.points[i] = (float)i / 7.0F - 100.0F;
  assert_int_equal(bl_dataset_write(&written, scratch("points.nc"), &provenance), BL_OK);
  assert_int_equal(bl_dataset_read(&read, scratch("points.nc")), BL_OK);
  assert_same(&written, &read);
  float values[2];
  bl_dataset_sample(values, &read, 3);
  assert_memory_equal(values, written.points + 6, sizeof values);
  bl_dataset_destroy(&read);
  bl_dataset_destroy(&written);
}

static void every_variable_has_units_and_a_long_name(void **state) {
  (void)state;
  bl_dataset dataset;
  int ncid, count;
  size_t length;
  make_images(&dataset);
  assert_int_equal(bl_dataset_write(&dataset, scratch("units.nc"), &provenance), BL_OK);
  assert_int_equal(nc_open(scratch("units.nc"), NC_NOWRITE, &ncid), NC_NOERR);
  assert_int_equal(nc_inq_nvars(ncid, &count), NC_NOERR);
  assert_int_equal(count, 3);
  for (int variable = 0; variable < count; variable++) {
    assert_int_equal(nc_inq_attlen(ncid, variable, "units", &length), NC_NOERR);
    assert_int_equal(nc_inq_attlen(ncid, variable, "long_name", &length), NC_NOERR);
  }
  const char *const attributes[] = {"Conventions", "title", "source", "history", "digest", "seed", "ranks", "libraries"};
  for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
    assert_int_equal(nc_inq_attlen(ncid, NC_GLOBAL, attributes[i], &length), NC_NOERR);
  nc_close(ncid);
  bl_dataset_destroy(&dataset);
}

static void quantising_inverts_what_the_network_sees(void **state) {
  (void)state;
  bl_dataset dataset = {.count = 1, .channels = 1, .height = 16, .width = 16};
  uint8_t pixels[256], back[256];
  float values[256];
  for (int i = 0; i < 256; i++)
    pixels[i] = (uint8_t)i;
  dataset.pixels = pixels;
  bl_dataset_sample(values, &dataset, 0);
  assert_true(values[0] == -1.0F && values[255] == 1.0F);
  bl_dataset_quantise(back, values, 256);
  assert_memory_equal(pixels, back, 256);
  const float strange[6] = {-1e30F, 1e30F, -1.5F, 1.01F, (float)(0.0 / 1.0), 0.0F / 0.0F};
  bl_dataset_quantise(back, strange, 6);
  const uint8_t expected[6] = {0, 255, 0, 255, 128, 0};
  assert_memory_equal(back, expected, 6);
}

static void damage_is_noticed(void **state) {
  (void)state;
  bl_dataset dataset, read;
  uint8_t *bytes;
  make_images(&dataset);
  assert_int_equal(bl_dataset_write(&dataset, scratch("whole.nc"), &provenance), BL_OK);
  const size_t size = read_bytes(&bytes, scratch("whole.nc"));
  for (size_t i = 0; i < size; i += i + 30 < size ? 101 : 1) {
    bytes[i] ^= (uint8_t)(1 << i % 8);
    write_bytes(scratch("damaged.nc"), bytes, size);
    bytes[i] ^= (uint8_t)(1 << i % 8);
    assert_int_equal(bl_dataset_read(&read, scratch("damaged.nc")), BL_ERROR_INPUT);
    assert_true(message_has("damaged.nc"));
    assert_null(read.pixels);
  }
  for (size_t length = 0; length < size; length += length + 60 < size ? 101 : 1) {
    write_bytes(scratch("short.nc"), bytes, length);
    if (bl_dataset_read(&read, scratch("short.nc")) != BL_ERROR_INPUT)
      fail_msg("a cut at byte %zu of %zu was not noticed", length, size);
    assert_true(message_has("short.nc"));
  }
  free(bytes);
  bl_dataset_destroy(&dataset);
}

/* A netCDF file made by hand. */
static void make_file(const char *path, const char *name, int type, int rank, const size_t *sizes) {
  int ncid, dimensions[4], variable;
  char dimension[8];
  assert_int_equal(nc_create(path, NC_NETCDF4, &ncid), NC_NOERR);
  for (int d = 0; d < rank; d++) {
    snprintf(dimension, sizeof dimension, "d%d", d);
    assert_int_equal(nc_def_dim(ncid, dimension, sizes[d], &dimensions[d]), NC_NOERR);
  }
  assert_int_equal(nc_def_var(ncid, name, type, rank, dimensions, &variable), NC_NOERR);
  const size_t chunk[4] = {1, 1, 1, 1};
  assert_int_equal(nc_def_var_chunking(ncid, variable, NC_CHUNKED, chunk), NC_NOERR);
  assert_int_equal(nc_close(ncid), NC_NOERR);
}

static void refuse(const char *name, const char *reason) {
  bl_dataset dataset;
  assert_int_equal(bl_dataset_read(&dataset, scratch(name)), BL_ERROR_INPUT);
  assert_true(message_has(reason));
  assert_null(dataset.pixels);
}

static void lying_headers_are_refused(void **state) {
  (void)state;
  const size_t peak = bl_memory_peak();
  make_file(scratch("huge.nc"), "image", NC_UBYTE, 4, (size_t[]){(size_t)1 << 40, 3, 32, 32});
  refuse("huge.nc", "cannot hold");
  make_file(scratch("wide.nc"), "image", NC_UBYTE, 4, (size_t[]){1, 3, (size_t)1 << 33, 32});
  refuse("wide.nc", "at most");
  make_file(scratch("point.nc"), "point", NC_FLOAT, 2, (size_t[]){(size_t)1 << 36, 2});
  refuse("point.nc", "cannot hold");
  make_file(scratch("rank.nc"), "image", NC_UBYTE, 3, (size_t[]){1, 8, 8});
  refuse("rank.nc", "3 dimensions");
  make_file(scratch("type.nc"), "image", NC_SHORT, 4, (size_t[]){1, 1, 8, 8});
  refuse("type.nc", "short");
  make_file(scratch("other.nc"), "temperature", NC_FLOAT, 2, (size_t[]){4, 4});
  refuse("other.nc", "no data set");
  assert_true(bl_memory_peak() - peak < (size_t)100 << 20);
}

/* Other programs may change a file, if they say so. */
static void a_changed_file_needs_a_word(void **state) {
  (void)state;
  bl_dataset dataset, read;
  int ncid;
  make_images(&dataset);
  assert_int_equal(bl_dataset_write(&dataset, scratch("changed.nc"), &provenance), BL_OK);
  assert_int_equal(nc_open(scratch("changed.nc"), NC_WRITE, &ncid), NC_NOERR);
  assert_int_equal(nc_put_att_text(ncid, NC_GLOBAL, "comment", 5, "hello"), NC_NOERR);
  assert_int_equal(nc_close(ncid), NC_NOERR);
  refuse("changed.nc", "ncatted");
  assert_int_equal(nc_open(scratch("changed.nc"), NC_WRITE, &ncid), NC_NOERR);
  assert_int_equal(nc_del_att(ncid, NC_GLOBAL, "seal"), NC_NOERR);
  assert_int_equal(nc_close(ncid), NC_NOERR);
  assert_int_equal(bl_dataset_read(&read, scratch("changed.nc")), BL_OK);
  assert_same(&dataset, &read);
  bl_dataset_destroy(&read);
  bl_dataset_destroy(&dataset);
}

static void foreign_files_are_refused(void **state) {
  (void)state;
  refuse("missing.nc", "No such file");
  write_bytes(scratch("empty.nc"), "", 0);
  refuse("empty.nc", "empty");
  write_bytes(scratch("text.nc"), "hello, world", 12);
  refuse("text.nc", "not a netCDF file");
  write_bytes(scratch("magic.nc"), "\211HDF\r\n\032\n", 8);
  refuse("magic.nc", "damaged or cut off");
  refuse("", "folder");
}

static void all_ranks_read_the_same(void **state) {
  (void)state;
  bl_dataset written, read;
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  char path[512];
  snprintf(path, sizeof path, "%s", scratch("shared.nc"));
  MPI_Bcast(path, sizeof path, MPI_CHAR, 0, MPI_COMM_WORLD);
  make_images(&written);
  if (rank == 0)
    assert_int_equal(bl_dataset_write(&written, path, &provenance), BL_OK);
  assert_int_equal(bl_dataset_read_shared(&read, path, MPI_COMM_WORLD), BL_OK);
  assert_same(&written, &read);
  bl_dataset_destroy(&read);
  bl_dataset_destroy(&written);
  assert_int_equal(bl_dataset_read_shared(&read, "no/such/file.nc", MPI_COMM_WORLD), BL_ERROR_INPUT);
  assert_true(message_has("no/such/file.nc"));
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(images_come_back_as_written),
      cmocka_unit_test(points_come_back_as_written),
      cmocka_unit_test(every_variable_has_units_and_a_long_name),
      cmocka_unit_test(quantising_inverts_what_the_network_sees),
      cmocka_unit_test(damage_is_noticed),
      cmocka_unit_test(lying_headers_are_refused),
      cmocka_unit_test(a_changed_file_needs_a_word),
      cmocka_unit_test(foreign_files_are_refused),
      cmocka_unit_test(all_ranks_read_the_same),
  };
  const int failed = cmocka_run_group_tests(tests, scratch_create, scratch_remove);
  MPI_Finalize();
  return failed;
}
