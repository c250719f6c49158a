/** \file
 * Checks of one layer (or a small graph) against a naive reference in double precision, and of its backward pass against
 * finite differences of that reference. */
#ifndef BEELINE_TESTS_LAYER_LAYER_CHECK_H
#define BEELINE_TESTS_LAYER_LAYER_CHECK_H

#include "engine/graph.h"

/** y = f(x, values) for a whole micro-batch, plain layouts. \param [in] context  what the reference needs to know. */
typedef void bl_reference(double *y, const double *x, const double *values, const void *context);

typedef struct bl_layer_check {
  bl_reference *reference;
  const void *context;
  float x_mean, x_scale;     /**< the random input is uniform in mean ± scale */
  double forward_tolerance;  /**< largest error over the largest |y| */
  double backward_tolerance; /**< largest error over the largest |gradient|, and of a derivative over the gradient's norm */
} bl_layer_check;

/** Compile \a graph for training, run it both ways on random data, compare, and destroy it; fails the test where they
 * differ. */
void bl_check_layer(bl_graph *graph, const bl_layer_check *check);

/** Channels [first, first + channels) of \a x as a tensor of its own in the layout of \a block channels (1: plain), so that
 * a test chooses the layout and can feed a layer of several inputs. */
bl_tensor *bl_test_slice(bl_graph *graph, bl_tensor *x, int first, int channels, int block);

#endif
