/** \file
 * Where the images of a metric come from: a data set, a file, or whatever makes them when they are asked for. A pass over
 * them (metrics/summary.h) asks for a micro-batch at a time, so that images that are drawn, or read from a file, need no
 * memory that grows with their number. */
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
  size_t size;  /**< elements of one */
  bool points;  /**< are points instead, which no features or spectra are of */
  size_t batch; /**< that are made together, so that ranks had better not divide them; 0 for none */
  /** Images \a first … \a first + \a rows − 1 in network units. Not collective: any rank may ask for any, and mostly asks
   * in rising order. \param [out] images (rows, size). */
  bl_status (*fetch)(float *images, size_t first, size_t rows, void *context);
  void *context; /**< borrowed */
  /** Called on all ranks together up to a hundred times during a pass, with how many images they have passed in all; an
   * error, the same on all ranks, ends the pass. NULL for none. Collective. */
  bl_status (*pause)(size_t passed, void *watcher);
  void *watcher; /**< borrowed */
} bl_images;

/** All images of a data set; borrows it. */
bl_images bl_images_of_dataset(const bl_dataset *dataset);

/** All images of an open file, read a block at a time; borrows it. */
bl_images bl_images_of_file(bl_sample_file *file);

/** Fetch, and give back images as files of 8-bit samples would: every metric sees them so. Points stay as they are. Not
 * collective. */
bl_status bl_images_fetch(float *images, const bl_images *from, size_t first, size_t rows);

#endif
