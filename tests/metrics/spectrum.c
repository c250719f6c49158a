#include "metrics/spectrum.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "store/dataset.h"
#include "support/cmocka.h"

#include <math.h>

enum { COUNT = 300, CHANNELS = 2, SIDE = 8, SIZE = CHANNELS * SIDE * SIDE };

/* Noise of the given amplitude. */
static void make_images(bl_dataset *dataset, size_t count, float amplitude, uint32_t kind) {
  float values[SIZE];
  *dataset = (bl_dataset){.count = count, .channels = CHANNELS, .height = SIDE, .width = SIDE};
  assert_int_equal(bl_allocate(&dataset->pixels, count * SIZE, 1), BL_OK);
  for (size_t i = 0; i < count; i++) {
    bl_random_normal(values, SIZE, (bl_draw){.purpose = BL_PURPOSE_TEST, .round = kind, .sample = (uint32_t)i});
    for (int p = 0; p < SIZE; p++)
      values[p] *= amplitude;
    bl_dataset_quantise(dataset->pixels + i * SIZE, values, SIZE);
  }
}

/* Of a whole set, an image at a time by one rank after the other. */
static bl_spectrum spectrum_of(const bl_dataset *dataset, MPI_Comm comm) {
  bl_spectrum spectrum;
  float image[SIZE];
  int rank, ranks;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &ranks);
  assert_int_equal(bl_spectrum_create(&spectrum, CHANNELS, SIDE, SIDE), BL_OK);
  for (size_t i = (size_t)rank; i < dataset->count; i += (size_t)ranks) {
    bl_dataset_sample(image, dataset, i);
    bl_spectrum_add(&spectrum, image, 1);
  }
  assert_int_equal(bl_spectrum_finish(&spectrum, dataset->count, comm), BL_OK);
  return spectrum;
}

static double distance_of(const bl_dataset *a, const bl_dataset *b, MPI_Comm comm) {
  bl_spectrum first = spectrum_of(a, comm), second = spectrum_of(b, comm);
  const double distance = bl_spectrum_distance(&first, &second);
  bl_spectrum_destroy(&first);
  bl_spectrum_destroy(&second);
  return distance;
}

static void halving_the_amplitude_is_six_decibels(void **state) {
  (void)state;
  bl_dataset a, b, other;
  make_images(&a, COUNT, 0.2F, 0);
  make_images(&b, COUNT, 0.1F, 0);
  make_images(&other, 2 * COUNT, 0.2F, 1);
  assert_near(distance_of(&a, &a, MPI_COMM_WORLD), 0.0, 0.0);
  const double half = distance_of(&a, &b, MPI_COMM_WORLD), noise = distance_of(&a, &other, MPI_COMM_WORLD);
  assert_near(half, 20.0 * log10(2.0), 0.05);
  assert_near(distance_of(&a, &b, MPI_COMM_SELF), half, 0.0);
  assert_true(noise > 0.0 && noise < 0.5);
  bl_dataset_destroy(&a);
  bl_dataset_destroy(&b);
  bl_dataset_destroy(&other);
}

/* White noise of variance v has the power v / pixels at every frequency. */
static void white_noise_has_its_power_everywhere(void **state) {
  (void)state;
  const float amplitudes[2] = {0.2F, 0.1F};
  for (uint32_t k = 0; k < 2; k++) {
    bl_dataset images;
    make_images(&images, COUNT, amplitudes[k], k);
    bl_spectrum shared = spectrum_of(&images, MPI_COMM_WORLD), alone = spectrum_of(&images, MPI_COMM_SELF);
    const double variance = (double)amplitudes[k] * (double)amplitudes[k];
    int all = 0;
    for (int ring = 0; ring < shared.rings; ring++) {
      const double error = 5 * sqrt(2.0 / (COUNT * CHANNELS * shared.frequencies[ring])) + 0.01;
      assert_near(shared.power[ring] * SIDE * SIDE / variance, 1.0, error);
      all += shared.frequencies[ring];
    }
    assert_int_equal(all, SIDE * SIDE);
    assert_int_equal(shared.rings, alone.rings);
    assert_memory_equal(shared.power, alone.power, (size_t)alone.rings * sizeof(double));
    bl_spectrum_destroy(&shared);
    bl_spectrum_destroy(&alone);
    bl_dataset_destroy(&images);
  }
}

static void empty_images_have_a_spectrum(void **state) {
  (void)state;
  bl_dataset black, noise;
  make_images(&black, 3, 0.0F, 0);
  make_images(&noise, 3, 0.2F, 0);
  const double distance = distance_of(&black, &noise, MPI_COMM_WORLD);
  assert_true(isfinite(distance) && distance > 10.0);
  bl_dataset_destroy(&black);
  bl_dataset_destroy(&noise);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(halving_the_amplitude_is_six_decibels),
      cmocka_unit_test(white_noise_has_its_power_everywhere),
      cmocka_unit_test(empty_images_have_a_spectrum),
  };
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("spectrum", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
