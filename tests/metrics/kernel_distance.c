#include "metrics/kernel_distance.h"

#include "base/log.h"
#include "base/memory.h"
#include "metrics/vectors.h"
#include "support/cmocka.h"

enum { SIZE = 6, BLOCK = BL_KERNEL_BLOCKS * BL_FEATURE_BLOCK };

static bl_kernel_distance measure(const float *a, size_t count_a, const float *b, size_t count_b, MPI_Comm comm) {
  bl_feature_set sets[2];
  bl_kernel_distance distance;
  test_feature_set(&sets[0], a, SIZE, count_a, comm);
  test_feature_set(&sets[1], b, SIZE, count_b, comm);
  assert_int_equal(bl_kernel_distance_compute(&distance, &sets[0], &sets[1], comm), BL_OK);
  bl_feature_set_destroy(&sets[0]);
  bl_feature_set_destroy(&sets[1]);
  return distance;
}

static double kernel(const float *x, const float *y) {
  double product = 0.0;
  for (int i = 0; i < SIZE; i++)
    product += (double)x[i] * (double)y[i];
  return pow(product / SIZE + 1.0, 3.0);
}

/* The definition, pair by pair. */
static double brute_force(const float *a, size_t m, const float *b, size_t n) {
  double within_a = 0.0, within_b = 0.0, between = 0.0;
  for (size_t i = 0; i < m; i++) {
    for (size_t j = 0; j < m; j++)
      within_a += i == j ? 0.0 : kernel(a + i * SIZE, a + j * SIZE);
    for (size_t j = 0; j < n; j++)
      between += kernel(a + i * SIZE, b + j * SIZE);
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      within_b += i == j ? 0.0 : kernel(b + i * SIZE, b + j * SIZE);
  return within_a / (double)(m * (m - 1)) + within_b / (double)(n * (n - 1)) - 2.0 * between / (double)(m * n);
}

static void agrees_with_all_pairs(void **state) {
  (void)state;
  const size_t counts[][2] = {{2, 2}, {255, 300}, {700, 257}};
  float *a, *b;
  test_vectors(&a, SIZE, 3000, 1, 0.0F);
  test_vectors(&b, SIZE, 2500, 2, 0.25F);
  for (int k = 0; k < 3; k++) {
    const bl_kernel_distance distance = measure(a, counts[k][0], b, counts[k][1], MPI_COMM_WORLD);
    assert_near(distance.mean, brute_force(a, counts[k][0], b, counts[k][1]), 1e-11);
    assert_int_equal(distance.blocks, 1);
  }
  /* Two whole blocks of each; what is left over does not count. */
  const bl_kernel_distance distance = measure(a, 3000, b, 2500, MPI_COMM_WORLD);
  const double first = brute_force(a, BLOCK, b, BLOCK),
               second = brute_force(a + BLOCK * SIZE, BLOCK, b + BLOCK * SIZE, BLOCK);
  assert_int_equal(distance.blocks, 2);
  assert_near(distance.mean, 0.5 * (first + second), 1e-11);
  assert_near(distance.error, 0.5 * fabs(first - second), 1e-11);
  bl_free(&a);
  bl_free(&b);
}

/* x · y / d of normal vectors of mean μ and ν has, with s = x · y: E s = μ·ν, E s² = d + |μ|² + |ν|² + (μ·ν)²,
 * E s³ = (μ·ν)³ + 3 μ·ν (d + |μ|² + |ν|²) + 6 μ·ν. With μ = 0, ν = c in every element: MMD² follows from the moments. */
static double closed_form(double c) {
  const double d = SIZE, n = c * c * d;
  const double none = 1.0 + 3.0 * d / (d * d), mixed = 1.0 + 3.0 * (d + n) / (d * d);
  const double both = 1.0 + 3.0 * n / d + 3.0 * (d + 2.0 * n + n * n) / (d * d) +
                      (n * n * n + 3.0 * n * (d + 2.0 * n) + 6.0 * n) / (d * d * d);
  return none + both - 2.0 * mixed;
}

static void is_unbiased_around_its_closed_form(void **state) {
  (void)state;
  const float shifts[] = {0.0F, 0.3F};
  for (int k = 0; k < 2; k++) {
    float *a, *b;
    test_vectors(&a, SIZE, 8 * BLOCK, 3, 0.0F);
    test_vectors(&b, SIZE, 8 * BLOCK, 4, shifts[k]);
    const bl_kernel_distance distance = measure(a, 8 * BLOCK, b, 8 * BLOCK, MPI_COMM_WORLD);
    assert_int_equal(distance.blocks, 8);
    assert_true(distance.error > 0.0 && distance.error < 0.05);
    assert_near(distance.mean, closed_form((double)shifts[k]), 4.0 * distance.error);
    if (k == 1)
      assert_true(distance.mean > 8.0 * distance.error);
    bl_free(&a);
    bl_free(&b);
  }
}

/* A set with itself: pairs of a vector with itself count between the sets only, and have the largest products. */
static void a_set_is_below_zero_from_itself(void **state) {
  (void)state;
  float *a;
  test_vectors(&a, SIZE, 2 * BLOCK, 3, 0.0F);
  const bl_kernel_distance distance = measure(a, 2 * BLOCK, a, 2 * BLOCK, MPI_COMM_WORLD);
  assert_near(distance.mean,
              0.5 * (brute_force(a, BLOCK, a, BLOCK) + brute_force(a + BLOCK * SIZE, BLOCK, a + BLOCK * SIZE, BLOCK)),
              1e-11);
  assert_true(distance.mean < 0.0 && distance.mean > -0.05);
  bl_free(&a);
}

static void ranks_do_not_change_the_bits(void **state) {
  (void)state;
  float *a, *b;
  test_vectors(&a, SIZE, 2200, 5, 0.0F);
  test_vectors(&b, SIZE, 2100, 6, 0.1F);
  const bl_kernel_distance together = measure(a, 2200, b, 2100, MPI_COMM_WORLD);
  const bl_kernel_distance alone = measure(a, 2200, b, 2100, MPI_COMM_SELF);
  assert_memory_equal(&together.mean, &alone.mean, sizeof alone.mean);
  assert_memory_equal(&together.error, &alone.error, sizeof alone.error);
  bl_free(&a);
  bl_free(&b);
}

static void a_single_image_is_refused(void **state) {
  (void)state;
  float *a;
  bl_feature_set one, two;
  bl_kernel_distance distance;
  test_vectors(&a, SIZE, 2, 1, 0.0F);
  test_feature_set(&one, a, SIZE, 1, MPI_COMM_WORLD);
  test_feature_set(&two, a, SIZE, 2, MPI_COMM_WORLD);
  bl_status_clear();
  assert_int_equal(bl_kernel_distance_compute(&distance, &one, &two, MPI_COMM_WORLD), BL_ERROR_USAGE);
  bl_status_clear();
  bl_feature_set_destroy(&one);
  bl_feature_set_destroy(&two);
  bl_free(&a);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(agrees_with_all_pairs),           cmocka_unit_test(is_unbiased_around_its_closed_form),
      cmocka_unit_test(a_set_is_below_zero_from_itself), cmocka_unit_test(ranks_do_not_change_the_bits),
      cmocka_unit_test(a_single_image_is_refused),
  };
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("kernel_distance", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
