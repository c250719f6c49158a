/** \file
 * x Wᵀ + b, the part that the dense layers share: three inner products of the back end and re-ordered weights. */
#ifndef BEELINE_LAYER_AFFINE_H
#define BEELINE_LAYER_AFFINE_H

#include "layer/weights.h"

/** Zero-initialise. */
typedef struct bl_affine {
  bl_primitive *forward, *backward_data, *backward_weights;
  bl_weights forward_weights, backward_weights_data;
  float *bias; /**< (features) */
} bl_affine;

/** Add the parameters "name.weight" (features, elements of x) and "name.bias" to \a node: its first two. */
void bl_affine_add_parameters(bl_node *node, const char *name, bl_initialiser weights);

/** Create the primitives for input 0 and the output of \a node, and raise node->scratch to what they need. */
bl_status bl_affine_prepare(bl_affine *affine, const bl_graph *graph, bl_node *node);
bl_status bl_affine_load(bl_affine *affine, const bl_graph *graph, const bl_node *node, const float *values);

/** \param [out] y (batch, features). \param [in] x the data of input 0. */
bl_status bl_affine_forward(bl_affine *affine, const bl_graph *graph, float *y, const float *x);

/** \param [in] d_y (batch, features). Parameter gradients and d_input[0] are written where they are wanted. */
bl_status bl_affine_backward(bl_affine *affine, const bl_graph *graph, bl_node *node, const float *d_y);
void bl_affine_destroy(bl_affine *affine);

#endif
