/** \file
 * Samples of a model that are drawn when they are asked for, so that measuring many of them takes the memory of few. */
#ifndef BEELINE_PROGRAMS_DRAWING_H
#define BEELINE_PROGRAMS_DRAWING_H

#include "base/progress.h"
#include "metrics/images.h"
#include "sampler/sampler.h"

#include <stdint.h>

/** The samples that bl_sampler_draw would give, with the same bits: they come in whole micro-batches, of which the latest
 * is kept. */
typedef struct bl_drawing {
  bl_graph *graph;       /**< ε network of micro-batch `batch`, loaded; borrowed */
  const bl_chain *chain; /**< borrowed */
  uint64_t seed;
  uint32_t round;
  size_t batch, count;
  size_t latest;         /**< number of the micro-batch in `final`, SIZE_MAX for none */
  float *final, *work;   /**< (batch, size), (bl_sampler_work); owned */
  bl_progress *progress; /**< or NULL */
  int share;             /**< ranks that keep pace with this one */
} bl_drawing;

/** Get ready to draw samples 0 … \a count − 1. Not collective, but for what it tells: rank 0 of \a comm shows progress
 * titled \a title, unless that is NULL. \param [out] drawing  the caller's, who fills nothing in; bl_drawing_destroy. */
bl_status bl_drawing_create(bl_drawing *drawing, bl_graph *graph, const bl_chain *chain, uint64_t seed, uint32_t round,
                            size_t batch, size_t count, const char *title, MPI_Comm comm);
void bl_drawing_destroy(bl_drawing *drawing);

/** The samples as images; borrows the drawing, which must stay where it is. Not collective. */
bl_images bl_drawing_images(bl_drawing *drawing);

#endif
