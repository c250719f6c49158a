/** \file
 * Learning from the data directly: losses of one micro-batch and their gradients. supervised.c lists them.
 *
 * `denoise` is DDPM's pre-training (Ho et al. 2020, eq. 14): the mean of (ε − network(√ᾱ_t x_0 + √(1 − ᾱ_t) ε, t))².
 * `classify` is cross-entropy, for the classifier whose features FID is measured on.
 * To add one: a new file with a row, and its name in supervised.c.
 */
#ifndef BEELINE_LEARNER_SUPERVISED_H
#define BEELINE_LEARNER_SUPERVISED_H

#include "diffusion/head.h"
#include "diffusion/schedule.h"
#include "engine/graph.h"

#include <stdint.h>

/** One micro-batch of data, and where it stands in the run. */
typedef struct bl_sample_batch {
  const float *values;    /**< (count, size) in network units; borrowed */
  const int32_t *labels;  /**< (count) or NULL; borrowed */
  const float *condition; /**< (count, size of the network's condition) or NULL where it has none; borrowed */
  size_t count;           /**< the graph's micro-batch */
  size_t size;            /**< elements of a sample */
  uint64_t seed;
  uint32_t round; /**< the optimiser step */
  uint32_t first; /**< number of the first sample within the whole batch of this step */
  float
      *work; /**< (4 × count × size + count) caller's scratch, for heads 6 instead of 4; classify: (2 × count × classes) */
} bl_sample_batch;

/** A row of the table. */
typedef struct bl_supervised {
  const char *name;
  /** Mean loss of the micro-batch and its gradient. Not collective.
   * \param [in] sink  takes the gradient; NULL: only the loss.
   * \param [in] graph  loaded, compiled for training. \param [in] schedule  for `denoise`; may be NULL for `classify`. */
  bl_status (*gradient)(const bl_gradient_sink *sink, double *loss, bl_graph *graph, const bl_schedule *schedule,
                        const bl_sample_batch *batch);
} bl_supervised;

extern const bl_supervised bl_supervised_denoise;
extern const bl_supervised bl_supervised_classify;

/** How a head learns, on a graph with shape.head; not in the list by names. Not collective. */
const bl_supervised *bl_supervised_head(bl_head head);

/** The row of that name, or NULL. Not collective. */
const bl_supervised *bl_supervised_find(const char *name);

/** The names, for messages: "denoise, classify". Not collective. */
const char *bl_supervised_names(void);

#endif
