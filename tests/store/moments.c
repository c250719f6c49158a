#include "store/moments.h"

#include "base/memory.h"
#include "store/dataset.h"
#include "store/files.h"
#include "support/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 7 };

static void write_one(const char *path, double gamma_of_step_3) {
  bl_moments moments;
  assert_int_equal(bl_moments_create(&moments, STEPS), BL_OK);
  moments.count = 12345;
  for (int i = 0; i < STEPS; i++) {
    moments.gamma[i] = i == 2 ? gamma_of_step_3 : 1.0 / (i + 3);
    moments.error[i] = 1e-3 * i;
    moments.alpha_bar[i] = 1.0 - 0.1 * (i + 1);
  }
  assert_int_equal(bl_moments_write(&moments, path, NULL), BL_OK);
  bl_moments_destroy(&moments);
}

static void what_is_written_is_read(void **state) {
  (void)state;
  bl_moments moments;
  write_one(scratch("a/moments.nc"), 0.2);
  assert_int_equal(bl_moments_read(&moments, scratch("a/moments.nc")), BL_OK);
  assert_int_equal(moments.steps, STEPS);
  assert_int_equal(moments.count, 12345);
  for (int i = 0; i < STEPS; i++) {
    assert_near(moments.gamma[i], i == 2 ? 0.2 : 1.0 / (i + 3), 0.0);
    assert_near(moments.error[i], 1e-3 * i, 0.0);
    assert_near(moments.alpha_bar[i], 1.0 - 0.1 * (i + 1), 0.0);
  }
  bl_moments_destroy(&moments);
}

static void other_files_are_refused(void **state) {
  (void)state;
  bl_moments moments;
  bl_dataset points = {.count = 2, .channels = 2, .height = 1, .width = 1};
  uint8_t *bytes;
  assert_int_equal(bl_moments_read(&moments, scratch("missing.nc")), BL_ERROR_INPUT);
  assert_true(message_has("missing.nc"));
  assert_int_equal(bl_allocate(&points.points, 4, sizeof *points.points), BL_OK);
  assert_int_equal(bl_dataset_write(&points, scratch("points.nc"), NULL), BL_OK);
  bl_dataset_destroy(&points);
  assert_int_equal(bl_moments_read(&moments, scratch("points.nc")), BL_ERROR_INPUT);
  assert_true(message_has("expected moments, made by beeline moments"));
  write_one(scratch("nan.nc"), NAN);
  assert_int_equal(bl_moments_read(&moments, scratch("nan.nc")), BL_ERROR_INPUT);
  assert_true(message_has("variable gamma: step 3 is nan"));
  write_one(scratch("negative.nc"), -1.0);
  assert_int_equal(bl_moments_read(&moments, scratch("negative.nc")), BL_ERROR_INPUT);
  assert_true(message_has("step 3 is -1"));
  write_one(scratch("damaged.nc"), 0.2);
  const size_t size = read_bytes(&bytes, scratch("damaged.nc"));
  bytes[size / 2] ^= 4;
  write_bytes(scratch("damaged.nc"), bytes, size);
  assert_int_equal(bl_moments_read(&moments, scratch("damaged.nc")), BL_ERROR_INPUT);
  assert_true(message_has("damaged.nc"));
  write_bytes(scratch("damaged.nc"), bytes, size - 40);
  assert_int_equal(bl_moments_read(&moments, scratch("damaged.nc")), BL_ERROR_INPUT);
  assert_true(message_has("damaged.nc"));
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read),
      cmocka_unit_test(other_files_are_refused),
  };
  return cmocka_run_group_tests_name("moments", tests, scratch_create, scratch_remove);
}
