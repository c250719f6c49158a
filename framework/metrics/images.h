/** \file
 * Where the images of a metric come from: an array, a data set, a file, or whatever makes them when they are asked for.
 * Metrics ask for a micro-batch at a time, so that images that are drawn, or read from a file, need no memory that grows
 * with their number. */
#ifndef BEELINE_METRICS_IMAGES_H
#define BEELINE_METRICS_IMAGES_H

#include "base/status.h"
#include "store/dataset.h"
#include "store/sample_file.h"

#include <stdbool.h>
#include <stddef.h>

/** A sequence of images. */
typedef struct bl_images {
  size_t count;
  size_t size;        /**< elements of one */
  bool points;        /**< are points instead, which no features or spectra are of */
  const float *array; /**< (count, size) in network units, or NULL; borrowed */
  /** Where there is no array: images \a first … \a first + \a rows − 1 in network units. Not collective: any rank may ask
   * for any, and mostly asks in rising order. \param [out] images (rows, size). */
  bl_status (*fetch)(float *images, size_t first, size_t rows, void *context);
  void *context; /**< borrowed */
} bl_images;

/** \a count images of \a size elements in network units; borrows them. */
bl_images bl_images_of_array(const float *images, size_t count, size_t size);

/** All images of a data set; borrows it. */
bl_images bl_images_of_dataset(const bl_dataset *dataset);

/** All images of an open file, read a block at a time; borrows it. */
bl_images bl_images_of_file(bl_sample_file *file);

/** Fetch, and give back as files of 8-bit samples would: every metric sees images so. Not collective. */
bl_status bl_images_fetch(float *images, const bl_images *from, size_t first, size_t rows);

/** All of them at once and not rounded: for points, which metrics need whole. Not collective. \param [out] values (count,
 * size) the caller's; bl_free. */
bl_status bl_images_collect(float **values, const bl_images *from);

#endif
