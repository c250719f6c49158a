/** \file
 * Features of images: the last hidden layer of a classifier that `beeline pretrain` trained. FID depends on it, so tables
 * name it. */
#ifndef BEELINE_METRICS_FEATURES_H
#define BEELINE_METRICS_FEATURES_H

#include "network/graph.h"
#include "store/dataset.h"

#include <mpi.h>

typedef struct bl_features bl_features;

/** Load the classifier model file \a path (its moving average, where it has one), made for images of the given size.
 * Collective over \a comm. \param [out] features caller's; bl_features_destroy. Returns BL_ERROR_INPUT when the model is no
 * classifier or of another image size. */
bl_status bl_features_create(bl_features **features, const char *path, int channels, int height, int width, MPI_Comm comm);
void bl_features_destroy(bl_features **features);

/** Length of a feature vector; the name that tables print (for example "classifier digits-classifier.nc 1a2b3c4d", with a
 * checksum of the weights). Not collective. */
int bl_features_size(const bl_features *features);
const char *bl_features_name(const bl_features *features);

/** Mean and covariance of the features of \a count images given in network units, after quantising them to 8 bits. Each
 * rank passes all images and computes its share of micro-batches; exact sums make the result independent of the ranks.
 * Collective over \a comm. \param [out] mean (size). \param [out] covariance (size, size), divisor count − 1. Returns
 * BL_ERROR_USAGE for fewer than two images, BL_ERROR_NUMERIC for features that are not finite. */
bl_status bl_features_statistics(double *mean, double *covariance, bl_features *features, const float *images, size_t count,
                                 MPI_Comm comm);

/** The same of all images of a data set. Collective over \a comm; every rank passes the whole set. */
bl_status bl_features_dataset_statistics(double *mean, double *covariance, bl_features *features, const bl_dataset *dataset,
                                         MPI_Comm comm);

#endif
