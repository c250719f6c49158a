/** \file
 * The samples of a data set, or of a file of samples, read a block at a time: what passes over many of them needs no memory
 * that grows with their number. Every rank that reads opens the file itself. */
#ifndef BEELINE_STORE_SAMPLE_FILE_H
#define BEELINE_STORE_SAMPLE_FILE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BL_SAMPLE_BLOCK = 1 << 20 }; /**< bytes of a block, also in the files that Beeline writes */

/** An open file. */
typedef struct bl_sample_file {
  size_t count;
  int channels, height, width; /**< of a sample; height = width = 1 for points */
  bool points;                 /**< float, else pixels of 8 bits */
  char *path;                  /**< NULL when closed; owned */
  int ncid, variable;
  size_t block;       /**< samples that are read at once: about BL_SAMPLE_BLOCK, and whole chunks of the file */
  size_t first, held; /**< which ones `samples` holds */
  void *samples;      /**< (block, channels, height, width) as stored, NULL before the first are asked for; owned */
} bl_sample_file;

/** Open a file of the form of store/dataset.h, after its checksum was checked. Not collective. \param [out] file  the
 * caller's; bl_sample_file_close. Returns BL_ERROR_INPUT naming file and variable when it is missing, not netCDF, damaged
 * or of other dimensions. */
bl_status bl_sample_file_open(bl_sample_file *file, const char *path);
void bl_sample_file_close(bl_sample_file *file);

/** Elements of one sample. Not collective. */
size_t bl_sample_file_size(const bl_sample_file *file);

/** Samples \a first … \a first + \a rows − 1 as they are stored. Not collective. \param [out] samples (rows, size) uint8_t,
 * or float for points. Returns BL_ERROR_INPUT when they are damaged, and naming a point that is not finite. */
bl_status bl_sample_file_read(void *samples, const bl_sample_file *file, size_t first, size_t rows);

/** The same as the network sees them, by way of the block that is held: cheap in rising order. Not collective.
 * \param [out] values (rows, size). Returns BL_ERROR_INPUT when they are damaged. */
bl_status bl_sample_file_get(float *values, bl_sample_file *file, size_t first, size_t rows);

/** Pixels as the network sees them: pixel / 127.5 − 1. Not collective. Arrays (count). */
void bl_sample_values(float *values, const uint8_t *pixels, size_t count);

#endif
