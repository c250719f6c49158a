/** \file
 * How far samples are from the data: FID where a classifier is given, else the sliced Wasserstein distance. */
#ifndef BEELINE_PROGRAMS_MEASURE_H
#define BEELINE_PROGRAMS_MEASURE_H

#include "base/options.h"
#include "metrics/reference.h"
#include "store/dataset.h"

#include <mpi.h>

/** A distance to one data set. */
typedef struct bl_measure {
  const bl_options *options; /**< borrowed, as the data */
  const bl_dataset *data;
  MPI_Comm comm;
  bl_features *features; /**< NULL for the sliced Wasserstein distance; owned */
  bl_reference reference;
} bl_measure;

/** Get ready what options->metrics asks for. Collective over \a comm. \param [out] measure  the caller's;
 * bl_measure_destroy. Errors are those of bl_features_create and bl_reference_get. */
bl_status bl_measure_create(bl_measure *measure, const bl_options *options, const bl_dataset *data,
                            const bl_provenance *provenance, MPI_Comm comm);
void bl_measure_destroy(bl_measure *measure);

/** "FID" or "sliced Wasserstein". Not collective. */
const char *bl_measure_name(const bl_measure *measure);

/** Distance of \a count samples in network units to the data. Collective. */
bl_status bl_measure_samples(double *distance, bl_measure *measure, const float *samples, size_t count);

/** FID of images, which may be drawn as they are asked for. Only where the measure has features. Collective. */
bl_status bl_measure_images(double *distance, bl_measure *measure, const bl_images *images);

/** Distance of stored samples to the data. Collective. */
bl_status bl_measure_dataset(double *distance, bl_measure *measure, const bl_dataset *samples);

#endif
