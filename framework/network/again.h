/** \file
 * What backward makes again instead of keeping it from forward: results that are cheap, as a normalisation, whose memory is
 * worth more than their time, and (bl_compute.recompute) all that was built in segments. */
#ifndef BEELINE_NETWORK_AGAIN_H
#define BEELINE_NETWORK_AGAIN_H

#include "network/node.h"

/** Decide which tensors are dropped after their last reading in forward, and put the steps of backward in order: before the
 * backward of a node, all dropped results that it reads, each after the dropped results that it is made from. Sets
 * `dropped`, again_step, again_end and backward_step of all nodes, and graph->again. Not collective. */
bl_status bl_plan_again(bl_graph *graph);

#endif
