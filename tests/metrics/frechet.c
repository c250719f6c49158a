#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "metrics/distance.h"
#include "support/cmocka.h"

#include <string.h>

enum { SIZE = 24 };

/* A random covariance of \a rank dimensions. */
static void make_covariance(double *covariance, int rank, uint32_t sample) {
  memset(covariance, 0, SIZE * SIZE * sizeof *covariance);
  for (int k = 0; k < rank; k++) {
    float draws[SIZE];
    bl_random_normal(draws, SIZE, (bl_draw){.purpose = BL_PURPOSE_TEST, .round = sample, .sample = (uint32_t)k});
    for (int i = 0; i < SIZE; i++)
      for (int j = 0; j < SIZE; j++)
        covariance[i * SIZE + j] += (double)draws[i] * (double)draws[j] / rank;
  }
}

/* Of matrices that every rank holds whole. */
static bl_status measure(double *distance, const double *mean1, const double *covariance1, const double *mean2,
                         const double *covariance2, MPI_Comm comm) {
  const double *whole[2] = {covariance1, covariance2};
  bl_symmetric matrix[2];
  for (int k = 0; k < 2; k++) {
    assert_int_equal(bl_symmetric_create(&matrix[k], SIZE, comm), BL_OK);
    for (int i = 0; i < matrix[k].count; i++)
      memcpy(matrix[k].values + i * SIZE, whole[k] + (matrix[k].first + i) * SIZE, SIZE * sizeof(double));
  }
  const bl_status status = bl_frechet_distance(distance, mean1, &matrix[0], mean2, &matrix[1], comm);
  bl_symmetric_destroy(&matrix[0]);
  bl_symmetric_destroy(&matrix[1]);
  return status;
}

static double distance_of(const double *mean1, const double *covariance1, const double *mean2, const double *covariance2) {
  double distance;
  assert_int_equal(measure(&distance, mean1, covariance1, mean2, covariance2, MPI_COMM_WORLD), BL_OK);
  return distance;
}

static void equal_gaussians_are_at_zero(void **state) {
  (void)state;
  double mean[SIZE] = {1.0, 2.0}, covariance[SIZE * SIZE];
  make_covariance(covariance, 100, 0);
  assert_near(distance_of(mean, covariance, mean, covariance), 0.0, 1e-12);
  make_covariance(covariance, 5, 0); /* singular: the root of rounding is 1e-8 */
  assert_near(distance_of(mean, covariance, mean, covariance), 0.0, 1e-6);
}

static void shifted_means_are_at_their_squared_distance(void **state) {
  (void)state;
  double mean1[SIZE] = {0.0}, mean2[SIZE], covariance[SIZE * SIZE], expected = 0.0;
  make_covariance(covariance, 100, 0);
  for (int i = 0; i < SIZE; i++) {
    mean2[i] = 0.1 * i;
    expected += mean2[i] * mean2[i];
  }
  assert_near(distance_of(mean1, covariance, mean2, covariance), expected, 1e-10);
}

static void diagonal_covariances_have_a_closed_form(void **state) {
  (void)state;
  double mean[SIZE] = {0.0}, first[SIZE * SIZE] = {0.0}, second[SIZE * SIZE] = {0.0}, expected = 0.0;
  for (int i = 0; i < SIZE; i++) {
    double sigma1 = 0.3 + 0.1 * i, sigma2 = i % 3 == 0 ? 0.0 : 1.7 - 0.05 * i;
    first[i * SIZE + i] = sigma1 * sigma1;
    second[i * SIZE + i] = sigma2 * sigma2;
    expected += (sigma1 - sigma2) * (sigma1 - sigma2);
  }
  assert_near(distance_of(mean, first, mean, second), expected, 1e-12);
}

/* Commuting covariances that are not diagonal: Σ2 = Σ1², so tr (Σ1 Σ2)^½ = Σ λ^{3/2}; a rotation of λ by reflections. */
static void commuting_covariances_have_a_closed_form(void **state) {
  (void)state;
  double mean[SIZE] = {0.0}, first[SIZE * SIZE], second[SIZE * SIZE], direction[SIZE], norm = 0.0, expected = 0.0;
  for (int i = 0; i < SIZE; i++) {
    direction[i] = sin(1.0 + i);
    norm += direction[i] * direction[i];
  }
  for (int power = 1; power <= 2; power++) {
    double *covariance = power == 1 ? first : second;
    for (int i = 0; i < SIZE; i++) {
      for (int j = 0; j < SIZE; j++) {
        covariance[i * SIZE + j] = 0.0;
        for (int k = 0; k < SIZE; k++) { /* H Λ H, H = 1 − 2 v vᵀ / |v|² */
          double left = (i == k) - 2.0 * direction[i] * direction[k] / norm;
          double right = (j == k) - 2.0 * direction[j] * direction[k] / norm;
          covariance[i * SIZE + j] += left * right * pow(0.2 + 0.1 * k, power);
        }
      }
    }
  }
  for (int k = 0; k < SIZE; k++) {
    double lambda = 0.2 + 0.1 * k, gap = sqrt(lambda) - lambda;
    expected += gap * gap;
  }
  assert_near(distance_of(mean, first, mean, second), expected, 1e-11);
}

static void order_and_ranks_do_not_matter(void **state) {
  (void)state;
  double mean1[SIZE] = {0.5}, mean2[SIZE] = {-0.25}, first[SIZE * SIZE], second[SIZE * SIZE], alone;
  make_covariance(first, 40, 1);
  make_covariance(second, 10, 2);
  double forward = distance_of(mean1, first, mean2, second);
  assert_true(forward > 0.5);
  assert_near(distance_of(mean2, second, mean1, first), forward, 1e-6); /* one of them is singular */
  assert_int_equal(measure(&alone, mean1, first, mean2, second, MPI_COMM_SELF), BL_OK);
  assert_near(alone, forward, 0.0);
}

static void not_a_number_is_reported(void **state) {
  (void)state;
  double mean[SIZE] = {0.0}, covariance[SIZE * SIZE], broken[SIZE * SIZE], distance;
  make_covariance(covariance, 40, 1);
  memcpy(broken, covariance, sizeof broken);
  broken[7] = broken[7 * SIZE] = (double)NAN;
  bl_status_clear();
  assert_int_equal(measure(&distance, mean, covariance, mean, broken, MPI_COMM_WORLD), BL_ERROR_NUMERIC);
  bl_status_clear();
  mean[3] = (double)INFINITY;
  double other[SIZE] = {0.0};
  assert_int_equal(measure(&distance, mean, covariance, other, covariance, MPI_COMM_WORLD), BL_ERROR_NUMERIC);
  bl_status_clear();
  assert_int_equal(bl_memory_balance(), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_gaussians_are_at_zero),
      cmocka_unit_test(shifted_means_are_at_their_squared_distance),
      cmocka_unit_test(diagonal_covariances_have_a_closed_form),
      cmocka_unit_test(commuting_covariances_have_a_closed_form),
      cmocka_unit_test(order_and_ranks_do_not_matter),
      cmocka_unit_test(not_a_number_is_reported),
  };
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("frechet", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
