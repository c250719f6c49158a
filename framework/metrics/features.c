#include "metrics/features.h"

#include "base/kernel.h"
#include "base/memory.h"
#include "network/network.h"
#include "parallel/agree.h"
#include "parallel/exact_sum.h"
#include "parallel/mpi_check.h"
#include "store/model.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = 64, NAME_LENGTH = 160 }; /* the micro-batch is part of the result: sums are rounded once in each */

struct bl_features {
  bl_graph *graph;
  size_t image;   /* elements of an image */
  size_t size;    /* of a feature vector */
  size_t moments; /* sums that are kept: of the features, then of their products on and above the diagonal */
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

static bl_status load(bl_features *features, const bl_network_shape *shape, const char *path, MPI_Comm comm) {
  float *values = NULL;
  bl_status status = bl_network_create(&features->graph, shape, BATCH, BL_GRAPH_INFERENCE, true);
  if (status == BL_OK)
    status = bl_allocate(&values, bl_graph_parameters(features->graph)->count, sizeof *values);
  BL_GOTO(bl_agree(status, comm));
  const bl_parameter_table *table = bl_graph_parameters(features->graph);
  BL_GOTO(bl_model_read_weights_shared(values, path, table, true, comm));
  BL_GOTO(bl_agree(bl_graph_load(features->graph, values), comm));
  features->image = bl_graph_input_size(features->graph);
  features->size = bl_graph_output_size(features->graph);
  features->moments = features->size + features->size * (features->size + 1) / 2;
  const char *slash = strrchr(path, '/');
  snprintf(features->name, sizeof features->name, "classifier %.100s %08lx", slash ? slash + 1 : path,
           (unsigned long)checksum(values, table->count));
done:
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

void bl_features_destroy(bl_features **features) {
  if (*features)
    bl_graph_destroy(&(*features)->graph);
  bl_free(features);
}

int bl_features_size(const bl_features *features) {
  return (int)features->size;
}

const char *bl_features_name(const bl_features *features) {
  return features->name;
}

/* Images from an array, or from a data set. */
typedef struct source {
  const float *images;
  const bl_dataset *dataset;
  size_t count;
} source;

/* Image \a index as a file of 8-bit samples would give it back. */
static void fetch(float *image, uint8_t *pixels, const source *from, size_t index, size_t size) {
  if (from->dataset) {
    bl_dataset_sample(image, from->dataset, index);
    return;
  }
  bl_dataset_quantise(pixels, from->images + index * size, size);
  for (size_t i = 0; i < size; i++)
    image[i] = (float)pixels[i] / 127.5F - 1.0F;
}

/* Sums over \a rows feature vectors. \param [out] moments  Σ f_i, then Σ f_i f_j for j ≥ i, row by row. */
BL_KERNEL static void sum_moments(double *restrict moments, const float *restrict vectors, size_t rows, size_t size) {
  memset(moments, 0, (size + size * (size + 1) / 2) * sizeof *moments);
  for (size_t row = 0; row < rows; row++) {
    const float *vector = vectors + row * size;
    double *products = moments + size;
    for (size_t i = 0; i < size; i++) {
      double factor = (double)vector[i];
      moments[i] += factor;
      for (size_t j = i; j < size; j++)
        products[j - i] += factor * (double)vector[j];
      products += size - i;
    }
  }
}

/* This rank's micro-batches into \a sum. */
static bl_status add_share(bl_exact_sum *sum, bl_features *features, const source *from, int rank, int ranks) {
  float *images = NULL, *vectors = NULL;
  double *moments = NULL;
  uint8_t *pixels = NULL;
  bl_status status = BL_OK;
  BL_GOTO(bl_allocate(&images, BATCH * features->image, sizeof *images));
  BL_GOTO(bl_allocate(&vectors, BATCH * features->size, sizeof *vectors));
  BL_GOTO(bl_allocate(&moments, features->moments, sizeof *moments));
  BL_GOTO(bl_allocate(&pixels, features->image, sizeof *pixels));
  for (size_t m = (size_t)rank; m * BATCH < from->count; m += (size_t)ranks) {
    size_t left = from->count - m * BATCH, rows = left < BATCH ? left : BATCH;
    for (size_t row = 0; row < rows; row++) /* behind a short last micro-batch stand older images: any will do */
      fetch(images + row * features->image, pixels, from, m * BATCH + row, features->image);
    BL_GOTO(bl_graph_forward(features->graph, vectors, images, NULL));
    sum_moments(moments, vectors, rows, features->size);
    bl_exact_sum_add_double(sum, 0, features->moments, moments);
  }
done:
  bl_free(&images);
  bl_free(&vectors);
  bl_free(&moments);
  bl_free(&pixels);
  return status;
}

static void finish(double *mean, double *covariance, const double *moments, size_t size, size_t count) {
  const double *products = moments + size;
  for (size_t i = 0; i < size; i++)
    mean[i] = moments[i] / (double)count;
  for (size_t i = 0; i < size; i++)
    for (size_t j = i; j < size; j++)
      covariance[i * size + j] = covariance[j * size + i] =
          (*products++ - (double)count * mean[i] * mean[j]) / ((double)count - 1.0);
}

static bl_status statistics(double *mean, double *covariance, bl_features *features, const source *from, MPI_Comm comm) {
  int rank, ranks;
  bl_exact_sum *sum = NULL;
  double *moments = NULL;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &ranks)));
  if (from->count < 2)
    return bl_fail(BL_ERROR_USAGE, "the covariance of features needs at least 2 images, these are %zu", from->count);
  bl_status status = bl_exact_sum_create(&sum, features->moments);
  if (status == BL_OK)
    status = bl_allocate(&moments, features->moments, sizeof *moments);
  if (status == BL_OK)
    status = add_share(sum, features, from, rank, ranks);
  BL_GOTO(bl_agree(status, comm));
  BL_GOTO(bl_exact_sum_allreduce(sum, comm));
  BL_GOTO(bl_exact_sum_get_double(moments, sum, 0, features->moments, 1.0));
  finish(mean, covariance, moments, features->size, from->count);
done:
  bl_exact_sum_destroy(&sum);
  bl_free(&moments);
  return status;
}

bl_status bl_features_statistics(double *mean, double *covariance, bl_features *features, const float *images, size_t count,
                                 MPI_Comm comm) {
  return statistics(mean, covariance, features, &(source){.images = images, .count = count}, comm);
}

bl_status bl_features_dataset_statistics(double *mean, double *covariance, bl_features *features, const bl_dataset *dataset,
                                         MPI_Comm comm) {
  if (!dataset->pixels || bl_dataset_sample_size(dataset) != features->image)
    return bl_fail(BL_ERROR_INPUT, "features are of images with %zu values, but the data set holds %s of %zu",
                   features->image, dataset->pixels ? "images" : "points", bl_dataset_sample_size(dataset));
  return statistics(mean, covariance, features, &(source){.dataset = dataset, .count = dataset->count}, comm);
}
