#include "linear/symmetric.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "support/cmocka.h"

#include <string.h>

static double *matrix_of(int size) {
  double *matrix;
  assert_int_equal(bl_allocate(&matrix, (size_t)size * (size_t)size, sizeof *matrix), BL_OK);
  return matrix;
}

/* A random covariance of \a rank dimensions in \a size. */
static double *covariance_of(int size, int rank) {
  double *matrix = matrix_of(size);
  float *draws;
  size_t width = (size_t)size;
  assert_int_equal(bl_allocate(&draws, width, sizeof *draws), BL_OK);
  for (int k = 0; k < rank; k++) {
    bl_random_normal(draws, width, (bl_draw){.purpose = BL_PURPOSE_TEST, .sample = (uint32_t)k});
    for (size_t i = 0; i < width; i++)
      for (size_t j = 0; j < width; j++)
        matrix[i * width + j] += (double)draws[i] * (double)draws[j] / rank;
  }
  bl_free(&draws);
  return matrix;
}

/* The second difference: eigenvalues 2 − 2 cos(kπ / (n + 1)). */
static double *second_difference(int size) {
  double *matrix = matrix_of(size);
  for (int i = 0; i < size; i++) {
    matrix[(size_t)i * (size_t)size + (size_t)i] = 2.0;
    if (i + 1 < size) {
      matrix[(size_t)i * (size_t)size + (size_t)i + 1] = -1.0;
      matrix[(size_t)(i + 1) * (size_t)size + (size_t)i] = -1.0;
    }
  }
  return matrix;
}

/* Sizes on both sides of BL_SYMMETRIC_LARGE: LAPACK and ScaLAPACK. */
static void eigenvalues_are_those_of_the_closed_form(void **state) {
  (void)state;
  const int sizes[] = {1, 2, 65, BL_SYMMETRIC_LARGE - 1, BL_SYMMETRIC_LARGE, BL_SYMMETRIC_LARGE + 33};
  const double pi = acos(-1.0);
  for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
    int size = sizes[k];
    size_t width = (size_t)size;
    double *matrix = second_difference(size), *vectors = matrix_of(size), *values;
    assert_int_equal(bl_allocate(&values, width, sizeof *values), BL_OK);
    assert_int_equal(bl_symmetric_eigen(values, vectors, matrix, size, MPI_COMM_WORLD), BL_OK);
    for (size_t i = 0; i < width; i++)
      assert_near(values[i], 2.0 - 2.0 * cos((double)(i + 1) * pi / (double)(size + 1)), 1e-13);
    size_t some[] = {0, width / 2, width - 1};
    for (int v = 0; v < 3; v++) {
      const double *vector = vectors + some[v] * width;
      double norm = 0.0;
      for (size_t i = 0; i < width; i++) {
        double image = 2.0 * vector[i] - (i > 0 ? vector[i - 1] : 0.0) - (i + 1 < width ? vector[i + 1] : 0.0);
        assert_near(image, values[some[v]] * vector[i], 1e-12);
        norm += vector[i] * vector[i];
      }
      assert_near(norm, 1.0, 1e-12);
    }
    bl_free(&matrix);
    bl_free(&vectors);
    bl_free(&values);
  }
}

static void ranks_agree_with_one(void **state) {
  (void)state;
  const int sizes[] = {40, BL_SYMMETRIC_LARGE};
  for (int k = 0; k < 2; k++) {
    int size = sizes[k];
    size_t width = (size_t)size;
    double *matrix = covariance_of(size, 50), *alone = matrix_of(size), *together = matrix_of(size);
    assert_int_equal(bl_symmetric_root(alone, matrix, size, MPI_COMM_SELF), BL_OK);
    assert_int_equal(bl_symmetric_root(together, matrix, size, MPI_COMM_WORLD), BL_OK);
    if (size < BL_SYMMETRIC_LARGE)
      assert_memory_equal(together, alone, width * width * sizeof *alone);
    /* The root of an eigenvalue that is 0 but for rounding, 1e-15, is 3e-8: compare the roots to that. */
    double trace_alone = 0.0, trace_together = 0.0;
    for (size_t i = 0; i < width; i++) {
      trace_alone += alone[i * width + i];
      trace_together += together[i * width + i];
      for (size_t j = 0; j < width; j++)
        assert_near(together[i * width + j], alone[i * width + j], 1e-7);
    }
    assert_near(trace_together / trace_alone, 1.0, 1e-6);
    bl_free(&matrix);
    bl_free(&alone);
    bl_free(&together);
  }
}

