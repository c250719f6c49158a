/** \file
 * Samples of a model that are drawn when they are asked for, so that measuring many of them takes the memory of few. */
#ifndef BEELINE_METRICS_SAMPLE_STREAM_H
#define BEELINE_METRICS_SAMPLE_STREAM_H

#include "base/progress.h"
#include "metrics/images.h"
#include "sampler/sampler.h"

#include <mpi.h>

#include <stdint.h>

/** The samples that bl_sampler_draw would give, with the same bits: they come in whole micro-batches, of which the latest
 * is kept. */
typedef struct bl_sample_stream {
  bl_graph *graph;               /**< ε network of micro-batch `batch`, loaded; borrowed */
  const bl_chain *chain;         /**< borrowed */
  const bl_condition *condition; /**< borrowed; NULL for none */
  uint64_t seed;
  uint32_t round;
  size_t batch, count;
  bool points;
  size_t latest;         /**< number of the micro-batch in `final`, SIZE_MAX for none */
  float *final, *work;   /**< (batch, size), (bl_sampler_work); owned */
  bool titled;           /**< whether progress is shown */
  bl_progress *progress; /**< on rank 0, else NULL */
  size_t drawn;          /**< samples that this rank drew, whole micro-batches */
  double seconds;        /**< that drawing took this rank */
} bl_sample_stream;

/** Get ready to draw samples 0 … \a count − 1. Not collective, but for what it tells: rank 0 of \a comm shows progress
 * titled \a title, unless that is NULL. \param [out] stream  the caller's, who fills nothing in; bl_sample_stream_destroy,
 * also after a failure. \param [in] points  whether the samples are points, not images. Returns BL_ERROR_USAGE for more
 * samples than there are random numbers for. */
bl_status bl_sample_stream_create(bl_sample_stream *stream, bl_graph *graph, const bl_chain *chain,
                                  const bl_condition *condition, uint64_t seed, uint32_t round, size_t batch, size_t count,
                                  bool points, const char *title, MPI_Comm comm);
void bl_sample_stream_destroy(bl_sample_stream *stream);

/** The samples as images or points; borrows the stream, which must stay where it is. Not collective. */
bl_images bl_sample_stream_images(bl_sample_stream *stream);

#endif
