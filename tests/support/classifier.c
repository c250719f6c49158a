#include "support/classifier.h"

#include "base/memory.h"
#include "base/random.h"
#include "network/network.h"
#include "store/model.h"
#include "support/cmocka.h"

#include <mpi.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int world_rank(void) {
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

void test_folder_create(char *folder, size_t size) {
  const char *base = getenv("TMPDIR");
  snprintf(folder, size, "%s/beeline-metrics-XXXXXX", base ? base : "/tmp");
  if (world_rank() == 0)
    assert_non_null(mkdtemp(folder));
  MPI_Bcast(folder, (int)size, MPI_CHAR, 0, MPI_COMM_WORLD);
}

void test_folder_remove(const char *folder) {
  MPI_Barrier(MPI_COMM_WORLD);
  if (world_rank() != 0)
    return;
  char path[1024];
  DIR *list = opendir(folder);
  assert_non_null(list);
  for (struct dirent *entry = readdir(list); entry; entry = readdir(list)) {
    snprintf(path, sizeof path, "%s/%.255s", folder, entry->d_name);
    if (entry->d_name[0] != '.')
      unlink(path);
  }
  closedir(list);
  assert_int_equal(rmdir(folder), 0);
}

void test_model_write(const char *path, bool classifier, uint64_t seed) {
  bl_graph *graph;
  float *values;
  bl_model_header header = {.shape = {.kind = classifier ? BL_NETWORK_CLASSIFIER : BL_NETWORK_CRITIC,
                                      .channels = 1,
                                      .height = TEST_SIDE,
                                      .width = TEST_SIDE,
                                      .width_count = 2,
                                      .widths = {16, TEST_FEATURES},
                                      .classes = 10}};
  assert_int_equal(bl_network_create(&graph, &header.shape, 1, BL_GRAPH_INFERENCE, false), BL_OK);
  const bl_parameter_table *table = bl_graph_parameters(graph);
  assert_int_equal(bl_allocate(&values, table->count, sizeof *values), BL_OK);
  bl_parameter_initialise(values, table, seed);
  const bl_model_part part = {"model", table, values};
  const bl_provenance provenance = {.command = "", .ranks = 1};
  if (world_rank() == 0)
    assert_int_equal(bl_model_write(path, &header, &part, 1, &provenance), BL_OK);
  MPI_Barrier(MPI_COMM_WORLD);
  bl_free(&values);
  bl_graph_destroy(&graph);
}

void test_images_create(bl_dataset *dataset, size_t count, uint32_t kind) {
  float values[TEST_PIXELS];
  *dataset = (bl_dataset){.count = count, .channels = 1, .height = TEST_SIDE, .width = TEST_SIDE};
  assert_int_equal(bl_allocate(&dataset->pixels, count * TEST_PIXELS, 1), BL_OK);
  for (size_t i = 0; i < count; i++) {
    bl_random_normal(values, TEST_PIXELS, (bl_draw){.purpose = BL_PURPOSE_TEST, .round = kind, .sample = (uint32_t)i});
    for (int p = 0; p < TEST_PIXELS; p++)
      values[p] = 0.3F * values[p] + 0.1F * (float)kind * (float)(p % TEST_SIDE) / TEST_SIDE;
    bl_dataset_quantise(dataset->pixels + i * TEST_PIXELS, values, TEST_PIXELS);
  }
}
