/** \file
 * Weights as an operation of the back end wants them, re-ordered from the plain ones by each load. */
#ifndef BEELINE_LAYER_WEIGHTS_H
#define BEELINE_LAYER_WEIGHTS_H

#include "engine/node.h"

/** Their memory is the graph's pool's where it has one, and shared there with all that have the same key. Zero-initialise.
 */
typedef struct bl_weights {
  const bl_format *format;
  float *data;               /**< set by each load */
  size_t parameter, variant; /**< the key */
  bool shared;               /**< the pool's */
  bl_primitive *reorder;
} bl_weights;

/** Plan weights. Not collective. \param [in] parameter  index into the graph's table. \param [in] variant  other than 0 for
 * those who change the weights after loading. */
bl_status bl_weights_create(bl_weights *weights, const bl_graph *graph, const bl_format *wanted, const bl_format *plain,
                            size_t parameter, size_t variant);
/** Re-order \a plain values into them; release them. Not collective. */
bl_status bl_weights_load(bl_weights *weights, const bl_graph *graph, const float *plain);
void bl_weights_destroy(bl_weights *weights);

#endif
