#include "metrics/score.h"

#include "base/log.h"
#include "base/memory.h"
#include "metrics/summary.h"
#include "support/classifier.h"
#include "support/cmocka.h"

#include <stdio.h>

enum { CLASSES = 10, COUNT = 530 };

static void uniform_predictions_score_one(void **state) {
  (void)state;
  double sums[CLASSES], logits[CLASSES];
  for (int c = 0; c < CLASSES; c++) {
    logits[c] = 700.0;
    sums[c] = 30.0 / CLASSES;
  }
  bl_score_softmax(logits, CLASSES);
  for (int c = 0; c < CLASSES; c++)
    assert_near(logits[c], 1.0 / CLASSES, 1e-15);
  assert_near(bl_score_of_sums(sums, 30.0 * log(1.0 / CLASSES), CLASSES, 30), 1.0, 1e-13);
}

/* One class an image: as many as there are classes that occur equally often. */
static void certain_predictions_score_their_classes(void **state) {
  (void)state;
  double even[CLASSES], one[CLASSES] = {30.0}, three[CLASSES] = {10.0, 10.0, 10.0};
  for (int c = 0; c < CLASSES; c++)
    even[c] = 3.0;
  assert_near(bl_score_of_sums(even, 0.0, CLASSES, 30), CLASSES, 1e-12);
  assert_near(bl_score_of_sums(one, 0.0, CLASSES, 30), 1.0, 1e-12);
  assert_near(bl_score_of_sums(three, 0.0, CLASSES, 30), 3.0, 1e-12);
}

/* Against the definition, and on one rank. */
static void agrees_with_the_definition(void **state) {
  (void)state;
  char folder[512], path[600];
  bl_features *features;
  bl_dataset dataset;
  bl_summary shared, alone;
  static double p[COUNT][CLASSES];
  double mean[CLASSES] = {0.0}, divergence = 0.0, score, again;
  test_folder_create(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/classifier.nc", folder);
  test_model_write(path, true, 1);
  assert_int_equal(bl_features_create(&features, path, 1, TEST_SIDE, TEST_SIDE, MPI_COMM_WORLD), BL_OK);
  test_images_create(&dataset, COUNT, 3);
  const bl_images images = bl_images_of_dataset(&dataset);
  const bl_summary_plan plan = {.features = features, .features_kept = 10000};
  assert_int_equal(bl_summary_gather(&shared, &plan, &images, MPI_COMM_WORLD), BL_OK);
  assert_int_equal(bl_summary_gather(&alone, &plan, &images, MPI_COMM_SELF), BL_OK);
  assert_int_equal(bl_score_compute(&score, features, &shared.features, MPI_COMM_WORLD), BL_OK);
  assert_int_equal(bl_score_compute(&again, features, &alone.features, MPI_COMM_SELF), BL_OK);
  assert_memory_equal(&again, &score, sizeof score);
  for (size_t i = 0; i < COUNT; i++) {
    double sum = 0.0;
    bl_features_classify(p[i], features, alone.features.values + i * TEST_FEATURES);
    for (int c = 0; c < CLASSES; c++)
      sum += exp(p[i][c]);
    for (int c = 0; c < CLASSES; c++)
      p[i][c] = exp(p[i][c]) / sum;
  }
  for (int c = 0; c < CLASSES; c++)
    for (int i = 0; i < COUNT; i++)
      mean[c] += p[i][c] / COUNT;
  for (int i = 0; i < COUNT; i++)
    for (int c = 0; c < CLASSES; c++)
      divergence += p[i][c] * log(p[i][c] / mean[c]) / COUNT;
  assert_near(score, exp(divergence), 1e-12);
  assert_true(score > 1.0001 && score < CLASSES);
  bl_summary_destroy(&shared);
  bl_summary_destroy(&alone);
  bl_features_destroy(&features);
  bl_dataset_destroy(&dataset);
  test_folder_remove(folder);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(uniform_predictions_score_one),
      cmocka_unit_test(certain_predictions_score_their_classes),
      cmocka_unit_test(agrees_with_the_definition),
  };
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("score", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
