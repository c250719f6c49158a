#include "learner/batches.h"

#include "base/memory.h"
#include "support/cmocka.h"

#include <string.h>

enum { COUNT = 103, BATCH = 20 };

/* Points whose first coordinate is their number. */
static void make_points(bl_dataset *dataset) {
  *dataset = (bl_dataset){.count = COUNT, .channels = 2, .height = 1, .width = 1, .classes = COUNT};
  assert_int_equal(bl_allocate(&dataset->points, 2 * COUNT, sizeof *dataset->points), BL_OK);
  assert_int_equal(bl_allocate(&dataset->labels, COUNT, sizeof *dataset->labels), BL_OK);
  for (int i = 0; i < COUNT; i++) {
    dataset->points[2 * i] = (float)i;
    dataset->labels[i] = i;
  }
}

static void an_epoch_shows_no_sample_twice(void **state) {
  bl_dataset dataset;
  bl_batches batches;
  float values[2 * BATCH];
  int32_t labels[BATCH];
  int seen[COUNT] = {0}, order[COUNT / BATCH * BATCH], moved = 0;
  (void)state;
  make_points(&dataset);
  assert_int_equal(bl_batches_create(&batches, &dataset, BATCH, 1, false), BL_OK);
  for (int step = 0; step < COUNT / BATCH; step++) {
    bl_batches_get(values, labels, &batches, step, 0, BATCH);
    for (int i = 0; i < BATCH; i++) {
      assert_near(values[2 * i], labels[i], 0);
      assert_int_equal(seen[labels[i]]++, 0);
      order[step * BATCH + i] = labels[i];
    }
  }
  for (int step = 0; step < COUNT / BATCH; step++) { /* the next epoch has another order */
    bl_batches_get(values, labels, &batches, COUNT / BATCH + step, 0, BATCH);
    for (int i = 0; i < BATCH; i++)
      moved += labels[i] != order[step * BATCH + i];
  }
  assert_true(moved > COUNT / 2);
  bl_batches_destroy(&batches);
  bl_dataset_destroy(&dataset);
}

static void pieces_are_the_whole(void **state) {
  bl_dataset dataset;
  bl_batches batches;
  float whole[2 * BATCH], piece[2 * BATCH];
  (void)state;
  make_points(&dataset);
  assert_int_equal(bl_batches_create(&batches, &dataset, BATCH, 9, true), BL_OK);
  bl_batches_get(whole, NULL, &batches, 7, 0, BATCH);
  bl_batches_get(piece, NULL, &batches, 2, 0, BATCH); /* history must not matter */
  for (size_t first = 0; first < BATCH; first += 5)
    bl_batches_get(piece + 2 * first, NULL, &batches, 7, first, 5);
  assert_memory_equal(whole, piece, sizeof whole);
  bl_batches_destroy(&batches);
  bl_dataset_destroy(&dataset);
}

static void flips_mirror_about_half(void **state) {
  enum { IMAGES = 400, SIDE = 3 };
  bl_dataset dataset = {.count = IMAGES, .channels = 1, .height = SIDE, .width = SIDE};
  bl_batches batches;
  float values[SIDE * SIDE];
  int mirrored = 0;
  (void)state;
  assert_int_equal(bl_allocate(&dataset.pixels, IMAGES * SIDE * SIDE, 1), BL_OK);
  for (int i = 0; i < IMAGES * SIDE * SIDE; i++)
    dataset.pixels[i] = (uint8_t)(i % SIDE * 100);
  assert_int_equal(bl_batches_create(&batches, &dataset, 1, 4, true), BL_OK);
  for (int step = 0; step < IMAGES; step++) {
    bl_batches_get(values, NULL, &batches, step, 0, 1);
    const bool flipped = values[0] > values[2];
    mirrored += flipped;
    for (int row = 0; row < SIDE; row++)
      for (int column = 0; column < SIDE; column++)
        assert_near(values[row * SIDE + column], (flipped ? SIDE - 1 - column : column) * 100 / 127.5 - 1, 1e-6);
  }
  assert_in_range(mirrored, 150, 250);
  bl_batches_destroy(&batches);
  bl_dataset_destroy(&dataset);
}

static void a_small_data_set_is_refused(void **state) {
  bl_dataset dataset;
  bl_batches batches;
  (void)state;
  make_points(&dataset);
  assert_int_equal(bl_batches_create(&batches, &dataset, COUNT + 1, 1, false), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "103"));
  bl_status_clear();
  bl_batches_destroy(&batches);
  bl_dataset_destroy(&dataset);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(an_epoch_shows_no_sample_twice),
                                     cmocka_unit_test(pieces_are_the_whole), cmocka_unit_test(flips_mirror_about_half),
                                     cmocka_unit_test(a_small_data_set_is_refused)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return failed + (bl_memory_balance() != 0);
}
