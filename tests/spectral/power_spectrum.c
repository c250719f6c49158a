#include "spectral/power_spectrum.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/cmocka.h"

enum { LARGEST = 64 };

static void rings_add_up_to_the_mean_square(void **state) {
  (void)state;
  const int sizes[][2] = {{1, 1}, {8, 8}, {7, 9}, {16, 5}, {5, 40}, {64, 64}};
  for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
    int height = sizes[k][0], width = sizes[k][1], all = 0;
    float image[LARGEST * LARGEST];
    double power[LARGEST], square = 0.0, sum = 0.0;
    bl_power_spectrum *spectrum;
    assert_int_equal(bl_power_spectrum_create(&spectrum, height, width), BL_OK);
    bl_random_normal(image, (size_t)(height * width), (bl_draw){.purpose = BL_PURPOSE_TEST, .sample = (uint32_t)k});
    bl_power_spectrum_measure(power, spectrum, image);
    for (int i = 0; i < height * width; i++)
      square += (double)image[i] * (double)image[i] / (height * width);
    for (int ring = 0; ring < bl_power_spectrum_rings(spectrum); ring++) {
      sum += power[ring] * bl_power_spectrum_frequencies(spectrum, ring);
      all += bl_power_spectrum_frequencies(spectrum, ring);
    }
    assert_int_equal(all, height * width);
    assert_near(sum, square, 1e-12 * square);
    bl_power_spectrum_destroy(&spectrum);
  }
}

/* cos(2π (3 x + 4 y) / 32 ) has radius 5 and the power ½ in two frequencies. */
static void a_wave_lies_in_its_ring(void **state) {
  (void)state;
  enum { SIDE = 32 };
  float image[SIDE * SIDE];
  double power[LARGEST];
  const double turn = 2.0 * acos(-1.0);
  bl_power_spectrum *spectrum;
  assert_int_equal(bl_power_spectrum_create(&spectrum, SIDE, SIDE), BL_OK);
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      image[y * SIDE + x] = (float)cos(turn * (3 * x + 4 * y) / SIDE) + 2.0F;
  bl_power_spectrum_measure(power, spectrum, image);
  assert_near(power[0], 4.0, 1e-6);
  assert_near(power[5] * bl_power_spectrum_frequencies(spectrum, 5), 0.5, 1e-6);
  for (int ring = 1; ring < bl_power_spectrum_rings(spectrum); ring++)
    if (ring != 5)
      assert_near(power[ring], 0.0, 1e-12);
  bl_power_spectrum_destroy(&spectrum);
}

static void white_noise_is_flat(void **state) {
  (void)state;
  enum { SIDE = 16, IMAGES = 400 };
  float image[SIDE * SIDE];
  double power[LARGEST], mean[LARGEST] = {0.0};
  bl_power_spectrum *spectrum;
  assert_int_equal(bl_power_spectrum_create(&spectrum, SIDE, SIDE), BL_OK);
  for (uint32_t i = 0; i < IMAGES; i++) {
    bl_random_normal(image, SIDE * SIDE, (bl_draw){.purpose = BL_PURPOSE_TEST, .sample = i});
    bl_power_spectrum_measure(power, spectrum, image);
    for (int ring = 0; ring < bl_power_spectrum_rings(spectrum); ring++)
      mean[ring] += power[ring] / IMAGES;
  }
  for (int ring = 0; ring < bl_power_spectrum_rings(spectrum); ring++) {
    double deviation = sqrt(2.0 / (IMAGES * bl_power_spectrum_frequencies(spectrum, ring)));
    assert_near(mean[ring] * SIDE * SIDE, 1.0, 5.0 * deviation);
  }
  bl_power_spectrum_destroy(&spectrum);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rings_add_up_to_the_mean_square),
      cmocka_unit_test(a_wave_lies_in_its_ring),
      cmocka_unit_test(white_noise_is_flat),
  };
  return cmocka_run_group_tests_name("power_spectrum", tests, NULL, NULL);
}
