/** \file
 * What layers cost by their definition: floating-point operations and bytes, whatever algorithm runs them.
 *
 * An operation is a multiplication or an addition of a convolution, a dense layer or a product of attention (2 for each
 * multiply-add of the plain sum, padding included, as is usual); element-wise work and normalisations are not counted.
 * Winograd's convolutions do with fewer, so a speed in these units may exceed the peak of direct sums.
 */
#ifndef BEELINE_ENGINE_COST_H
#define BEELINE_ENGINE_COST_H

#include "engine/node.h"

/** Operations of \a pass of \a node for the whole micro-batch, when backward wants the gradients of all parameters and not
 * that of x, as learning does. Not collective. */
double bl_cost_flops(const bl_node *node, bl_pass pass);

/** Operations of all layers: forward, and with \a backward that too. Not collective. */
double bl_cost_graph_flops(const bl_graph *graph, bool backward);

/** Bytes that forward, or (\a backward) backward, of \a node reads and writes at least once: its tensors, parameters and
 * gradients. An estimate: caches save some of the traffic, and scratch adds some. Not collective. */
double bl_cost_bytes(const bl_node *node, bool backward);

#endif
