/* Largest singular values of strided circular convolutions against those of the explicit matrices. */
#include "spectral/convolution.h"

#include "base/memory.h"
#include "base/random.h"
#include "linear/fortran.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

enum { KERNEL = 4096 };

/* Fields: outputs, inputs, kernel (height, width), grid (height, width), strides. */
static const bl_circular_convolution shapes[] = {
    {1, 1, 1, 1, 1, 1, 1, 1}, {3, 2, 3, 3, 6, 6, 1, 1}, {2, 3, 3, 3, 5, 7, 1, 1}, {4, 2, 4, 4, 8, 8, 2, 2},
    {2, 3, 4, 4, 6, 6, 2, 2}, {5, 1, 4, 4, 8, 6, 2, 2}, {1, 2, 4, 4, 4, 4, 4, 4}, {3, 2, 4, 4, 3, 2, 1, 2},
    {2, 2, 3, 2, 6, 9, 2, 3}, {7, 5, 1, 1, 1, 1, 1, 1}, {2, 2, 3, 3, 4, 4, 1, 4}, {3, 4, 2, 2, 2, 2, 1, 1},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static size_t kernel_size(const bl_circular_convolution *s) {
  return (size_t)s->outputs * (size_t)s->inputs * (size_t)s->kernel_height * (size_t)s->kernel_width;
}

static void draw_kernel(float *kernel, const bl_circular_convolution *s, uint32_t which) {
  assert_true(kernel_size(s) <= KERNEL);
  bl_random_normal(kernel, kernel_size(s), (bl_draw){.seed = 7, .purpose = BL_PURPOSE_TEST, .sample = which});
}

static double element(const float *kernel, const bl_circular_convolution *s, int output, int input, int y, int x) {
  return kernel[((output * s->inputs + input) * s->kernel_height + y) * s->kernel_width + x];
}

/* The largest singular value of a dense matrix (rows, columns), by its Gram matrix. */
static double dense_norm(const double *matrix, int rows, int columns) {
  const int query = 8 * columns * columns + 16 * columns + 8, integers_size = 5 * columns + 8;
  double *gram = NULL, *values = NULL, *work = NULL;
  int *integers = NULL, info;
  assert_int_equal(bl_allocate(&gram, (size_t)columns * (size_t)columns, sizeof *gram), BL_OK);
  assert_int_equal(bl_allocate(&values, (size_t)columns, sizeof *values), BL_OK);
  assert_int_equal(bl_allocate(&work, (size_t)query, sizeof *work), BL_OK);
  assert_int_equal(bl_allocate(&integers, (size_t)integers_size, sizeof *integers), BL_OK);
  for (int r = 0; r < rows; r++)
    for (int i = 0; i < columns; i++)
      if (matrix[r * columns + i] != 0)
        for (int j = 0; j < columns; j++)
          gram[i * columns + j] += matrix[r * columns + i] * matrix[r * columns + j];
  dsyevd_("N", "U", &columns, gram, &columns, values, work, &query, integers, &integers_size, &info);
  assert_int_equal(info, 0);
  const double norm = sqrt(fmax(values[columns - 1], 0));
  bl_free(&gram);
  bl_free(&values);
  bl_free(&work);
  bl_free(&integers);
  return norm;
}

/* y[o, p] = Σ K[o, c, k] x[c, s p + k], as a matrix: circular, or, with padding, over zeros around an image. */
static double explicit_norm(const float *kernel, const bl_circular_convolution *s, int rows, int columns, int padding) {
  const int pixels = s->height * s->width, outputs = s->outputs * rows * columns, inputs = s->inputs * pixels;
  double *matrix = NULL;
  assert_int_equal(bl_allocate(&matrix, (size_t)outputs * (size_t)inputs, sizeof *matrix), BL_OK);
  for (int o = 0; o < s->outputs; o++)
    for (int p = 0; p < rows * columns; p++)
      for (int c = 0; c < s->inputs; c++)
        for (int k = 0; k < s->kernel_height * s->kernel_width; k++) {
          int y = p / columns * s->stride_height + k / s->kernel_width - (padding > 0 ? padding : 0);
          int x = p % columns * s->stride_width + k % s->kernel_width - (padding > 0 ? padding : 0);
          if (padding >= 0 && (y < 0 || x < 0 || y >= s->height || x >= s->width))
            continue;
          y %= s->height;
          x %= s->width;
          matrix[(o * rows * columns + p) * inputs + c * pixels + y * s->width + x] +=
              element(kernel, s, o, c, k / s->kernel_width, k % s->kernel_width);
        }
  const double norm = dense_norm(matrix, outputs, inputs);
  bl_free(&matrix);
  return norm;
}

static double largest(const float *kernel, const bl_circular_convolution *s) {
  bl_conv_spectrum *spectrum = NULL;
  double value;
  assert_int_equal(bl_conv_spectrum_create(&spectrum, s), BL_OK);
  assert_int_equal(bl_conv_spectrum_largest(&value, spectrum, kernel, 0, bl_conv_spectrum_frequencies(spectrum)), BL_OK);
  bl_conv_spectrum_destroy(&spectrum);
  return value;
}

static void it_is_that_of_the_explicit_matrix(void **state) {
  float kernel[KERNEL];
  (void)state;
  for (int i = 0; i < SHAPES; i++)
    for (uint32_t draw = 0; draw < 3; draw++) {
      const bl_circular_convolution *s = &shapes[i];
      draw_kernel(kernel, s, 10 * (uint32_t)i + draw);
      const double expected = explicit_norm(kernel, s, s->height / s->stride_height, s->width / s->stride_width, -1);
      assert_near(largest(kernel, s), expected, 1e-10 * expected);
    }
}

/* One output pixel is one row of the matrix per channel; one channel then has the norm of its kernel. */
static void one_output_has_the_norm_of_the_kernel(void **state) {
  const bl_circular_convolution s = {1, 3, 4, 4, 4, 4, 4, 4};
  float kernel[KERNEL];
  double square = 0;
  (void)state;
  draw_kernel(kernel, &s, 99);
  for (size_t i = 0; i < kernel_size(&s); i++)
    square += (double)kernel[i] * kernel[i];
  assert_near(largest(kernel, &s), sqrt(square), 1e-12 * sqrt(square));
}

/* Zero padding: the circular convolution on the padded grid, made a multiple of the stride, bounds it, and not by far. */
static void the_padded_grid_bounds_zero_padding(void **state) {
  static const int sizes[][4] = {
      {8, 4, 2, 1}, {7, 4, 2, 1}, {6, 3, 1, 1}, {5, 4, 1, 0}}; /* side, kernel, stride, padding */
  float kernel[KERNEL];
  (void)state;
  for (uint32_t i = 0; i < 4; i++) {
    const int side = sizes[i][0], k = sizes[i][1], stride = sizes[i][2], padding = sizes[i][3];
    const int grid = (side + 2 * padding + stride - 1) / stride * stride, out = (side + 2 * padding - k) / stride + 1;
    const bl_circular_convolution image = {3, 2, k, k, side, side, stride, stride};
    const bl_circular_convolution circle = {3, 2, k, k, grid, grid, stride, stride};
    draw_kernel(kernel, &image, 200 + i);
    const double bound = largest(kernel, &circle), norm = explicit_norm(kernel, &image, out, out, padding);
    assert_true(norm <= bound * (1 + 1e-12));
    assert_true(norm > 0.6 * bound);
  }
}

static void parts_give_the_same_bits(void **state) {
  float kernel[KERNEL];
  (void)state;
  for (int i = 0; i < SHAPES; i++) {
    bl_conv_spectrum *spectrum = NULL;
    double whole, most = -1, value;
    int first = 0;
    draw_kernel(kernel, &shapes[i], 500 + (uint32_t)i);
    assert_int_equal(bl_conv_spectrum_create(&spectrum, &shapes[i]), BL_OK);
    const int count = bl_conv_spectrum_frequencies(spectrum);
    assert_int_equal(bl_conv_spectrum_largest(&whole, spectrum, kernel, 0, count), BL_OK);
    for (int part = 1; part <= 3; part++) {
      assert_int_equal(bl_conv_spectrum_largest(&value, spectrum, kernel, first, count * part / 3), BL_OK);
      assert_true(first < count * part / 3 || value < 0);
      most = value > most ? value : most;
      first = count * part / 3;
    }
    assert_true(most == whole);
    bl_conv_spectrum_destroy(&spectrum);
  }
}

static void what_makes_no_sense_is_refused(void **state) {
  const bl_circular_convolution odd = {1, 1, 4, 4, 7, 7, 2, 2}, none = {0, 1, 4, 4, 8, 8, 2, 2};
  bl_conv_spectrum *spectrum = NULL;
  float kernel[KERNEL];
  double value;
  (void)state;
  assert_int_equal(bl_conv_spectrum_create(&spectrum, &odd), BL_ERROR_USAGE);
  assert_int_equal(bl_conv_spectrum_create(&spectrum, &none), BL_ERROR_USAGE);
  assert_null(spectrum);
  assert_int_equal(bl_conv_spectrum_create(&spectrum, &shapes[3]), BL_OK);
  draw_kernel(kernel, &shapes[3], 600);
  kernel[5] = NAN;
  assert_int_equal(bl_conv_spectrum_largest(&value, spectrum, kernel, 0, 1), BL_ERROR_NUMERIC);
  memset(kernel, 0, sizeof kernel);
  assert_int_equal(bl_conv_spectrum_largest(&value, spectrum, kernel, 0, 1), BL_OK);
  assert_near(value, 0, 0);
  bl_conv_spectrum_destroy(&spectrum);
  bl_status_clear();
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_that_of_the_explicit_matrix),   cmocka_unit_test(one_output_has_the_norm_of_the_kernel),
      cmocka_unit_test(the_padded_grid_bounds_zero_padding), cmocka_unit_test(parts_give_the_same_bits),
      cmocka_unit_test(what_makes_no_sense_is_refused),
  };
  return cmocka_run_group_tests_name("convolution", tests, NULL, NULL);
}
