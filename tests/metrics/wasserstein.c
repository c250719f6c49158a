#include "base/memory.h"
#include "base/random.h"
#include "metrics/distance.h"
#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT = 600 };

static void make_points(float *points, size_t count, size_t dimension, uint32_t sample) {
  bl_random_normal(points, count * dimension, (bl_draw){.purpose = BL_PURPOSE_TEST, .sample = sample});
}

static double distance_of(const float *a, size_t count_a, const float *b, size_t count_b, int dimension, int projections) {
  double distance;
  assert_int_equal(bl_sliced_wasserstein(&distance, a, count_a, b, count_b, dimension, projections, 11), BL_OK);
  return distance;
}

static void equal_sets_in_another_order_are_at_zero(void **state) {
  (void)state;
  float points[COUNT * 3], shuffled[COUNT * 3];
  uint32_t order[COUNT];
  make_points(points, COUNT, 3, 0);
  bl_random_permutation(order, COUNT, (bl_draw){.purpose = BL_PURPOSE_TEST});
  for (int i = 0; i < COUNT; i++)
    memcpy(shuffled + 3 * i, points + 3 * order[i], 3 * sizeof *points);
  assert_near(distance_of(points, COUNT, shuffled, COUNT, 3, 20), 0.0, 0.0);
}

/* In one dimension every direction is ±1, so the distance is W2 itself: compared with sorting by the C library. */
static int compare(const void *left, const void *right) {
  float a = *(const float *)left, b = *(const float *)right;
  return (a > b) - (a < b);
}

static void one_dimension_is_the_sorted_difference(void **state) {
  (void)state;
  float a[COUNT], b[COUNT];
  double expected = 0.0;
  make_points(a, COUNT, 1, 1);
  make_points(b, COUNT, 1, 2);
  for (int i = 0; i < COUNT; i++)
    b[i] = 3.0F * b[i] * b[i] * b[i];
  a[17] = -0.0F;
  b[5] = 1e-40F; /* denormal */
  double found = distance_of(a, COUNT, b, COUNT, 1, 7);
  qsort(a, COUNT, sizeof *a, compare);
  qsort(b, COUNT, sizeof *b, compare);
  for (int i = 0; i < COUNT; i++)
    expected += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]) / COUNT;
  assert_near(found, sqrt(expected), 1e-12);
}

/* Two points against three: stairs at 1/3, 1/2, 2/3. */
static void unequal_counts_compare_quantiles(void **state) {
  (void)state;
  const float a[2] = {4.0F, 0.0F}, b[3] = {1.0F, 5.0F, 3.0F};
  double expected = sqrt((1.0 * 2.0 + 9.0 * 1.0 + 1.0 * 1.0 + 1.0 * 2.0) / 6.0);
  assert_near(distance_of(a, 2, b, 3, 1, 3), expected, 1e-12);
  assert_near(distance_of(b, 3, a, 2, 1, 3), expected, 1e-12);
  /* A set repeated is the same distribution. */
  float once[COUNT * 2], twice[COUNT * 4], other[COUNT * 2];
  make_points(once, COUNT, 2, 3);
  make_points(other, COUNT, 2, 4);
  memcpy(twice, once, sizeof once);
  memcpy(twice + COUNT * 2, once, sizeof once);
  assert_near(distance_of(twice, 2 * COUNT, other, COUNT, 2, 30), distance_of(once, COUNT, other, COUNT, 2, 30), 1e-12);
}

/* A shift by v: |⟨v, direction⟩| in every projection; over the directions its mean square is |v|² / dimension. */
static void a_shift_is_seen_by_every_direction(void **state) {
  (void)state;
  float points[COUNT * 2], shifted[COUNT * 2];
  make_points(points, COUNT, 2, 5);
  for (int i = 0; i < COUNT; i++) {
    shifted[2 * i] = points[2 * i] + 0.3F;
    shifted[2 * i + 1] = points[2 * i + 1] - 0.4F;
  }
  assert_near(distance_of(points, COUNT, shifted, COUNT, 2, 4000), 0.5 / sqrt(2.0), 0.01);
}

/* Scaled Gaussians: W2 of N(0, 1) and N(0, s²) is |s − 1| in every direction. */
static void scaling_is_the_difference_of_deviations(void **state) {
  (void)state;
  float points[COUNT * 5], scaled[COUNT * 5];
  make_points(points, COUNT, 5, 6);
  for (int i = 0; i < COUNT * 5; i++)
    scaled[i] = 1.5F * points[i];
  assert_near(distance_of(points, COUNT, scaled, COUNT, 5, 200), 0.5, 0.02);
}

static void what_has_no_distance_is_refused(void **state) {
  (void)state;
  float a[2] = {0.0F, 1.0F}, b[2] = {0.0F, NAN};
  double distance;
  bl_status_clear();
  assert_int_equal(bl_sliced_wasserstein(&distance, a, 1, b, 0, 2, 3, 0), BL_ERROR_USAGE);
  bl_status_clear();
  assert_int_equal(bl_sliced_wasserstein(&distance, a, 1, b, 1, 2, 3, 0), BL_ERROR_NUMERIC);
  assert_non_null(strstr(bl_status_message(), "nan"));
  bl_status_clear();
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_sets_in_another_order_are_at_zero), cmocka_unit_test(one_dimension_is_the_sorted_difference),
      cmocka_unit_test(unequal_counts_compare_quantiles),        cmocka_unit_test(a_shift_is_seen_by_every_direction),
      cmocka_unit_test(scaling_is_the_difference_of_deviations), cmocka_unit_test(what_has_no_distance_is_refused),
  };
  return cmocka_run_group_tests_name("wasserstein", tests, NULL, NULL);
}
