/** \file
 * Memory of graphs that take turns, as those of a rank that rolls out, learns and measures with one network: one arena for
 * their activations and one copy of the weights in each layout, instead of one for every graph.
 *
 * A graph takes part by bl_compute.pool and by naming its network (bl_graph_set_network, which bl_network_create_with
 * does). Taking turns means: bl_graph_load makes the graph's parameters those that the memory holds, so that every other
 * graph of the same network must be loaded before it is evaluated again; bl_graph_forward overwrites the activations of the
 * others, so that bl_graph_backward must follow before another graph of the network is evaluated. Both are checked
 * (BL_ERROR_USAGE). Different networks share nothing. Memory is allocated when it is first used. Nothing here is
 * collective.
 */
#ifndef BEELINE_ENGINE_POOL_H
#define BEELINE_ENGINE_POOL_H

#include "engine/backend.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct bl_pool bl_pool;

/** A network whose graphs share memory; owned by its pool. */
typedef struct bl_pool_network bl_pool_network;

/** An empty pool. \param [out] pool  the caller's; bl_pool_destroy. It must live as long as the graphs that use it. */
bl_status bl_pool_create(bl_pool **pool);

/** Release *\a pool (NULL is allowed) with all memory that it lent, and set it to NULL. */
void bl_pool_destroy(bl_pool **pool);

/** The network known by the \a size bytes of \a key, which are copied; the first call makes it.
 * \param [out] network  the pool's. */
bl_status bl_pool_network_get(bl_pool_network **network, bl_pool *pool, const void *key, size_t size);

/** Memory for weights of \a network in \a format, the same for all who ask for the same \a parameter (an index into the
 * network's table), \a variant and format; the first call allocates it. \param [out] data  the pool's, until
 * bl_pool_release. */
bl_status bl_pool_weights(float **data, bl_pool_network *network, size_t parameter, size_t variant,
                          const bl_format *format);

/** Say that the weights are now those of \a graph, and ask. */
void bl_pool_set_loaded(bl_pool_network *network, const void *graph);
bool bl_pool_is_loaded(const bl_pool_network *network, const void *graph);

/** The arena, of at least \a floats, for a forward pass of \a graph; what it held is lost, and it may have moved.
 * \param [out] arena  the pool's. */
bl_status bl_pool_take_arena(float **arena, bl_pool_network *network, size_t floats, const void *graph);

/** Give back the memory of \a network, weights and arena, until it is asked for again; its graphs must be loaded anew. */
void bl_pool_release(bl_pool_network *network);

/** Whether \a graph was the last to take the arena. */
bool bl_pool_has_arena(const bl_pool_network *network, const void *graph);

#endif
