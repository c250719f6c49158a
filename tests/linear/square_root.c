#include "linear/square_root.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "linear/fortran.h"
#include "support/cmocka.h"

#include <string.h>

static int world_rank(void) {
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

/* A matrix from its elements, on the ranks of \a comm. */
static bl_symmetric deal_out(double *whole, int size, MPI_Comm comm) {
  bl_symmetric matrix;
  assert_int_equal(bl_symmetric_create(&matrix, size, comm), BL_OK);
  for (int i = 0; i < matrix.count; i++)
    memcpy(matrix.values + (size_t)i * (size_t)size, whole + (size_t)(matrix.first + i) * (size_t)size,
           (size_t)size * sizeof *whole);
  return matrix;
}

static double trace_of(double *a, double *b, int size, MPI_Comm comm) {
  bl_symmetric first = deal_out(a, size, comm), second = deal_out(b, size, comm);
  double trace;
  assert_int_equal(bl_square_root_trace(&trace, &first, &second, comm), BL_OK);
  bl_symmetric_destroy(&first);
  bl_symmetric_destroy(&second);
  return trace;
}

static double *matrix_of(int size) {
  double *matrix;
  assert_int_equal(bl_allocate(&matrix, (size_t)size * (size_t)size, sizeof *matrix), BL_OK);
  return matrix;
}

/* A random covariance of \a dimensions dimensions in \a size, with falling scales; the same on every rank. */
static double *covariance_of(int size, int dimensions, uint32_t number) {
  double *matrix = matrix_of(size);
  float *draws;
  size_t width = (size_t)size;
  assert_int_equal(bl_allocate(&draws, width, sizeof *draws), BL_OK);
  for (int k = 0; k < dimensions; k++) {
    bl_random_normal(draws, width, (bl_draw){.purpose = BL_PURPOSE_TEST, .round = number, .sample = (uint32_t)k});
    for (size_t i = 0; i < width; i++)
      for (size_t j = i; j < width; j++)
        matrix[i * width + j] += (double)draws[i] * (double)draws[j] / (double)((i + 1) * (j + 1)) / dimensions;
  }
  for (size_t i = 0; i < width; i++)
    for (size_t j = 0; j < i; j++)
      matrix[i * width + j] = matrix[j * width + i];
  bl_free(&draws);
  return matrix;
}

/* The second difference has eigenvalues 2 − 2 cos(kπ / (n + 1)), and so the trace of (A A)^½ is 2 n; with B = A³ it is the
 * sum of their squares, 6 n − 2. */
static void traces_are_those_of_the_closed_form(void **state) {
  (void)state;
  const int sizes[] = {1, 2, 65, 130};
  for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
    const int size = sizes[k], n = size;
    double *a = matrix_of(size), *cube = matrix_of(size);
    for (int i = 0; i < n; i++) {
      a[(size_t)i * (size_t)n + (size_t)i] = 2.0;
      if (i + 1 < n)
        a[(size_t)i * (size_t)n + (size_t)i + 1] = a[(size_t)(i + 1) * (size_t)n + (size_t)i] = -1.0;
    }
    for (int i = 0; i < n; i++)
      for (int j = i > 3 ? i - 3 : 0; j < n && j <= i + 3; j++)
        for (int l = i > 1 ? i - 1 : 0; l < n && l <= i + 1; l++)
          for (int m = l > 1 ? l - 1 : 0; m < n && m <= l + 1; m++)
            cube[(size_t)i * (size_t)n + (size_t)j] += a[(size_t)i * (size_t)n + (size_t)l] *
                                                       a[(size_t)l * (size_t)n + (size_t)m] *
                                                       a[(size_t)m * (size_t)n + (size_t)j];
    assert_near(trace_of(a, a, size, MPI_COMM_WORLD) / (2.0 * n), 1.0, 1e-12);
    assert_near(trace_of(a, cube, size, MPI_COMM_WORLD) / (6.0 * n - 2.0), 1.0, 1e-9);
    bl_free(&a);
    bl_free(&cube);
  }
}

/* Σ √|λ| of the product itself, by LAPACK's Hessenberg reduction of a matrix without symmetry: another way, in double
 * precision. */
void dgeev_(const char *left, const char *right, const int *size, double *matrix, const int *stride, double *real,
            double *imaginary, double *left_vectors, const int *left_stride, double *right_vectors, const int *right_stride,
            double *work, const int *work_size, int *info);

static double reference(const double *a, const double *b, int size) {
  const int one = 1, work_size = 16 * size;
  const size_t n = (size_t)size;
  double *product = matrix_of(size), *real, *imaginary, *work, trace = 0.0;
  int info;
  assert_int_equal(bl_allocate(&real, n, sizeof *real), BL_OK);
  assert_int_equal(bl_allocate(&imaginary, n, sizeof *imaginary), BL_OK);
  assert_int_equal(bl_allocate(&work, (size_t)work_size, sizeof *work), BL_OK);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < n; k++)
      for (size_t j = 0; j < n; j++)
        product[i * n + j] += a[i * n + k] * b[k * n + j];
  dgeev_("N", "N", &size, product, &size, real, imaginary, NULL, &one, NULL, &one, work, &work_size, &info);
  assert_int_equal(info, 0);
  for (int i = 0; i < size; i++)
    trace += sqrt(fmax(real[i], 0.0));
  bl_free(&product);
  bl_free(&real);
  bl_free(&imaginary);
  bl_free(&work);
  return trace;
}

/* Below and above BL_SQUARE_ROOT_LARGE, by LAPACK and by ScaLAPACK, whose bits are the same in every run and on every rank.
 */
static void traces_agree_with_lapack(void **state) {
  (void)state;
  const struct {
    int size, dimensions[2];
  } cases[] = {{40, {90, 70}}, {BL_SQUARE_ROOT_LARGE + 7, {700, 600}}, {60, {200, 7}}};
  for (int k = 0; k < 3; k++) {
    const int size = cases[k].size;
    double *a = covariance_of(size, cases[k].dimensions[0], 1), *b = covariance_of(size, cases[k].dimensions[1], 2);
    const double spread = trace_of(a, b, size, MPI_COMM_WORLD), again = trace_of(a, b, size, MPI_COMM_WORLD);
    double of_root = spread;
    MPI_Bcast(&of_root, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    assert_memory_equal(&again, &spread, sizeof spread);
    assert_memory_equal(&of_root, &spread, sizeof spread);
    if (world_rank() == 0) {
      const double alone = trace_of(a, b, size, MPI_COMM_SELF);
      assert_near(spread / alone, 1.0, size < BL_SQUARE_ROOT_LARGE ? 0.0 : 1e-8);
      assert_near(spread / reference(a, b, size), 1.0, k == 2 ? 1e-6 : 1e-8);
    }
    bl_free(&a);
    bl_free(&b);
  }
}

static void what_is_not_finite_is_refused_by_all_ranks(void **state) {
  (void)state;
  double whole[4] = {1.0, 0.0, 0.0, (double)NAN}, trace;
  bl_symmetric matrix = deal_out(whole, 2, MPI_COMM_WORLD);
  bl_status_clear();
  assert_int_equal(bl_square_root_trace(&trace, &matrix, &matrix, MPI_COMM_WORLD), BL_ERROR_NUMERIC);
  assert_non_null(strstr(bl_status_message(), "(1, 1)"));
  bl_status_clear();
  bl_symmetric_destroy(&matrix);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(traces_are_those_of_the_closed_form),
      cmocka_unit_test(traces_agree_with_lapack),
      cmocka_unit_test(what_is_not_finite_is_refused_by_all_ranks),
  };
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("root", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
