/** \file
 * What metrics need to know of a set of images or points, gathered in one pass over them: each is asked for once, a
 * micro-batch at a time, and whatever is wanted accumulates from it. What is drawn for a pass need not be drawn again.
 *
 * Memory does not grow with the number of images, but for what a plan asks to keep: features, without their images, for
 * metrics that compare pairs (kernel distance, precision and recall) or take single ones (score); and samples themselves,
 * for pictures and for the sliced Wasserstein distance, which sorts all points along each direction. */
#ifndef BEELINE_METRICS_SUMMARY_H
#define BEELINE_METRICS_SUMMARY_H

#include "linear/symmetric.h"
#include "metrics/feature_set.h"
#include "metrics/features.h"
#include "metrics/images.h"
#include "metrics/spectrum.h"

#include <mpi.h>

#include <stdbool.h>
#include <stddef.h>

/** What is wanted. */
typedef struct bl_summary_plan {
  bl_features *features;       /**< borrowed; NULL for nothing on features */
  bool statistics;             /**< their mean and covariance */
  size_t features_kept;        /**< those of the first so many images */
  int channels, height, width; /**< of an image, for the power spectrum; 0 for none */
  size_t samples_kept;         /**< the first so many samples */
} bl_summary_plan;

/** What was wanted; the rest is empty. */
typedef struct bl_summary {
  size_t count;            /**< images or points */
  double *mean;            /**< (features) on every rank; owned, as all that follows */
  bl_symmetric covariance; /**< of the features, dealt out over the ranks; divisor count − 1 */
  bl_feature_set features; /**< of the first images */
  bl_spectrum spectrum;
  float *samples; /**< (samples_kept, elements of one) on every rank, in network units: images as bl_images_fetch gives
                     them, points as they are */
  size_t samples_kept;
} bl_summary;

/** One pass over \a images. Each rank takes a share of neighbours in whole micro-batches of BL_FEATURES_BATCH, and does not
 * divide images that are made together where those fill whole micro-batches; exact sums and what is kept by number make the
 * bits independent of the ranks. Collective over \a comm; ranks pass the same plan and images. \param [out] summary  the
 * caller's; bl_summary_destroy; empty after a failure. Returns BL_ERROR_INPUT for points or images of another size where
 * features or spectra are wanted, BL_ERROR_USAGE for the statistics of fewer than two images, BL_ERROR_NUMERIC for features
 * that are not finite, and what images->fetch and images->pause return. */
bl_status bl_summary_gather(bl_summary *summary, const bl_summary_plan *plan, const bl_images *images, MPI_Comm comm);
void bl_summary_destroy(bl_summary *summary);

#endif
