#include "metrics/features.h"

#include "base/memory.h"
#include "network/inception.h"
#include "network/network.h"
#include "parallel/agree.h"
#include "store/model.h"

#include <stdio.h>
#include <string.h>

enum { NAME_LENGTH = 160, INCEPTION_BATCH = 8 };

struct bl_features {
  bl_graph *graph;
  size_t batch; /* images that the graph takes; divides BL_FEATURES_BATCH */
  size_t image; /* elements of an image */
  size_t size;  /* of a feature vector */
  int classes;
  float *head; /* the last layer: (classes, size), then (classes) */
  char name[NAME_LENGTH];
};

/* Fowler, Noll & Vo's hash (FNV-1a, 32 bits). */
static uint32_t checksum(const float *values, size_t count) {
  uint32_t sum = 2166136261U;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    for (int byte = 0; byte < 4; byte++)
      sum = (sum ^ (bits >> (8 * byte) & 0xffU)) * 16777619U;
  }
  return sum;
}

static bl_status check_shape(const bl_network_shape *shape, const char *path, int channels, int height, int width) {
  if (shape->kind != BL_NETWORK_CLASSIFIER)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: holds a %s, expected a classifier (made by beeline pretrain with learner.name=classify)", path,
                   bl_network_kind_name(shape->kind));
  if (shape->channels != channels || shape->height != height || shape->width != width)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: classifies images of %d × %d × %d (channels, height, width), but these are of %d × %d × %d", path,
                   shape->channels, shape->height, shape->width, channels, height, width);
  return BL_OK;
}

/* Sizes, and memory for the layer to the classes. */
static bl_status prepare(bl_features *features, size_t batch, int classes) {
  features->batch = batch;
  features->image = bl_graph_input_size(features->graph);
  features->size = bl_graph_output_size(features->graph);
  features->classes = classes;
  return bl_allocate(&features->head, (size_t)classes * (features->size + 1), sizeof *features->head);
}

static void set_name(bl_features *features, const char *network, const char *path, const float *values, size_t count) {
  const char *slash = strrchr(path, '/');
  snprintf(features->name, sizeof features->name, "%s %.100s %08lx", network, slash ? slash + 1 : path,
           (unsigned long)checksum(values, count));
}

/* The graph of the features loads the first parameters of the whole; the rest, the layer to the classes, is applied here.
 */
static bl_status build(bl_features *features, bl_graph **whole, float **values, const bl_network_shape *shape) {
  BL_TRY(bl_network_create(whole, shape, 1, BL_GRAPH_INFERENCE, false));
  BL_TRY(bl_network_create(&features->graph, shape, BL_FEATURES_BATCH, BL_GRAPH_INFERENCE, true));
  BL_TRY(prepare(features, BL_FEATURES_BATCH, shape->classes));
  return bl_allocate(values, bl_graph_parameters(*whole)->count, sizeof **values);
}

static bl_status load(bl_features *features, const bl_network_shape *shape, const char *path, MPI_Comm comm) {
  float *values = NULL;
  bl_graph *whole = NULL;
  bl_status status;
  BL_GOTO(bl_agree(build(features, &whole, &values, shape), comm));
  const size_t own = bl_graph_parameters(features->graph)->count;
  BL_GOTO(bl_model_read_weights_shared(values, path, bl_graph_parameters(whole), true, comm));
  BL_GOTO(bl_agree(bl_graph_load(features->graph, values), comm));
  memcpy(features->head, values + own, (size_t)shape->classes * (features->size + 1) * sizeof *values);
  set_name(features, "classifier", path, values, own);
done:
  bl_graph_destroy(&whole);
  bl_free(&values);
  return status;
}

bl_status bl_features_create(bl_features **features, const char *path, int channels, int height, int width, MPI_Comm comm) {
  bl_model_header header = {0};
  *features = NULL;
  BL_TRY(bl_model_read_header_shared(&header, path, comm));
  BL_TRY(check_shape(&header.shape, path, channels, height, width));
  bl_status status = bl_agree(bl_allocate(features, 1, sizeof **features), comm);
  if (status == BL_OK)
    status = load(*features, &header.shape, path, comm);
  if (status != BL_OK)
    bl_features_destroy(features);
  return status;
}

