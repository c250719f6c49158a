/** \file
 * What backward recomputes instead of keeping it from forward: results that are cheap, as a normalisation, whose memory is
 * worth more than their time, and (bl_compute.recompute) all that was built in segments. */
#ifndef BEELINE_ENGINE_RECOMPUTE_H
#define BEELINE_ENGINE_RECOMPUTE_H

#include "engine/node.h"

/** Decide which tensors are dropped after their last reading in forward, and put the steps of backward in order: before the
 * backward of a node, all dropped results that it reads, each after the dropped results that it is made from. Sets
 * `dropped`, recompute_step, recompute_end and backward_step of all nodes, and graph->recomputed. Not collective. */
bl_status bl_recompute_choose(bl_graph *graph);

#endif
