/** \file
 * Data sets: images (8 bits a channel) or points (float), with class labels where there are any.
 *
 * netCDF: `image(sample, channel, height, width)` ubyte, or `point(sample, dimension)` float; `label(sample)` int;
 * `label_name(class, letter)`, bytes as file systems have them, UTF-8 as a rule, where classes have names; the global
 * attribute `skipped_pictures` where the import left some out. A point is treated as an image with height = width = 1.
 */
#ifndef BEELINE_STORE_DATASET_H
#define BEELINE_STORE_DATASET_H

#include "store/provenance.h"
#include "store/sample_file.h"

#include <mpi.h>

#include <stddef.h>
#include <stdint.h>

enum { BL_DATASET_NAME = 256 }; /**< bytes of a class name with its final 0: as many as a file may have */

typedef struct bl_dataset {
  size_t count;
  int channels, height, width;
  uint8_t *pixels;                      /**< (count, channels, height, width) or NULL for points; owned */
  float *points;                        /**< (count, channels) or NULL for images; owned */
  int32_t *labels;                      /**< (count) or NULL; owned */
  int classes;                          /**< 0 without labels */
  size_t skipped;                       /**< pictures that an import left out; written, not read */
  char (*class_names)[BL_DATASET_NAME]; /**< (classes) or NULL; owned */
} bl_dataset;

/** Elements of one sample. Not collective. */
size_t bl_dataset_sample_size(const bl_dataset *dataset);

/** Read a data set or a file of samples (same form). Not collective (programs read on each rank or broadcast).
 * Returns BL_ERROR_INPUT naming file and variable when it is missing, not netCDF, damaged or of other dimensions. */
bl_status bl_dataset_read(bl_dataset *dataset, const char *path);

/** The first \a count samples of an open file, all where it has fewer, without labels. Not collective. \param [out] dataset
 * the caller's; bl_dataset_destroy. Returns BL_ERROR_INPUT when they are damaged. */
bl_status bl_dataset_take(bl_dataset *dataset, const bl_sample_file *file, size_t count);

/** A data set by its name, read by rank 0 of \a comm and broadcast. Collective over \a comm. */
bl_status bl_dataset_read_shared(bl_dataset *dataset, const char *path, MPI_Comm comm);

/** Write atomically (temporary name, fsync, rename). Not collective. Returns BL_ERROR_SYSTEM when the disk is full. */
bl_status bl_dataset_write(const bl_dataset *dataset, const char *path, const bl_provenance *provenance);

/** Put the samples, without labels, into the open file \a ncid in define mode, which is left in data mode: for files that
 * hold samples beside other things; bl_dataset_read reads them. Not collective. */
bl_status bl_dataset_put(const bl_dataset *dataset, int ncid, const char *path);

/** Sample \a index as the network sees it: pixels / 127.5 − 1, points as they are. Not collective.
 * \param [out] values (sample_size), caller's. */
void bl_dataset_sample(float *values, const bl_dataset *dataset, size_t index);

/** Quantise to 8 bits as every metric does: round((x + 1) · 127.5) clamped to 0 … 255. Not collective. Arrays (count). */
void bl_dataset_quantise(uint8_t *pixels, const float *values, size_t count);

/** Release the arrays. Not collective. */
void bl_dataset_destroy(bl_dataset *dataset);

#endif