static bl_status build_inception(bl_features *features, bl_parameter_table *raw, float **raw_values, float **values,
                                 int channels, int height, int width) {
  BL_TRY(bl_graph_create(&features->graph, INCEPTION_BATCH));
  bl_inception_build(features->graph, channels, height, width);
  BL_TRY(bl_graph_compile(features->graph, BL_GRAPH_INFERENCE));
  BL_TRY(prepare(features, INCEPTION_BATCH, BL_INCEPTION_CLASSES));
  BL_TRY(bl_inception_raw_table(raw, bl_graph_parameters(features->graph)));
  BL_TRY(bl_allocate(raw_values, raw->count, sizeof **raw_values));
  return bl_allocate(values, bl_graph_parameters(features->graph)->count, sizeof **values);
}

static bl_status load_inception(bl_features *features, const char *path, int channels, int height, int width,
                                MPI_Comm comm) {
  bl_parameter_table raw = {0};
  float *raw_values = NULL, *values = NULL;
  bl_status status;
  BL_GOTO(bl_agree(build_inception(features, &raw, &raw_values, &values, channels, height, width), comm));
  BL_GOTO(bl_model_read_weights_shared(raw_values, path, &raw, false, comm));
  status = bl_inception_fold(values, bl_graph_parameters(features->graph), raw_values, &raw);
  if (status == BL_OK)
    status = bl_graph_load(features->graph, values);
  BL_GOTO(bl_agree(status, comm));
  const size_t classes = BL_INCEPTION_CLASSES; /* the head's weights and bias follow each other in the file's table too */
  memcpy(features->head, raw_values + bl_parameter_find(&raw, "fc.weight")->offset,
         classes * (features->size + 1) * sizeof *values);
  set_name(features, "Inception-v3", path, raw_values, raw.count);
done:
  bl_parameter_table_destroy(&raw);
  bl_free(&raw_values);
  bl_free(&values);
  return status;
}

bl_status bl_features_create_inception(bl_features **features, const char *path, int channels, int height, int width,
                                       MPI_Comm comm) {
  *features = NULL;
  if (channels != 1 && channels != 3)
    return bl_fail(BL_ERROR_INPUT, "%s: Inception-v3 takes images of 1 channel or 3, but these have %d", path, channels);
  bl_status status = bl_agree(bl_allocate(features, 1, sizeof **features), comm);
  if (status == BL_OK)
    status = load_inception(*features, path, channels, height, width, comm);
  if (status != BL_OK)
    bl_features_destroy(features);
  return status;
}

bool bl_features_configured(const bl_options *options) {
  return options->metrics.inception[0] != '\0' || options->metrics.classifier[0] != '\0';
}

bl_status bl_features_configure(bl_features **features, const bl_options *options, int channels, int height, int width,
                                MPI_Comm comm) {
  const bl_options_metrics *metrics = &options->metrics;
  if (metrics->inception[0] != '\0')
    return bl_options_blame(options, "metrics.inception",
                            bl_features_create_inception(features, metrics->inception, channels, height, width, comm));
  return bl_options_blame(options, "metrics.classifier",
                          bl_features_create(features, metrics->classifier, channels, height, width, comm));
}

void bl_features_destroy(bl_features **features) {
  if (*features) {
    bl_graph_destroy(&(*features)->graph);
    bl_free(&(*features)->head);
  }
  bl_free(features);
}

int bl_features_size(const bl_features *features) {
  return (int)features->size;
}

const char *bl_features_name(const bl_features *features) {
  return features->name;
}

int bl_features_classes(const bl_features *features) {
  return features->classes;
}

bl_status bl_features_check(const bl_features *features, bool points, size_t size) {
  if (!points && size == features->image)
    return BL_OK;
  return bl_fail(BL_ERROR_INPUT, "features are of images with %zu values, but these are %s of %zu", features->image,
                 points ? "points" : "images", size);
}

bl_status bl_features_compute(float *vectors, bl_features *features, const float *images, size_t rows) {
  for (size_t done = 0; done < rows; done += features->batch)
    BL_TRY(bl_graph_forward(features->graph, vectors + done * features->size,
                            &(bl_graph_inputs){.x = images + done * features->image}));
  return BL_OK;
}

void bl_features_classify(double *logits, const bl_features *features, const float *vector) {
  const float *weights = features->head, *bias = features->head + (size_t)features->classes * features->size;
  for (size_t c = 0; c < (size_t)features->classes; c++) {
    logits[c] = (double)bias[c];
    for (size_t i = 0; i < features->size; i++)
      logits[c] += (double)weights[c * features->size + i] * (double)vector[i];
  }
}
