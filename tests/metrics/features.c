#include "metrics/features.h"

#include "base/log.h"
#include "base/memory.h"
#include "network/network.h"
#include "store/model.h"
#include "support/classifier.h"
#include "support/cmocka.h"
#include "support/counted.h"

#include <stdio.h>
#include <string.h>

enum { COUNT = 150, PAIRS = TEST_FEATURES * TEST_FEATURES };

typedef struct fixture {
  char folder[512], model[600];
  bl_features *features;
  bl_dataset dataset;
  float images[COUNT * TEST_PIXELS];
} fixture;

static void make(fixture *f) {
  test_folder_create(f->folder, sizeof f->folder);
  snprintf(f->model, sizeof f->model, "%s/classifier.nc", f->folder);
  test_model_write(f->model, true, 1);
  assert_int_equal(bl_features_create(&f->features, f->model, 1, TEST_SIDE, TEST_SIDE, MPI_COMM_WORLD), BL_OK);
  test_images_create(&f->dataset, COUNT, 3);
  for (size_t i = 0; i < COUNT; i++)
    bl_dataset_sample(f->images + i * TEST_PIXELS, &f->dataset, i);
}

static void destroy(fixture *f) {
  bl_features_destroy(&f->features);
  bl_dataset_destroy(&f->dataset);
  test_folder_remove(f->folder);
  assert_int_equal(bl_memory_balance(), 0);
}

/* With the covariance whole on every rank. */
static bl_status statistics(double *mean, double *covariance, bl_features *features, const bl_images *images,
                            MPI_Comm comm) {
  bl_symmetric rows;
  int rank;
  MPI_Comm_rank(comm, &rank);
  assert_int_equal(bl_symmetric_create(&rows, TEST_FEATURES, comm), BL_OK);
  const bl_status status = bl_features_statistics(mean, &rows, features, images, comm);
  if (status == BL_OK) {
    assert_int_equal(bl_symmetric_gather(rank == 0 ? covariance : NULL, &rows, comm), BL_OK);
    MPI_Bcast(covariance, PAIRS, MPI_DOUBLE, 0, comm);
  }
  bl_symmetric_destroy(&rows);
  return status;
}

static bl_status statistics_of_array(double *mean, double *covariance, const fixture *f, size_t count, MPI_Comm comm) {
  const bl_images images = bl_images_of_array(f->images, count, TEST_PIXELS);
  return statistics(mean, covariance, f->features, &images, comm);
}

/* The network evaluated here, one image at a time, and the textbook's formulas. */
static void statistics_are_those_of_the_network(void **state) {
  (void)state;
  static fixture f;
  bl_model_header header;
  bl_graph *graph;
  float *values, vectors[COUNT][TEST_FEATURES];
  double mean[TEST_FEATURES], covariance[PAIRS];
  make(&f);
  assert_int_equal(bl_features_size(f.features), TEST_FEATURES);
  assert_non_null(strstr(bl_features_name(f.features), "classifier classifier.nc "));
  assert_int_equal(statistics_of_array(mean, covariance, &f, COUNT, MPI_COMM_WORLD), BL_OK);

  assert_int_equal(bl_model_read_header(&header, f.model), BL_OK);
  assert_int_equal(bl_network_create(&graph, &header.shape, 1, BL_GRAPH_INFERENCE, true), BL_OK);
  assert_int_equal(bl_allocate(&values, bl_graph_parameters(graph)->count, sizeof *values), BL_OK);
  const bl_model_part part = {"model", bl_graph_parameters(graph), values};
  assert_int_equal(bl_model_read(f.model, &part, 1), BL_OK);
  assert_int_equal(bl_graph_load(graph, values), BL_OK);
  for (size_t i = 0; i < COUNT; i++)
    assert_int_equal(bl_graph_forward(graph, vectors[i], f.images + i * TEST_PIXELS, NULL), BL_OK);
  double largest = 0.0;
  for (int i = 0; i < TEST_FEATURES; i++) {
    double sum = 0.0;
    for (int n = 0; n < COUNT; n++)
      sum += (double)vectors[n][i];
    assert_near(mean[i], sum / COUNT, 1e-5);
    largest = fmax(largest, mean[i]);
  }
  assert_true(largest > 0.1);
  for (int i = 0; i < TEST_FEATURES; i++) {
    for (int j = 0; j < TEST_FEATURES; j++) {
      double sum = 0.0;
      for (int n = 0; n < COUNT; n++)
        sum += ((double)vectors[n][i] - mean[i]) * ((double)vectors[n][j] - mean[j]);
      assert_near(covariance[i * TEST_FEATURES + j], sum / (COUNT - 1), 1e-5);
      assert_near(covariance[i * TEST_FEATURES + j], covariance[j * TEST_FEATURES + i], 0.0);
    }
  }
  bl_graph_destroy(&graph);
  bl_free(&values);
  destroy(&f);
}

