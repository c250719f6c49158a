/** \file
 * The picture of a run: samples before and after beside real ones. */
#ifndef BEELINE_REPORT_COMPARISON_H
#define BEELINE_REPORT_COMPARISON_H

#include "store/dataset.h"

/** What is kept for the picture: images, or points of two dimensions; nothing of other data. */
typedef struct bl_comparison {
  const bl_dataset *data; /**< borrowed */
  uint8_t *images[2];     /**< before and after; owned */
  float *points[2];       /**< owned */
  size_t count[2];
} bl_comparison;

/** Keep some of \a count samples in network units, drawn before (\a which 0) or after (1). Not collective. */
bl_status bl_comparison_keep(bl_comparison *comparison, int which, const float *samples, size_t count);

/** Write the picture \a path. Not collective. \param [out] drawn  whether there was anything to draw. */
bl_status bl_comparison_write(bool *drawn, const bl_comparison *comparison, const char *path);

void bl_comparison_destroy(bl_comparison *comparison);

#endif
