/* Files whose checksums fit although what they declare is false: netCDF fills whatever a variable or attribute declares, so
 * every reader must ask before it hands over memory. Found by reading and by tests/fuzz. */
#include "base/log.h"
#include "base/memory.h"
#include "store/container.h"
#include "store/dataset.h"
#include "store/files.h"
#include "store/model.h"
#include "store/moments.h"
#include "store/picture.h"
#include "store/record.h"
#include "support/cmocka.h"

#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const bl_provenance provenance = {.title = "test", .seed = 1, .ranks = 1};

/* Open a file to change what it says; without its checksum, as another program would leave it. */
static int begin(const char *path) {
  int ncid;
  assert_int_equal(nc_open(path, NC_WRITE, &ncid), NC_NOERR);
  nc_redef(ncid);
  nc_del_att(ncid, NC_GLOBAL, "seal");
  return ncid;
}

/* Another variable of that name. */
static void replace(int ncid, const char *name, nc_type type, int rank, size_t length) {
  int old, made, dimensions[2] = {0, 0};
  char dimension[32];
  assert_int_equal(nc_inq_varid(ncid, name, &old), NC_NOERR);
  assert_int_equal(nc_rename_var(ncid, old, "aside"), NC_NOERR);
  snprintf(dimension, sizeof dimension, "length_of_%s", name);
  if (length > 0)
    assert_int_equal(nc_def_dim(ncid, dimension, length, &dimensions[1]), NC_NOERR);
  assert_int_equal(nc_def_var(ncid, name, type, rank, dimensions + (rank == 1 && length > 0), &made), NC_NOERR);
}

static void an_attribute_longer_than_its_place_is_not_taken(void **state) {
  (void)state;
  uint8_t pixels[4] = {0};
  int32_t labels[4] = {0, 1, 0, 1};
  const int many[4096] = {7};
  const bl_dataset written = {
      .count = 4, .channels = 1, .height = 1, .width = 1, .classes = 2, .pixels = pixels, .labels = labels};
  bl_dataset read;
  int variable;
  assert_int_equal(bl_dataset_write(&written, scratch("classes.nc"), &provenance), BL_OK);
  const int ncid = begin(scratch("classes.nc"));
  assert_int_equal(nc_inq_varid(ncid, "label", &variable), NC_NOERR);
  assert_int_equal(nc_put_att_int(ncid, variable, "classes", NC_INT, 4096, many), NC_NOERR);
  nc_close(ncid);
  assert_int_equal(bl_dataset_read(&read, scratch("classes.nc")), BL_ERROR_INPUT);
  assert_true(message_has("classes"));
}

static void names_of_classes_need_room_in_the_file(void **state) {
  (void)state;
  uint8_t pixels[1] = {0};
  int32_t labels[1] = {0};
  const int classes = 1 << 20;
  const bl_dataset written = {
      .count = 1, .channels = 1, .height = 1, .width = 1, .classes = 1, .pixels = pixels, .labels = labels};
  bl_dataset read;
  int variable, dimensions[2];
  assert_int_equal(bl_dataset_write(&written, scratch("names.nc"), &provenance), BL_OK);
  const int ncid = begin(scratch("names.nc"));
  assert_int_equal(nc_inq_varid(ncid, "label", &variable), NC_NOERR);
  assert_int_equal(nc_put_att_int(ncid, variable, "classes", NC_INT, 1, &classes), NC_NOERR);
  assert_int_equal(nc_def_dim(ncid, "class", (size_t)classes, &dimensions[0]), NC_NOERR);
  assert_int_equal(nc_def_dim(ncid, "letter", 64, &dimensions[1]), NC_NOERR);
  assert_int_equal(nc_def_var(ncid, "label_name", NC_CHAR, 2, dimensions, &variable), NC_NOERR);
  const size_t chunk[2] = {1024, 64};
  assert_int_equal(nc_def_var_chunking(ncid, variable, NC_CHUNKED, chunk), NC_NOERR);
  nc_close(ncid);
  assert_int_equal(bl_dataset_read(&read, scratch("names.nc")), BL_ERROR_INPUT);
  assert_true(message_has("cannot hold them"));
}

static const bl_record_column columns[1] = {{"loss", "1", "loss"}};

/* A record of three rows in which a column is another one; a resume puts it aside. */
static void resume_with(const char *name, nc_type type, int rank) {
  bl_record *record;
  struct stat what;
  const double value = 1;
  char aside[64];
  assert_int_equal(bl_record_open(&record, scratch("record.nc"), columns, 1, 0, 10, &provenance), BL_OK);
  for (int round = 0; round < 3; round++)
    assert_int_equal(bl_record_append(record, round, &value), BL_OK);
  assert_int_equal(bl_record_close(&record), BL_OK);
  const int ncid = begin(scratch("record.nc"));
  replace(ncid, name, type, rank, rank > 1 ? 4096 : 0);
  nc_close(ncid);
  bl_log_speak(false);
  assert_int_equal(bl_record_open(&record, scratch("record.nc"), columns, 1, 3, 10, &provenance), BL_OK);
  bl_log_speak(true);
  assert_int_equal(bl_record_close(&record), BL_OK);
  snprintf(aside, sizeof aside, "record.nc.damaged");
  assert_int_equal(stat(scratch(aside), &what), 0);
  assert_int_equal(remove(scratch(aside)), 0);
}

