/** \file
 * How far samples are from the data: FID where a classifier is given, else the sliced Wasserstein distance. */
#ifndef BEELINE_PROGRAMS_MEASURE_H
#define BEELINE_PROGRAMS_MEASURE_H

#include "base/options.h"
#include "metrics/reference.h"

#include <mpi.h>

/** A distance to one data set. */
typedef struct bl_measure {
  const bl_options *options; /**< borrowed */
  bl_images real;            /**< or points; borrows where they come from */
  MPI_Comm comm;
  bl_features *features; /**< NULL for the sliced Wasserstein distance; owned */
  bl_reference reference;
} bl_measure;

/** Get ready what options->metrics asks for; \a real samples are images of the given size, or points, which no features
 * are of. Collective over \a comm. \param [out] measure  the caller's; bl_measure_destroy. Errors are those of
 * bl_features_create and bl_reference_get. */
bl_status bl_measure_create(bl_measure *measure, const bl_options *options, const bl_images *real, int channels, int height,
                            int width, const bl_provenance *provenance, MPI_Comm comm);
void bl_measure_destroy(bl_measure *measure);

/** "FID" or "sliced Wasserstein". Not collective. */
const char *bl_measure_name(const bl_measure *measure);

/** Distance of \a samples of the same size to the data. For FID they may be drawn or read as they are asked for; the sliced
 * Wasserstein distance takes all at once. Collective. */
bl_status bl_measure_samples(double *distance, bl_measure *measure, const bl_images *samples);

#endif