static void eigenvalues_of_ranks_agree_with_one_to_ten_digits(void **state) {
  (void)state;
  const int size = BL_SYMMETRIC_LARGE + 7;
  double *matrix = covariance_of(size, 2 * BL_SYMMETRIC_LARGE), *vectors = matrix_of(size), *alone, *together;
  assert_int_equal(bl_allocate(&alone, (size_t)size, sizeof *alone), BL_OK);
  assert_int_equal(bl_allocate(&together, (size_t)size, sizeof *together), BL_OK);
  assert_int_equal(bl_symmetric_eigen(alone, vectors, matrix, size, MPI_COMM_SELF), BL_OK);
  assert_int_equal(bl_symmetric_eigen(together, vectors, matrix, size, MPI_COMM_WORLD), BL_OK);
  for (int i = 0; i < size; i++)
    assert_near(together[i] / alone[i], 1.0, 1e-10);
  bl_free(&matrix);
  bl_free(&vectors);
  bl_free(&alone);
  bl_free(&together);
}

static void root_squares_to_the_matrix(void **state) {
  (void)state;
  const int size = 60;
  const int rank_of[] = {60, 7}; /* full and deficient */
  for (int k = 0; k < 2; k++) {
    double *matrix = covariance_of(size, rank_of[k]), *root = matrix_of(size);
    assert_int_equal(bl_symmetric_root(root, matrix, size, MPI_COMM_WORLD), BL_OK);
    for (int i = 0; i < size; i++) {
      for (int j = 0; j < size; j++) {
        double square = 0.0;
        for (int l = 0; l < size; l++)
          square += root[i * size + l] * root[l * size + j];
        assert_near(square, matrix[i * size + j], 1e-12);
        assert_near(root[i * size + j], root[j * size + i], 0.0);
      }
    }
    bl_free(&matrix);
    bl_free(&root);
  }
}

static void sandwich_is_the_product_of_three(void **state) {
  (void)state;
  const int size = 9;
  double *a = second_difference(size), *b = covariance_of(size, 20), *product = matrix_of(size);
  assert_int_equal(bl_symmetric_sandwich(product, a, b, size, MPI_COMM_WORLD), BL_OK);
  for (int i = 0; i < size; i++) {
    for (int j = 0; j < size; j++) {
      double expected = 0.0;
      for (int k = 0; k < size; k++)
        for (int l = 0; l < size; l++)
          expected += a[i * size + k] * b[k * size + l] * a[l * size + j];
      assert_near(product[i * size + j], expected, 1e-13);
      assert_near(product[i * size + j], product[j * size + i], 0.0);
    }
  }
  bl_free(&a);
  bl_free(&b);
  bl_free(&product);
}

static void what_is_not_finite_is_refused_by_all_ranks(void **state) {
  (void)state;
  double values[2], vectors[4], matrix[4] = {1.0, 0.0, 0.0, 1.0};
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0)
    matrix[3] = (double)NAN;
  bl_status_clear();
  assert_int_equal(bl_symmetric_eigen(values, vectors, matrix, 2, MPI_COMM_WORLD), BL_ERROR_NUMERIC);
  assert_non_null(strstr(bl_status_message(), "(1, 1)"));
  bl_status_clear();
  assert_int_equal(bl_memory_balance(), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(eigenvalues_are_those_of_the_closed_form),
      cmocka_unit_test(ranks_agree_with_one),
      cmocka_unit_test(eigenvalues_of_ranks_agree_with_one_to_ten_digits),
      cmocka_unit_test(root_squares_to_the_matrix),
      cmocka_unit_test(sandwich_is_the_product_of_three),
      cmocka_unit_test(what_is_not_finite_is_refused_by_all_ranks),
  };
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("symmetric", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
