/** \file
 * How far samples are from real data, by all metrics that are asked for, from one pass over the samples: FID where a
 * classifier is given, else the sliced Wasserstein distance; figures on the same features; power spectra. */
#ifndef BEELINE_METRICS_MEASURE_H
#define BEELINE_METRICS_MEASURE_H

#include "base/options.h"
#include "metrics/figures.h"
#include "metrics/reference.h"
#include "metrics/summary.h"

#include <mpi.h>

/** What to measure. */
enum {
  BL_MEASURE_DISTANCE = 1, /**< FID or the sliced Wasserstein distance */
  BL_MEASURE_FIGURES = 2,  /**< KID and its like, where options->metrics asks for them and there are features */
  BL_MEASURE_SPECTRUM = 4  /**< distance of power spectra */
};

/** Metrics that compare with one data set. */
typedef struct bl_measure {
  const bl_options *options; /**< borrowed */
  unsigned what;             /**< all that is measured sooner or later */
  bl_images real;            /**< or points; borrows where they come from */
  int channels, height, width;
  MPI_Comm comm;
  bl_features *features; /**< NULL for the sliced Wasserstein distance; owned */
  bl_reference reference;
  bl_summary known; /**< of the real samples, from when it is needed first */
} bl_measure;

/** What was measured of a number of samples. */
typedef struct bl_measurement {
  bl_figure
      figures[BL_FIGURES_MAX]; /**< the distance, the figures on features, that of spectra; those that were asked for */
  int count;
  bl_summary summary; /**< of the samples; owned */
} bl_measurement;

/** Get ready what \a what and options->metrics ask for; \a real samples are images of the given size, or points, which no
 * features and no spectra are of. Where nothing but the distance and the score is wanted, \a real images may be NULL if
 * metrics.reference is a file. Of real images the features that figures compare are kept until the end. Collective over
 * \a comm. \param [out] measure  the caller's; bl_measure_destroy, also after a failure. Errors are those of
 * bl_features_create and bl_reference_get. */
bl_status bl_measure_create(bl_measure *measure, const bl_options *options, unsigned what, const bl_images *real,
                            int channels, int height, int width, const bl_provenance *provenance, MPI_Comm comm);
void bl_measure_destroy(bl_measure *measure);

/** "FID" or "sliced Wasserstein". Not collective. */
const char *bl_measure_name(const bl_measure *measure);

/** Measure \a samples, of the same kind and size as the data: they are drawn or read once. Of images, memory holds features
 * of the first metrics.subset where figures are wanted, and the first \a kept of them; of points, all. Collective; the same
 * bits on any number of ranks. \param [out] measurement  the caller's; bl_measurement_destroy, also after a failure.
 * \param [in] what  of what the measure was made for. \param [in] kept  samples that stay in measurement->summary.
 * \param [in] seed  of the directions of the sliced Wasserstein distance. Errors are those of bl_summary_gather and of the
 * metrics. */
bl_status bl_measure_samples(bl_measurement *measurement, bl_measure *measure, unsigned what, const bl_images *samples,
                             size_t kept, uint64_t seed);
void bl_measurement_destroy(bl_measurement *measurement);

#endif
