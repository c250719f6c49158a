/** \file
 * Where the time of a network goes: each layer's time beside its roofline, the time that its operations or its bytes would
 * take at the speeds of the machine, whichever is longer (Williams, Waterman & Patterson 2009). */
#ifndef BEELINE_ENGINE_PROFILE_H
#define BEELINE_ENGINE_PROFILE_H

#include "engine/machine.h"
#include "engine/node.h"

/** One direction of one layer, or a sum of such, for a micro-batch. */
typedef struct bl_profile_cost {
  double seconds;
  double flops;    /**< as engine/cost.h counts, as bytes */
  double bytes;    /**< an estimate */
  double roofline; /**< seconds; the actual ones may be fewer, by Winograd's convolutions or by caches */
} bl_profile_cost;

/** One layer, or a sum of layers. */
typedef struct bl_profile_row {
  const bl_node *node;          /**< NULL for a sum; borrowed from the graph */
  const char *kind;             /**< "conv" … ; borrowed from the graph */
  char name[BL_PARAMETER_NAME]; /**< what the names of its parameters have in common; the kind where it has none */
  int layers;                   /**< 1, or how many are summed */
  bl_profile_cost forward;
  bl_profile_cost backward; /**< zero for a graph for inference; with the time to recompute the layer's result */
} bl_profile_row;

typedef struct bl_profile {
  bl_machine machine;
  int count;
  bl_profile_row *rows; /**< (count) layers in the order of execution; owned */
  int kinds;
  bl_profile_row *by_kind; /**< (kinds) their sums, in the order of first appearance; owned */
  bl_profile_row sum;
  double forward, backward; /**< seconds of whole passes, as bl_graph_forward and bl_graph_backward take them */
} bl_profile;

/** Run \a graph forward, and backward where it was compiled for that (with the gradients of all parameters, not of x),
 * layer by layer, \a repeats times after a first one; seconds are medians. Not collective.
 * \param [out] profile  the caller's; bl_profile_destroy. \param [in] graph  loaded. \param [in] inputs
 * borrowed.
 * \param [in] machine  measured before. Returns BL_ERROR_USAGE for a graph that is not loaded. */
bl_status bl_profile_create(bl_profile *profile, bl_graph *graph, const bl_machine *machine, const bl_graph_inputs *inputs,
                            int repeats);
void bl_profile_destroy(bl_profile *profile);

/** Add \a cost to \a sum. Not collective. */
void bl_profile_add(bl_profile_cost *sum, const bl_profile_cost *cost);

#endif
