#include "metrics/features.h"

#include "base/log.h"
#include "base/memory.h"
#include "network/network.h"
#include "store/model.h"
#include "support/classifier.h"
#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>

enum { COUNT = 150 };

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
  assert_int_equal(bl_features_size(f.features), TEST_FEATURES);
  assert_non_null(strstr(bl_features_name(f.features), "classifier classifier.nc "));
  assert_int_equal(bl_features_compute(vectors, f.features, f.images + 64 * TEST_PIXELS, 5), BL_OK);
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(bl_graph_forward(graph, expected, &(bl_graph_inputs){.x = f.images + (64 + i) * TEST_PIXELS}), BL_OK);
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
  make(&f);
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
      cmocka_unit_test(logits_are_those_of_the_network),
      cmocka_unit_test(what_does_not_fit_is_refused),
  };
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("features", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
