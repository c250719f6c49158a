/** \file
 * The memory planner of a graph: what lives when, and where it goes in one arena. */
#ifndef BEELINE_NETWORK_PLAN_H
#define BEELINE_NETWORK_PLAN_H

#include "network/node.h"

/** A buffer that is needed from step \a begin to step \a end, both included. */
typedef struct bl_interval {
  size_t size; /**< floats */
  int begin, end;
  size_t offset; /**< floats from the start of the arena; a multiple of 16 (64 bytes) */
} bl_interval;

/** Choose offsets so that intervals that meet in time do not meet in memory: largest first, each at the lowest offset that
 * is free for all its life (greedy by size; Pisarchyk & Lee 2020). Not collective. \param [out] total floats of the arena.
 */
bl_status bl_plan_assign(size_t *total, bl_interval *intervals, size_t count);

/** Lay out the memory of a planned graph: allocates graph->arena and sets all pointers of tensors and nodes. The steps are
 * 0 (x arrives), 1 … N (forward), N + 1 (output leaves), N + 2 (its gradient arrives), then what bl_plan_again has set (one
 * for the backward of each node and for each result that is made again), and graph->last_step (d_x leaves). Not
 * collective. */
bl_status bl_plan_memory(bl_graph *graph);

#endif
