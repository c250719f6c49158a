/** \file
 * Features of images: the last hidden layer of a classifier that `beeline pretrain` trained, or of the Inception-v3 network
 * that published figures are measured on. All distances on features depend on it, so tables name it. */
#ifndef BEELINE_METRICS_FEATURES_H
#define BEELINE_METRICS_FEATURES_H

#include "base/options.h"
#include "base/status.h"

#include <mpi.h>

#include <stdbool.h>
#include <stddef.h>

enum {
  BL_FEATURES_BATCH = 64
}; /**< images of a micro-batch, which is part of every result: sums are rounded once in each */

typedef struct bl_features bl_features;

/** Load the classifier model file \a path (its moving average, where it has one), made for images of the given size.
 * Collective over \a comm. \param [out] features caller's; bl_features_destroy. Returns BL_ERROR_INPUT when the model is no
 * classifier or of another image size. */
bl_status bl_features_create(bl_features **features, const char *path, int channels, int height, int width, MPI_Comm comm);

/** Load the weights of Inception-v3 (network/inception.h) that analysis/inception_to_netcdf.py wrote to \a path, for images
 * of one channel or three of any size. Collective over \a comm. \param [out] features caller's; bl_features_destroy.
 * Returns BL_ERROR_INPUT when the file holds something else, or images have other channels. */
bl_status bl_features_create_inception(bl_features **features, const char *path, int channels, int height, int width,
                                       MPI_Comm comm);

/** What metrics.inception names, or where that is empty metrics.classifier; whether one of them names something. Collective
 * over \a comm; not collective. */
bl_status bl_features_configure(bl_features **features, const bl_options *options, int channels, int height, int width,
                                MPI_Comm comm);
bool bl_features_configured(const bl_options *options);

void bl_features_destroy(bl_features **features);

/** Length of a feature vector; the name that tables print (for example "classifier
 * digits-classifier.nc 1a2b3c4d" or "Inception-v3 inception.nc 1a2b3c4d", with a checksum of the weights). Not collective.
 */
int bl_features_size(const bl_features *features);
const char *bl_features_name(const bl_features *features);

/** Classes that the classifier tells apart. Not collective. */
int bl_features_classes(const bl_features *features);

/** Refuse what the features are not of: points, and images of another size (BL_ERROR_INPUT). Not collective. \param [in]
 * size  elements of a sample. */
bl_status bl_features_check(const bl_features *features, bool points, size_t size);

/** Features of \a rows ≤ BL_FEATURES_BATCH images. Not collective. \param [out] vectors (BL_FEATURES_BATCH, size),
 * caller's; the first \a rows are filled. \param [in] images (BL_FEATURES_BATCH, image size) in network units, as
 * bl_images_fetch gives them; what stands behind the first \a rows does not matter. */
bl_status bl_features_compute(float *vectors, bl_features *features, const float *images, size_t rows);

/** Logits of the classes of one image. Not collective. \param [out] logits (classes), caller's. \param [in] vector (size),
 * its features. */
void bl_features_classify(double *logits, const bl_features *features, const float *vector);

#endif
