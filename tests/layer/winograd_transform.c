/* Winograd's transforms: with a product of a single channel in between they are a convolution, and the transforms of
 * gradients are the adjoints of those that they belong to. */
#include "layer/winograd_transform.h"

#include "base/memory.h"
#include "layer/trial.h"
#include "support/cmocka.h"

enum { F = BL_WINOGRAD_FREQUENCIES };

static const bl_winograd_plane planes[] = {{8, 8, 8}, {4, 4, 16}, {14, 14, 8}, {7, 5, 16}, {1, 3, 8}, {32, 9, 16}};
enum { PLANES = sizeof planes / sizeof *planes };

static float *array(size_t count, uint32_t stream) {
  float *values = NULL;
  assert_int_equal(bl_allocate(&values, count, sizeof *values), BL_OK);
  trial_random(values, count, stream);
  return values;
}

static size_t pixels(const bl_winograd_plane *p) {
  return (size_t)(p->height * p->width * p->block);
}

static double dot(const float *a, const float *b, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += (double)a[i] * (double)b[i];
  return sum;
}

static void close_to(double found, double expected, double scale) {
  if (!(found - expected <= 1e-5 * scale && expected - found <= 1e-5 * scale))
    fail_msg("found %.9g, expected %.9g within 1e-5 of %.3g", found, expected, scale);
}

/** Channel l convolved with a kernel of its own, plus a bias, against the definition; turned by 180 degrees too. */
static void convolve(const bl_winograd_plane *p, bool turned) {
  const size_t block = (size_t)p->block, area = block * block, tiles = (size_t)bl_winograd_tiles(p), stride = tiles * block;
  float *x = array(pixels(p), 1), *y = array(pixels(p), 2), *w = array(9 * area, 3), *u = array(F * area, 4);
  float *v = array(F * stride, 5), *work = array(bl_winograd_work(p), 6), *bias = array(block, 7);
  (turned ? bl_winograd_weights_turned : bl_winograd_weights)(u, area, w, p->block, p->block, p->block);
  bl_winograd_input(v, stride, x, p, work);
  for (size_t f = 0; f < F; f++)
    for (size_t t = 0; t < tiles; t++)
      for (size_t l = 0; l < block; l++)
        v[f * stride + t * block + l] *= u[f * area + l * block + l];
  bl_winograd_output(y, v, stride, &(bl_winograd_added){.bias = bias}, p);
  for (int i = 0; i < p->height; i++)
    for (int j = 0; j < p->width; j++)
      for (int l = 0; l < p->block; l++) {
        double sum = (double)bias[l];
        for (int a = 0; a < 9; a++) {
          const int row = i + a / 3 - 1, column = j + a % 3 - 1;
          if (row >= 0 && row < p->height && column >= 0 && column < p->width)
            sum += (double)x[(row * p->width + column) * p->block + l] *
                   (double)w[(size_t)(turned ? 8 - a : a) * area + (size_t)(l * p->block + l)];
        }
        close_to((double)y[(i * p->width + j) * p->block + l], sum, 3);
      }
  float **const arrays[] = {&x, &y, &w, &u, &v, &work, &bias};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
    bl_free(arrays[i]);
}

static void transforms_convolve(void **state) {
  (void)state;
  for (int i = 0; i < PLANES; i++) {
    convolve(&planes[i], false);
    convolve(&planes[i], true);
  }
  assert_int_equal(bl_memory_balance(), 0);
}

/** <z(d_y), m> = <d_y, y(m)>. */
static void gradient_of_the_output(void **state) {
  (void)state;
  for (int i = 0; i < PLANES; i++) {
    const bl_winograd_plane *p = &planes[i];
    const size_t stride = (size_t)(bl_winograd_tiles(p) * p->block);
    float *m = array(F * stride, 1), *z = array(F * stride, 2), *y = array(pixels(p), 3), *d_y = array(pixels(p), 4);
    bl_winograd_output(y, m, stride, &(bl_winograd_added){0}, p);
    bl_winograd_output_gradient(z, stride, d_y, p);
    close_to(dot(z, m, F * stride), dot(d_y, y, pixels(p)), dot(z, z, F * stride));
    float **const arrays[] = {&m, &z, &y, &d_y};
    for (size_t j = 0; j < sizeof arrays / sizeof *arrays; j++)
      bl_free(arrays[j]);
  }
  assert_int_equal(bl_memory_balance(), 0);
}

/** <d_w(d_u), w> = <d_u, u(w)>; adding adds. */
static void gradient_of_the_weights(void **state) {
  (void)state;
  for (int block = 8; block <= 16; block += 8) {
    const int out = 3 * block, in = 2 * block;
    const size_t area = (size_t)(out * in);
    float *w = array(9 * area, 1), *d_w = array(9 * area, 2), *u = array(F * area, 3), *d_u = array(F * area, 4);
    bl_winograd_weights(u, area, w, out, in, block);
    bl_winograd_weights_gradient(d_w, d_u, area, out, in, block, false);
    const double once = dot(d_w, w, 9 * area);
    close_to(once, dot(d_u, u, F * area), dot(d_u, d_u, F * area));
    bl_winograd_weights_gradient(d_w, d_u, area, out, in, block, true);
    close_to(dot(d_w, w, 9 * area), 2 * once, dot(d_u, d_u, F * area));
    float **const arrays[] = {&w, &d_w, &u, &d_u};
    for (size_t j = 0; j < sizeof arrays / sizeof *arrays; j++)
      bl_free(arrays[j]);
  }
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(transforms_convolve), cmocka_unit_test(gradient_of_the_output),
                                     cmocka_unit_test(gradient_of_the_weights)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
