/** \file
 * Sums of tensors, for the layer of that name and for convolutions that add to their result. Nothing here is collective. */
#ifndef BEELINE_LAYER_ADD_H
#define BEELINE_LAYER_ADD_H

#include "engine/node.h"

/** Whether \a b is a vector (batch, channels, 1, 1) for every pixel of \a image, and not of its shape. */
bool bl_add_is_vector(const bl_tensor *image, const bl_tensor *b);

/** Returns BL_ERROR_USAGE where \a b has the shape of \a image but another layout. */
bl_status bl_add_check(const bl_tensor *image, const bl_tensor *b);

/** \a y = \a a + b, all in the layouts of \a image and \a b; \a y may be \a a. */
void bl_add_run(float *y, const float *a, const bl_tensor *image, const bl_tensor *b);

/** The gradient by \a b of a sum whose own is \a d_y. \param [out] d_b  may be \a d_y where b has the shape of \a image. */
void bl_add_gradient(float *d_b, const float *d_y, const bl_tensor *image, const bl_tensor *b);

#endif