static void ranks_and_form_do_not_change_the_bits(void **state) {
  (void)state;
  static fixture f;
  double mean[TEST_FEATURES], covariance[PAIRS], other_mean[TEST_FEATURES], other_covariance[PAIRS];
  make(&f);
  const size_t counts[] = {2, 63, 64, 65, COUNT};
  for (int k = 0; k < 5; k++) {
    assert_int_equal(statistics_of_array(mean, covariance, &f, counts[k], MPI_COMM_WORLD), BL_OK);
    assert_int_equal(statistics_of_array(other_mean, other_covariance, &f, counts[k], MPI_COMM_SELF), BL_OK);
    assert_memory_equal(other_mean, mean, sizeof mean);
    assert_memory_equal(other_covariance, covariance, sizeof covariance);
  }
  const bl_images of_dataset = bl_images_of_dataset(&f.dataset);
  assert_int_equal(statistics(other_mean, other_covariance, f.features, &of_dataset, MPI_COMM_WORLD), BL_OK);
  assert_memory_equal(other_mean, mean, sizeof mean);
  assert_memory_equal(other_covariance, covariance, sizeof covariance);
  for (int i = 0; i < COUNT * TEST_PIXELS; i++)
    f.images[i] += f.images[i] > 0.0F ? 0.003F : -0.003F; /* less than half a level, or beyond the ends */
  assert_int_equal(statistics_of_array(other_mean, other_covariance, &f, COUNT, MPI_COMM_WORLD), BL_OK);
  assert_memory_equal(other_covariance, covariance, sizeof covariance);
  destroy(&f);
}

/* So that memory does not grow with the number of images. */
static void images_are_asked_for_once_and_in_micro_batches(void **state) {
  (void)state;
  static fixture f;
  static test_counted counted;
  double mean[TEST_FEATURES], covariance[PAIRS], expected[TEST_FEATURES], other[PAIRS];
  make(&f);
  const bl_images all = bl_images_of_array(f.images, COUNT, TEST_PIXELS), images = test_counted_images(&counted, &all);
  assert_int_equal(statistics(mean, covariance, f.features, &images, MPI_COMM_WORLD), BL_OK);
  assert_int_equal(statistics_of_array(expected, other, &f, COUNT, MPI_COMM_SELF), BL_OK);
  assert_memory_equal(mean, expected, sizeof mean);
  assert_memory_equal(covariance, other, sizeof covariance);
  test_counted_once(&counted, BL_FEATURES_BATCH, MPI_COMM_WORLD);
  destroy(&f);
}

/* Features and the layer behind them are the whole classifier. */
static void logits_are_those_of_the_network(void **state) {
  (void)state;
  static fixture f;
  enum { CLASSES = 10 };
  bl_model_header header;
  bl_graph *graph;
  float *values, vectors[BL_FEATURES_BATCH * TEST_FEATURES], expected[CLASSES];
  double logits[CLASSES];
  make(&f);
  assert_int_equal(bl_features_classes(f.features), CLASSES);
  assert_int_equal(bl_model_read_header(&header, f.model), BL_OK);
  assert_int_equal(bl_network_create(&graph, &header.shape, 1, BL_GRAPH_INFERENCE, false), BL_OK);
  assert_int_equal(bl_allocate(&values, bl_graph_parameters(graph)->count, sizeof *values), BL_OK);
  const bl_model_part part = {"model", bl_graph_parameters(graph), values};
  assert_int_equal(bl_model_read(f.model, &part, 1), BL_OK);
  assert_int_equal(bl_graph_load(graph, values), BL_OK);
  const bl_images images = bl_images_of_dataset(&f.dataset);
  assert_int_equal(bl_features_compute(vectors, f.features, &images, 64, 5), BL_OK);
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(bl_graph_forward(graph, expected, f.images + (64 + i) * TEST_PIXELS, NULL), BL_OK);
    bl_features_classify(logits, f.features, vectors + i * TEST_FEATURES);
    for (int c = 0; c < CLASSES; c++)
      assert_near(logits[c], (double)expected[c], 1e-5);
  }
  bl_graph_destroy(&graph);
  bl_free(&values);
  destroy(&f);
}

static void what_does_not_fit_is_refused(void **state) {
  (void)state;
  static fixture f;
  char path[600];
  bl_features *features;
  double mean[TEST_FEATURES], covariance[PAIRS];
  make(&f);
  bl_status_clear();
  assert_int_equal(statistics_of_array(mean, covariance, &f, 1, MPI_COMM_WORLD), BL_ERROR_USAGE);
  bl_status_clear();
  assert_int_equal(bl_features_create(&features, f.model, 3, TEST_SIDE, TEST_SIDE, MPI_COMM_WORLD), BL_ERROR_INPUT);
  assert_non_null(strstr(bl_status_message(), "3 × 8 × 8"));
  bl_status_clear();
  snprintf(path, sizeof path, "%s/critic.nc", f.folder);
  test_model_write(path, false, 1);
  assert_int_equal(bl_features_create(&features, path, 1, TEST_SIDE, TEST_SIDE, MPI_COMM_WORLD), BL_ERROR_INPUT);
  assert_non_null(strstr(bl_status_message(), "expected a classifier"));
  bl_status_clear();
  snprintf(path, sizeof path, "%s/missing.nc", f.folder);
  assert_int_equal(bl_features_create(&features, path, 1, TEST_SIDE, TEST_SIDE, MPI_COMM_WORLD), BL_ERROR_INPUT);
  assert_null(features);
  bl_status_clear();
  destroy(&f);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(statistics_are_those_of_the_network),
      cmocka_unit_test(ranks_and_form_do_not_change_the_bits),
      cmocka_unit_test(images_are_asked_for_once_and_in_micro_batches),
      cmocka_unit_test(logits_are_those_of_the_network),
      cmocka_unit_test(what_does_not_fit_is_refused),
  };
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("features", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
