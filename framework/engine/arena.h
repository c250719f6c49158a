/** \file
 * The memory planner of a graph: what lives when, and where it goes in one arena. */
#ifndef BEELINE_ENGINE_ARENA_H
#define BEELINE_ENGINE_ARENA_H

#include "engine/node.h"

/** A buffer that is needed from step \a begin to step \a end, both included. */
typedef struct bl_interval {
  size_t size; /**< floats */
  int begin, end;
  size_t offset; /**< floats from the start of the arena; a multiple of 16 (64 bytes) */
} bl_interval;

/** Choose offsets so that intervals that meet in time do not meet in memory, each at the lowest offset that is free for
 * all its life: largest first, or those of the steps that need most first, whichever takes less (greedy by size and by
 * breadth; Pisarchyk & Lee 2020, "Efficient Memory Management for Deep Neural Net Inference"). Not collective. \param [out]
 * total floats of the arena.
 */
bl_status bl_arena_assign(size_t *total, bl_interval *intervals, size_t count);

/** Which tensor and node of a graph has which place in its arena. */
typedef struct bl_layout bl_layout;

/** Lay out the memory of a planned graph: sets graph->layout and graph->arena_floats. The steps are
 * 0 (x arrives), 1 … N (forward), N + 1 (output leaves), N + 2 (its gradient arrives), then what bl_recompute_choose has
 * set (one for the backward of each node and for each result that is recomputed), and graph->last_step (d_x leaves). Not
 * collective. */
bl_status bl_arena_lay_out(bl_graph *graph);

/** Let \a arena be that of a graph: set all pointers of its tensors and nodes. Not collective. \param [in] arena
 * (graph->arena_floats); the graph owns it unless it shares memory. */
void bl_arena_set(bl_graph *graph, float *arena);

/** Not collective. */
void bl_layout_destroy(bl_layout **layout);

#endif
