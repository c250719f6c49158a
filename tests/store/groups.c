/* Groups in circles, which netCDF would follow for ever, are refused before it opens the file, with the name of the link.
 */
#define H5_USE_18_API
#include "store/groups.h"

#include "base/memory.h"
#include "store/container.h"
#include "store/dataset.h"
#include "store/files.h"
#include "support/cmocka.h"

#include <hdf5.h>
#include <netcdf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CIRCLES = 7, PATIENCE = 30, DEEP = 40, MANY = 5000 };

static hid_t make(const char *path) {
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(file >= 0);
  return file;
}

static void add_group(hid_t file, const char *name) {
  const hid_t group = H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(group >= 0);
  H5Gclose(group);
}

static void link_to(hid_t file, const char *target, const char *name) {
  assert_true(H5Lcreate_hard(file, target, file, name, H5P_DEFAULT, H5P_DEFAULT) >= 0);
}

/* The number of links that an object says it has, made one. */
static void forget_links(hid_t file, const char *name) {
  const hid_t object = H5Oopen(file, name, H5P_DEFAULT);
  assert_true(H5Odecr_refcount(object) >= 0);
  H5Oclose(object);
}

static const char *make_circle(hid_t file, int kind) {
  add_group(file, "a");
  add_group(file, "a/b");
  switch (kind) {
    case 0:
      link_to(file, "/", "a/b/root");
      return "/a/b/root";
    case 1:
      link_to(file, "a", "a/b/above");
      return "/a/b/above";
    case 2:
      link_to(file, "a", "a/itself");
      return "/a/itself";
    case 3: /* no circle, but 2^n ways where n groups do so */
      link_to(file, "a/b", "a/twice");
      return "/a/twice";
    case 4:
      assert_true(H5Lcreate_soft("/a", file, "a/b/soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
      return "/a/b/soft";
    case 5:
      assert_true(H5Lcreate_external("circle.h5", "/", file, "a/other", H5P_DEFAULT, H5P_DEFAULT) >= 0);
      return "/a/other";
    default:
      link_to(file, "a", "a/b/forged");
      forget_links(file, "a");
      return "/a/b/forged";
  }
}

static void circles_are_refused_with_file_and_link(void **state) {
  (void)state;
  const char *path = scratch("circle.h5");
  for (int kind = 0; kind < CIRCLES; kind++) {
    int ncid;
    const hid_t file = make(path);
    const char *name = make_circle(file, kind);
    H5Fclose(file);
    alarm(PATIENCE);
    assert_int_equal(bl_container_open(&ncid, path), BL_ERROR_INPUT);
    alarm(0);
    assert_int_equal(ncid, -1);
    assert_non_null(strstr(bl_status_message(), "circle.h5"));
    assert_true(message_has(name));
  }
}

static void deep_and_many_groups_are_refused(void **state) {
  (void)state;
  char name[3 * DEEP] = "";
  hid_t file = make(scratch("deep.h5"));
  for (int i = 0; i < DEEP; i++) {
    strcat(name, i > 0 ? "/g" : "g");
    add_group(file, name);
  }
  H5Fclose(file);
  assert_int_equal(bl_groups_check(scratch("deep.h5")), BL_ERROR_INPUT);
  assert_true(message_has("at most 32 levels"));
  file = make(scratch("many.h5"));
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, "g%d", i);
    add_group(file, name);
  }
  H5Fclose(file);
  assert_int_equal(bl_groups_check(scratch("many.h5")), BL_ERROR_INPUT);
  assert_true(message_has("at most 4096 groups"));
}

/* Of other programs: types of their own, which variables share, links to a variable, links to nothing. */
static void other_links_are_left_to_netcdf(void **state) {
  (void)state;
  int ncid, group, type, dimension, variable;
  assert_int_equal(nc_create(scratch("foreign.nc"), NC_NETCDF4, &ncid), NC_NOERR);
  assert_int_equal(nc_def_grp(ncid, "g", &group), NC_NOERR);
  assert_int_equal(nc_def_enum(ncid, NC_INT, "kind", &type), NC_NOERR);
  assert_int_equal(nc_insert_enum(ncid, type, "one", &(int){1}), NC_NOERR);
  assert_int_equal(nc_def_dim(ncid, "x", 2, &dimension), NC_NOERR);
  assert_int_equal(nc_def_var(ncid, "u", type, 1, &dimension, &variable), NC_NOERR);
  assert_int_equal(nc_def_var(group, "v", type, 1, &dimension, &variable), NC_NOERR);
  assert_int_equal(nc_close(ncid), NC_NOERR);
  assert_int_equal(bl_container_open(&ncid, scratch("foreign.nc")), BL_OK);
  nc_close(ncid);
  const hid_t file = H5Fopen(scratch("foreign.nc"), H5F_ACC_RDWR, H5P_DEFAULT);
  assert_true(H5Lcreate_soft("/nowhere", file, "g/broken", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  assert_true(H5Lcreate_soft("/u", file, "g/soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  H5Fclose(file);
  assert_int_equal(bl_groups_check(scratch("foreign.nc")), BL_OK);
}

/* A file that this process has open already, and one of no meaning. */
static void what_is_open_passes(void **state) {
  (void)state;
  int first, second;
  uint8_t pixels[4] = {0};
  const bl_dataset written = {.count = 4, .channels = 1, .height = 1, .width = 1, .classes = 1, .pixels = pixels};
  const bl_provenance provenance = {.title = "test", .seed = 1, .ranks = 1};
  assert_int_equal(bl_dataset_write(&written, scratch("open.nc"), &provenance), BL_OK);
  assert_int_equal(bl_container_open(&first, scratch("open.nc")), BL_OK);
  assert_int_equal(bl_container_open(&second, scratch("open.nc")), BL_OK);
  nc_close(second);
  nc_close(first);
  write_bytes(scratch("noise.nc"), "\211HDF\r\n\032\nnoise", 13);
  assert_int_equal(bl_groups_check(scratch("noise.nc")), BL_OK);
  assert_int_equal(bl_container_open(&first, scratch("noise.nc")), BL_ERROR_INPUT);
  assert_true(message_has("damaged or cut off"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(circles_are_refused_with_file_and_link),
      cmocka_unit_test(deep_and_many_groups_are_refused),
      cmocka_unit_test(other_links_are_left_to_netcdf),
      cmocka_unit_test(what_is_open_passes),
  };
  return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
