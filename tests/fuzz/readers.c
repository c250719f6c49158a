#include "fuzz/readers.h"

#include "base/log.h"
#include "base/memory.h"
#include "metrics/reference.h"
#include "programs/program.h"
#include "store/container.h"
#include "store/dataset.h"
#include "store/model.h"
#include "store/moments.h"

#include <stdio.h>
#include <stdlib.h>

const bl_provenance fuzz_provenance = {.title = "seed", .command = "seeds", .configuration = "seed: 1\n", .seed = 1};
const bl_record_column fuzz_columns[2] = {{"loss", "1", "a loss"}, {"seconds", "s", "time"}};
const bl_network_shape fuzz_mlp = {
    .kind = BL_NETWORK_MLP, .channels = 2, .height = 1, .width = 1, .width_count = 1, .widths = {4}, .steps = 3};

static void start_mpi(void) {
  static bool started;
  if (!started)
    fuzz_mpi();
  started = true;
}

void fuzz_read_dataset(const char *path) {
  bl_dataset dataset;
  fuzz_begin();
  fuzz_check(bl_dataset_read(&dataset, path));
  bl_dataset_destroy(&dataset);
  fuzz_end();
}

void fuzz_read_model(const char *path) {
  static bl_graph *graph;
  static float *values;
  bl_model_header header;
  char found[1024], *text;
  bl_log_speak(false);
  if (graph == NULL && (bl_network_create(&graph, &fuzz_mlp, 1, BL_GRAPH_INFERENCE, false) != BL_OK ||
                        bl_allocate(&values, bl_graph_parameters(graph)->count, sizeof *values) != BL_OK))
    abort();
  fuzz_begin();
  fuzz_check(bl_model_read_header(&header, path));
  const bl_model_part part = {.name = "model", .table = bl_graph_parameters(graph), .values = values};
  fuzz_check(bl_model_read(path, &part, 1));
  fuzz_check(bl_container_read_text(&text, path, "configuration"));
  bl_free(&text);
  fuzz_check(bl_checkpoint_find(found, sizeof found, fuzz_folder()));
  fuzz_end();
}

void fuzz_read_record(const char *path) {
  bl_record *record = NULL;
  bl_record_view view;
  fuzz_begin();
  const double values[2] = {1, 2};
  fuzz_check(bl_record_read(&view, path)); /* as `beeline watch` does, before a resumed run opens it */
  bl_record_view_destroy(&view);
  bl_status status = bl_record_open(&record, path, fuzz_columns, 2, 3, 10, &fuzz_provenance);
  if (status == BL_OK)
    status = bl_record_append(record, 3, values);
  fuzz_check(status);
  fuzz_check(bl_record_close(&record));
  fuzz_end();
  fuzz_folder_empty();
}

void fuzz_read_moments(const char *path) {
  bl_moments moments;
  fuzz_begin();
  fuzz_check(bl_moments_read(&moments, path));
  bl_moments_destroy(&moments);
  fuzz_end();
}

/* ---- Statistics of images: they belong to a classifier -------------------------------------------------------------- */

static bl_status write_classifier(const char *path) {
  const bl_network_shape shape = {.kind = BL_NETWORK_CLASSIFIER,
                                  .channels = 1,
                                  .height = 8,
                                  .width = 8,
                                  .width_count = 2,
                                  .widths = {4, 4},
                                  .classes = 2};
  const bl_model_header header = {.shape = shape};
  bl_graph *graph = NULL;
  float *values = NULL;
  bl_status status;
  BL_GOTO(bl_network_create(&graph, &shape, 1, BL_GRAPH_INFERENCE, false));
  BL_GOTO(bl_allocate(&values, bl_graph_parameters(graph)->count, sizeof *values));
  bl_parameter_initialise(values, bl_graph_parameters(graph), 1);
  BL_GOTO(bl_model_write(path, &header,
                         &(bl_model_part){.name = "model", .table = bl_graph_parameters(graph), .values = values}, 1,
                         &fuzz_provenance));
done:
  bl_free(&values);
  bl_graph_destroy(&graph);
  return status;
}

bl_features *fuzz_features(void) {
  bl_features *features = NULL;
  char path[512];
  start_mpi();
  snprintf(path, sizeof path, "%s/classifier.nc", fuzz_folder());
  if (write_classifier(path) != BL_OK || bl_features_create(&features, path, 1, 8, 8, MPI_COMM_SELF) != BL_OK) {
    fprintf(stderr, "%s\n", bl_status_message());
    abort();
  }
  return features;
}

void fuzz_read_reference(const char *path) {
  static bl_features *features;
  bl_reference reference;
  if (features == NULL)
    features = fuzz_features();
  fuzz_begin();
  fuzz_check(bl_reference_get(&reference, path, features, NULL, &fuzz_provenance, MPI_COMM_SELF));
  bl_reference_destroy(&reference);
  fuzz_end();
}

void fuzz_inspect(const char *path) {
  start_mpi();
  if (freopen("/dev/null", "w", stdout) == NULL)
    abort();
  const bl_invocation invocation = {.argument_count = 1, .arguments = &path, .comm = MPI_COMM_SELF};
  fuzz_begin();
  fuzz_check(bl_program_inspect.run(&invocation));
  fuzz_end();
}
