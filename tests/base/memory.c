#include "base/memory.h"

#include "support/cmocka.h"

#include <stdint.h>
#include <string.h>

static void test_blocks_are_zero_aligned_and_counted(void **state) {
  (void)state;
  double *blocks[20] = {NULL};
  for (size_t i = 0; i < 20; i++) {
    assert_int_equal(bl_allocate(&blocks[i], i * i, sizeof **blocks), BL_OK);
    assert_non_null(blocks[i]);
    assert_int_equal((uintptr_t)blocks[i] % 64, 0);
    for (size_t j = 0; j < i * i; j++)
      assert_true(blocks[i][j] == 0.0);
    if (i > 0)
      memset(blocks[i], 0xff, i * i * sizeof **blocks);
    assert_int_equal(bl_memory_balance(), (long)i + 1);
  }
  for (int i = 0; i < 20; i++) {
    bl_free(&blocks[i]);
    assert_null(blocks[i]);
    bl_free(&blocks[i]);
  }
  assert_int_equal(bl_memory_balance(), 0);
}

static void test_overflow_is_refused(void **state) {
  (void)state;
  char *block = (char *)1;
  bl_status_clear();
  assert_int_equal(bl_allocate(&block, SIZE_MAX / 4, 8), BL_ERROR_SYSTEM);
  assert_null(block);
  assert_non_null(strstr(bl_status_message(), "cannot allocate"));
  bl_status_clear();
  assert_int_equal(bl_allocate(&block, SIZE_MAX / 16, 8), BL_ERROR_SYSTEM);
  assert_null(block);
  assert_non_null(strstr(bl_status_message(), "MiB"));
  bl_status_clear();
  assert_int_equal(bl_allocate(&block, (size_t)1 << 46, 1), BL_ERROR_SYSTEM); /* promised by a system that overcommits */
  assert_null(block);
  bl_status_clear();
  assert_int_equal(bl_memory_balance(), 0);
}

static void test_peak_grows(void **state) {
  (void)state;
  const size_t before = bl_memory_peak(), bytes = (size_t)64 << 20;
  char *block = NULL;
  assert_true(before > 0);
  assert_int_equal(bl_allocate(&block, bytes, 1), BL_OK);
  assert_true(bl_memory_peak() >= bytes);
  bl_free(&block);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_blocks_are_zero_aligned_and_counted),
      cmocka_unit_test(test_overflow_is_refused),
      cmocka_unit_test(test_peak_grows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
