/** \file
 * Layers that disappear into others before a graph is planned. */
#ifndef BEELINE_ENGINE_FUSE_H
#define BEELINE_ENGINE_FUSE_H

#include "engine/node.h"

/** Let layers that can add to their result (bl_node_kind.adds) do what a layer that sums (bl_node_kind.sums) would, where
 * nothing else reads that result: the sum is gone then, and the other layer, with a second input, in its place. Results and
 * gradients keep their bits. For the compiler of graphs, before it plans. Not collective. */
void bl_graph_fuse(bl_graph *graph);

#endif
