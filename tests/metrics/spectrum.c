#include "metrics/spectrum.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "support/cmocka.h"
#include "support/counted.h"

#include <math.h>
#include <string.h>

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

/* Whole sets, of their own shape. */
static bl_status measure(bl_spectra *spectra, const bl_dataset *a, const bl_dataset *b, MPI_Comm comm) {
  const bl_images first = bl_images_of_dataset(a), second = bl_images_of_dataset(b);
  return bl_spectra_measure(spectra, &first, &second, a->channels, a->height, a->width, comm);
}

static bl_status measure_distance(double *distance, const bl_dataset *a, const bl_dataset *b, MPI_Comm comm) {
  const bl_images first = bl_images_of_dataset(a), second = bl_images_of_dataset(b);
  return bl_spectrum_distance(distance, &first, &second, a->channels, a->height, a->width, comm);
}

static void halving_the_amplitude_is_six_decibels(void **state) {
  (void)state;
  bl_dataset a, b, other;
  double distance, alone;
  make_images(&a, COUNT, 0.2F, 0);
  make_images(&b, COUNT, 0.1F, 0);
  make_images(&other, 2 * COUNT, 0.2F, 1);
  assert_int_equal(measure_distance(&distance, &a, &a, MPI_COMM_WORLD), BL_OK);
  assert_near(distance, 0.0, 0.0);
  assert_int_equal(measure_distance(&distance, &a, &b, MPI_COMM_WORLD), BL_OK);
  assert_near(distance, 20.0 * log10(2.0), 0.05);
  assert_int_equal(measure_distance(&alone, &a, &b, MPI_COMM_SELF), BL_OK);
  assert_near(alone, distance, 0.0);
  assert_int_equal(measure_distance(&distance, &a, &other, MPI_COMM_WORLD), BL_OK);
  assert_true(distance > 0.0 && distance < 0.5);
  bl_dataset_destroy(&a);
  bl_dataset_destroy(&b);
  bl_dataset_destroy(&other);
}

/* White noise of variance v has the power v / pixels at every frequency; each set keeps its own place. */
static void spectra_are_those_of_each_set(void **state) {
  (void)state;
  bl_dataset a, b;
  bl_spectra shared, alone;
  make_images(&a, COUNT, 0.2F, 0);
  make_images(&b, COUNT, 0.1F, 1);
  assert_int_equal(measure(&shared, &a, &b, MPI_COMM_WORLD), BL_OK);
  assert_int_equal(measure(&alone, &a, &b, MPI_COMM_SELF), BL_OK);
  int all = 0;
  for (int ring = 0; ring < shared.rings; ring++) {
    const double error = 5 * sqrt(2.0 / (COUNT * CHANNELS * shared.frequencies[ring])) + 0.01;
    assert_near(shared.power[0][ring] * SIDE * SIDE / 0.04, 1.0, error);
    assert_near(shared.power[1][ring] * SIDE * SIDE / 0.01, 1.0, error);
    all += shared.frequencies[ring];
  }
  assert_int_equal(all, SIDE * SIDE);
  assert_int_equal(shared.rings, alone.rings);
  for (int i = 0; i < 2; i++)
    assert_memory_equal(shared.power[i], alone.power[i], (size_t)alone.rings * sizeof(double));
  bl_spectra_destroy(&shared);
  bl_spectra_destroy(&alone);
  bl_dataset_destroy(&a);
  bl_dataset_destroy(&b);
}

/* So that memory does not grow with the number of images; and the bits are those of what is held whole. */
static void images_are_asked_for_once_and_a_few_at_a_time(void **state) {
  (void)state;
  static test_counted counted;
  bl_dataset a, b;
  bl_spectra expected, found;
  make_images(&a, COUNT, 0.2F, 0);
  make_images(&b, COUNT, 0.1F, 1);
  const bl_images first = bl_images_of_dataset(&a), all = bl_images_of_dataset(&b);
  const bl_images second = test_counted_images(&counted, &all);
  assert_int_equal(measure(&expected, &a, &b, MPI_COMM_SELF), BL_OK);
  assert_int_equal(bl_spectra_measure(&found, &first, &second, CHANNELS, SIDE, SIDE, MPI_COMM_WORLD), BL_OK);
  for (int i = 0; i < 2; i++)
    assert_memory_equal(found.power[i], expected.power[i], (size_t)expected.rings * sizeof(double));
  test_counted_once(&counted, 64, MPI_COMM_WORLD);
  bl_spectra_destroy(&expected);
  bl_spectra_destroy(&found);
  bl_dataset_destroy(&a);
  bl_dataset_destroy(&b);
}

static void empty_images_have_a_spectrum(void **state) {
  (void)state;
  bl_dataset black, noise;
  double distance;
  make_images(&black, 3, 0.0F, 0);
  make_images(&noise, 3, 0.2F, 0);
  assert_int_equal(measure_distance(&distance, &black, &noise, MPI_COMM_WORLD), BL_OK);
  assert_true(isfinite(distance) && distance > 10.0);
  bl_dataset_destroy(&black);
  bl_dataset_destroy(&noise);
}

static void other_sizes_and_points_are_refused(void **state) {
  (void)state;
  bl_dataset a, b;
  double distance;
  make_images(&a, 3, 0.2F, 0);
  make_images(&b, 3, 0.2F, 0);
  b.channels = 1;
  bl_status_clear();
  assert_int_equal(measure_distance(&distance, &a, &b, MPI_COMM_WORLD), BL_ERROR_INPUT);
  assert_non_null(strstr(bl_status_message(), "2 × 8 × 8"));
  bl_status_clear();
  bl_images images = bl_images_of_dataset(&a);
  assert_int_equal(bl_spectrum_distance(&distance, &images, &images, CHANNELS, SIDE, SIDE, MPI_COMM_WORLD), BL_OK);
  images.points = true;
  assert_int_equal(bl_spectrum_distance(&distance, &images, &images, CHANNELS, SIDE, SIDE, MPI_COMM_WORLD), BL_ERROR_INPUT);
  assert_non_null(strstr(bl_status_message(), "points"));
  bl_status_clear();
  bl_dataset_destroy(&a);
  bl_dataset_destroy(&b);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(halving_the_amplitude_is_six_decibels),
      cmocka_unit_test(spectra_are_those_of_each_set),
      cmocka_unit_test(images_are_asked_for_once_and_a_few_at_a_time),
      cmocka_unit_test(empty_images_have_a_spectrum),
      cmocka_unit_test(other_sizes_and_points_are_refused),
  };
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("spectrum", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
