/** \file
 * Winograd's convolution (layer/winograd_transform.h) of 3 × 3 pixels, stride 1 and padding 1: our transforms around
 * the back end's 1 × 1 convolution, once for each of 36 frequencies. oneDNN 2.6 has one of its own for AVX-512 only, which
 * takes 5 to 10 % longer there on the U-Net of CIFAR-10; oneDNN 3 has none.
 *
 * A group of samples is worked on at a time, so that its transformed data stays in cache. Weights are transformed in every
 * call, which keeps memory as small as without Winograd. Nothing here is collective.
 */
#ifndef BEELINE_LAYER_WINOGRAD_H
#define BEELINE_LAYER_WINOGRAD_H

#include "engine/algorithm.h"
#include "engine/node.h"
#include "layer/layer.h"
#include "layer/winograd_transform.h"

/** One pass of one convolution. */
typedef struct bl_winograd bl_winograd;

/** Plan \a pass of the convolution of \a shape from \a x to \a y. \param [out] winograd  bl_winograd_destroy; NULL where it
 * has another geometry, a tensor is not in whole blocks of channels, or the back end has no fast 1 × 1 convolution for it.
 */
bl_status bl_winograd_create(bl_winograd **winograd, const bl_graph *graph, bl_pass pass, bl_conv_shape shape,
                             const bl_tensor *x, const bl_tensor *y);
void bl_winograd_destroy(bl_winograd **winograd);

/** Floats of scratch that a run needs. */
size_t bl_winograd_scratch(const bl_winograd *winograd);

/** The format of the weights that bl_winograd_run reads: (out / block, in / block, 3, 3, block of in, block of out) of the
 * convolution from x to y, the same for both passes. */
bl_status bl_winograd_format(const bl_format **format, const bl_tensor *x, const bl_tensor *y);

/** The forward pass: \a to is y, \a from is x; or the gradient by x: \a to is d_x, \a from is d_y. \param [in] weights  in
 * bl_winograd_format. \param [in] added  to the result: bias (out), vector (batch, out), image as \a to. */
bl_status bl_winograd_run(bl_winograd *winograd, float *to, const float *from, const float *weights,
                          const bl_winograd_added *added, float *scratch);

/** The gradients by weights and bias. \param [out] d_weights (out, in, 3, 3) plain. \param [out] d_bias (out). */
bl_status bl_winograd_run_weights(bl_winograd *winograd, float *d_weights, float *d_bias, const float *x, const float *d_y,
                                  float *scratch);

/** Time one run on memory of its own: the best of a few. \param [out] seconds  wall-clock. */
bl_status bl_winograd_measure(double *seconds, bl_winograd *winograd);

#endif
