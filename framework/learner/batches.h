/** \file
 * Which samples of a data set a step learns from: epochs of shuffled batches, as a function of (seed, step) alone. */
#ifndef BEELINE_LEARNER_BATCHES_H
#define BEELINE_LEARNER_BATCHES_H

#include "store/dataset.h"

#include <stdbool.h>

/** Shuffled batches of a data set. */
typedef struct bl_batches {
  const bl_dataset *dataset; /**< borrowed */
  uint64_t seed;
  size_t batch;    /**< samples per step */
  bool flip;       /**< mirror samples left to right with probability one half */
  int64_t epoch;   /**< of the order that is held, −1 for none */
  uint32_t *order; /**< (dataset->count); owned */
} bl_batches;

/** Shuffle \a dataset into batches of \a batch samples; what is left of an epoch is dropped. Not collective.
 * \param [out] batches  the caller's; bl_batches_destroy. Returns BL_ERROR_USAGE when the data set is smaller than a batch.
 */
bl_status bl_batches_create(bl_batches *batches, const bl_dataset *dataset, size_t batch, uint64_t seed, bool flip);

/** Release the order. Not collective. */
void bl_batches_destroy(bl_batches *batches);

/** Samples [first, first + count) of batch number \a step, as the network sees them. Not collective.
 * \param [out] values (count, sample size) in network units, caller's.
 * \param [out] labels (count) or NULL. */
void bl_batches_get(float *values, int32_t *labels, bl_batches *batches, int64_t step, size_t first, size_t count);

#endif
