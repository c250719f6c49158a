/** \file
 * The metrics of a table by name: each is a figure of metrics/measure.h and a row in table_metric.c. */
#ifndef BEELINE_TABLE_METRIC_H
#define BEELINE_TABLE_METRIC_H

#include "metrics/measure.h"
#include "store/dataset.h"
#include "table/file.h"

#include <mpi.h>

enum { BL_TABLE_METRICS = 8 };

/** What all cells of a table are measured against. */
typedef struct bl_table_meter {
  MPI_Comm comm;
  const bl_options *options; /**< of the table, without a row; borrowed */
  bl_sample_file real;       /**< the data; owned */
  bl_dataset data;           /**< all points, but of images only as many as pictures show; owned */
  bl_measure measure;        /**< owned */
  int count;
  const struct bl_table_metric *metrics[BL_TABLE_METRICS]; /**< those that the table asks for */
} bl_table_meter;

/** A row of the table of metrics. */
typedef struct bl_table_metric {
  const char *name;  /**< in table files; the variable in netCDF */
  const char *label; /**< for people */
  const char *units;
  bl_status (*check)(const bl_table_meter *meter, const char *place); /**< refuse data or options that do not fit */
  unsigned what;                                                      /**< of metrics/measure.h */
  const char *figure;                                                 /**< its variable in a measurement */
} bl_table_metric;

/** Open the data and choose the metrics of \a file (where it names none: FID with a classifier, else the sliced Wasserstein
 * distance). Computes nothing. Collective over \a comm. \param [out] meter  the caller's; bl_table_meter_destroy, also
 * after a failure. Returns BL_ERROR_USAGE or BL_ERROR_INPUT with the place. */
bl_status bl_table_meter_create(bl_table_meter *meter, const bl_table_file *file, const bl_options *options, MPI_Comm comm);

/** Get classifier and reference ready. Collective. */
bl_status bl_table_meter_prepare(bl_table_meter *meter, const bl_provenance *provenance);

/** All metrics of \a samples, which are drawn or read once. Collective. \param [out] values (meter->count). \param [out]
 * measurement  the caller's, as that of bl_measure_samples, with the first \a kept samples. \param [in] seed  of the cell,
 * for random directions. */
bl_status bl_table_meter_read(double *values, bl_measurement *measurement, bl_table_meter *meter, const bl_images *samples,
                              size_t kept, uint64_t seed);

void bl_table_meter_destroy(bl_table_meter *meter);

#endif
