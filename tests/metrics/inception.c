/* Features by Inception-v3 from a file of weights. */
#include "metrics/features.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "network/inception.h"
#include "store/model.h"
#include "support/classifier.h"
#include "support/cmocka.h"
#include "support/valgrind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 3 };

/* Random weights in the form of the file, the same on every rank; rank 0 writes them. */
static void write_weights(const char *path, float **raw_values, bl_parameter_table *raw) {
  bl_graph *graph;
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  assert_int_equal(bl_graph_create(&graph, 1), BL_OK);
  bl_inception_build(graph, 1, TEST_SIDE, TEST_SIDE);
  assert_int_equal(bl_inception_raw_table(raw, bl_graph_parameters(graph)), BL_OK);
  bl_graph_destroy(&graph);
  assert_int_equal(bl_allocate(raw_values, raw->count, sizeof **raw_values), BL_OK);
  for (size_t i = 0; i < raw->entry_count; i++) {
    const bl_parameter *entry = &raw->entries[i];
    float *values = *raw_values + entry->offset;
    const bool weights = entry->dimensions > 1, variance = strstr(entry->name, "running_var") != NULL;
    const float scale = weights ? sqrtf(6.0F / (float)(entry->count / entry->shape[0])) : 0.25F;
    bl_random_uniform(values, entry->count, (bl_draw){.purpose = BL_PURPOSE_TEST, .sample = (uint32_t)i});
    for (size_t j = 0; j < entry->count; j++)
      values[j] = scale * (2.0F * values[j] - 1.0F) + (variance || strstr(entry->name, "bn.weight") ? 1.0F : 0.0F);
  }
  const bl_model_header header = {.shape = {.kind = BL_NETWORK_CLASSIFIER, .channels = 1, .height = 1, .width = 1}};
  const bl_model_part part = {"model", raw, *raw_values};
  const bl_provenance provenance = {.command = "", .ranks = 1};
  if (rank == 0)
    assert_int_equal(bl_model_write(path, &header, &part, 1, &provenance), BL_OK);
  MPI_Barrier(MPI_COMM_WORLD);
}

static void features_and_classes_are_those_of_the_graph(void **state) {
  (void)state;
  char folder[512], path[600];
  if (under_valgrind())
    skip(); /* it would take minutes */
  bl_parameter_table raw;
  float *raw_values, *values, *vectors, *expected, *logits_of;
  bl_features *features;
  bl_graph *graph;
  bl_dataset dataset;
  static float images[BL_FEATURES_BATCH * TEST_PIXELS];
  static double logits[BL_INCEPTION_CLASSES];
  test_folder_create(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/inception.nc", folder);
  write_weights(path, &raw_values, &raw);
  assert_int_equal(bl_features_create_inception(&features, path, 1, TEST_SIDE, TEST_SIDE, MPI_COMM_WORLD), BL_OK);
  assert_int_equal(bl_features_size(features), BL_INCEPTION_FEATURES);
  assert_int_equal(bl_features_classes(features), BL_INCEPTION_CLASSES);
  assert_non_null(strstr(bl_features_name(features), "Inception-v3 inception.nc "));

  assert_int_equal(bl_graph_create(&graph, COUNT), BL_OK);
  bl_inception_build(graph, 1, TEST_SIDE, TEST_SIDE);
  assert_int_equal(bl_graph_compile(graph, BL_GRAPH_INFERENCE), BL_OK);
  assert_int_equal(bl_allocate(&values, bl_graph_parameters(graph)->count, sizeof *values), BL_OK);
  assert_int_equal(bl_inception_fold(values, bl_graph_parameters(graph), raw_values, &raw), BL_OK);
  assert_int_equal(bl_graph_load(graph, values), BL_OK);
  assert_int_equal(bl_allocate(&vectors, BL_FEATURES_BATCH * BL_INCEPTION_FEATURES, sizeof *vectors), BL_OK);
  assert_int_equal(bl_allocate(&expected, COUNT * BL_INCEPTION_FEATURES, sizeof *expected), BL_OK);
  test_images_create(&dataset, COUNT, 2);
  for (size_t i = 0; i < COUNT; i++)
    bl_dataset_sample(images + i * TEST_PIXELS, &dataset, i);
  assert_int_equal(bl_features_compute(vectors, features, images, COUNT), BL_OK);
  assert_int_equal(bl_graph_forward(graph, expected, &(bl_graph_inputs){.x = images}), BL_OK);
  double largest = 0.0;
  for (int i = 0; i < COUNT * BL_INCEPTION_FEATURES; i++)
    largest = fmax(largest, fabs((double)expected[i]));
  assert_true(largest > 0.5);
  for (int i = 0; i < COUNT * BL_INCEPTION_FEATURES; i++)
    assert_near((double)vectors[i], (double)expected[i], 1e-5 * largest);
  bl_features_classify(logits, features, vectors);
  logits_of = raw_values + bl_parameter_find(&raw, "fc.weight")->offset;
  for (size_t c = 0; c < BL_INCEPTION_CLASSES; c += 100) {
    double sum = (double)raw_values[bl_parameter_find(&raw, "fc.bias")->offset + c];
    for (size_t i = 0; i < BL_INCEPTION_FEATURES; i++)
      sum += (double)logits_of[c * BL_INCEPTION_FEATURES + i] * (double)vectors[i];
    assert_near(logits[c], sum, 1e-9);
  }
  bl_free(&values);
  bl_free(&vectors);
  bl_free(&expected);
  bl_free(&raw_values);
  bl_graph_destroy(&graph);
  bl_features_destroy(&features);
  bl_dataset_destroy(&dataset);
  bl_parameter_table_destroy(&raw);
  test_folder_remove(folder);
  assert_int_equal(bl_memory_balance(), 0);
}

static void other_files_and_images_are_refused(void **state) {
  (void)state;
  char folder[512], path[600];
  bl_features *features;
  test_folder_create(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/classifier.nc", folder);
  test_model_write(path, true, 1);
  bl_status_clear();
  assert_int_equal(bl_features_create_inception(&features, path, 3, 32, 32, MPI_COMM_WORLD), BL_ERROR_INPUT);
  assert_non_null(strstr(bl_status_message(), "Conv2d_1a_3x3.conv.weight"));
  bl_status_clear();
  assert_int_equal(bl_features_create_inception(&features, path, 2, 32, 32, MPI_COMM_WORLD), BL_ERROR_INPUT);
  bl_status_clear();
  assert_null(features);
  test_folder_remove(folder);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(features_and_classes_are_those_of_the_graph),
      cmocka_unit_test(other_files_and_images_are_refused),
  };
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("inception", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