static void columns_of_other_dimensions_are_put_aside(void **state) {
  (void)state;
  resume_with("round", NC_INT, 2);
  resume_with("round", NC_INT, 0);
  resume_with("loss", NC_DOUBLE, 2);
  resume_with("loss", NC_CHAR, 1);
}

static void a_count_is_one_number(void **state) {
  (void)state;
  bl_moments moments;
  assert_int_equal(bl_moments_create(&moments, 4), BL_OK);
  assert_int_equal(bl_moments_write(&moments, scratch("moments.nc"), &provenance), BL_OK);
  bl_moments_destroy(&moments);
  const int ncid = begin(scratch("moments.nc"));
  replace(ncid, "count", NC_INT64, 1, 4096);
  nc_close(ncid);
  assert_int_equal(bl_moments_read(&moments, scratch("moments.nc")), BL_ERROR_INPUT);
  assert_true(message_has("variable count: found 1 dimensions, expected 0"));
}

/* The header of a picture of 16384 x 4096 pixels, and nothing more. */
static void a_jpeg_cannot_announce_more_than_its_bytes_hold(void **state) {
  (void)state;
  static const uint8_t bytes[] = {0xff, 0xd8, 0xff, 0xc0, 0, 11,   8, 0x10, 0, 0x40, 0, 1, 1, 0x11,
                                  0,    0xff, 0xda, 0,    8, 0x01, 1, 0,    0, 63,   0, 0, 0, 0};
  bl_picture picture;
  write_bytes(scratch("lie.jpg"), bytes, sizeof bytes);
  assert_int_equal(bl_picture_read(&picture, scratch("lie.jpg")), BL_ERROR_INPUT);
  assert_true(message_has("can hold"));
}

/* One row of a model's header that asks for more weights than the file has. */
static void a_model_cannot_announce_more_weights_than_its_bytes_hold(void **state) {
  (void)state;
  const int widths[2] = {65536, 65536};
  bl_model_header header = {
      .shape = {
          .kind = BL_NETWORK_MLP, .channels = 2, .height = 1, .width = 1, .width_count = 2, .widths = {4, 4}, .steps = 3}};
  assert_int_equal(bl_model_write(scratch("model.nc"), &header, NULL, 0, &provenance), BL_OK);
  assert_int_equal(bl_model_read_header(&header, scratch("model.nc")), BL_OK);
  const int ncid = begin(scratch("model.nc"));
  assert_int_equal(nc_put_att_int(ncid, NC_GLOBAL, "network_widths", NC_INT, 2, widths), NC_NOERR);
  nc_close(ncid);
  assert_int_equal(bl_model_read_header(&header, scratch("model.nc")), BL_ERROR_INPUT);
  assert_true(message_has("cannot hold them"));
}

/* A record whose header is changed byte by byte is read or refused, whatever it says; netCDF would take what it says. */
static void a_classic_header_is_checked_before_netcdf_believes_it(void **state) {
  (void)state;
  bl_record *record;
  uint8_t *bytes;
  int ncid, refused = 0;
  assert_int_equal(bl_record_open(&record, scratch("record.nc"), columns, 1, 0, 10, &provenance), BL_OK);
  assert_int_equal(bl_record_close(&record), BL_OK);
  const size_t size = read_bytes(&bytes, scratch("record.nc"));
  for (size_t i = 4; i < size; i++) {
    const uint8_t kept = bytes[i];
    bytes[i] = 0x7f;
    write_bytes(scratch("changed.nc"), bytes, size);
    if (bl_container_open(&ncid, scratch("changed.nc")) == BL_OK)
      nc_close(ncid);
    else
      refused++;
    bl_status_clear();
    bytes[i] = kept;
  }
  free(bytes);
  assert_true(refused > 100);
}

static void a_terminal_does_not_obey_a_message(void **state) {
  (void)state;
  assert_int_equal(bl_fail(BL_ERROR_INPUT, "%s", "a\033[2Jb\177"), BL_ERROR_INPUT);
  assert_string_equal(bl_status_message(), "a\\x1b[2Jb\\x7f");
  bl_status_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_attribute_longer_than_its_place_is_not_taken),
      cmocka_unit_test(names_of_classes_need_room_in_the_file),
      cmocka_unit_test(columns_of_other_dimensions_are_put_aside),
      cmocka_unit_test(a_count_is_one_number),
      cmocka_unit_test(a_jpeg_cannot_announce_more_than_its_bytes_hold),
      cmocka_unit_test(a_model_cannot_announce_more_weights_than_its_bytes_hold),
      cmocka_unit_test(a_classic_header_is_checked_before_netcdf_believes_it),
      cmocka_unit_test(a_terminal_does_not_obey_a_message),
  };
  return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
