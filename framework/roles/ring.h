/** \file
 * The ring of roles over the ranks of a world: aggregators, generators, critics and the channels between them. */
#ifndef BEELINE_ROLES_RING_H
#define BEELINE_ROLES_RING_H

#include "roles/critic.h"
#include "roles/generator.h"

/** One of the three networks that learn. */
typedef struct bl_ring_network {
  const bl_network_shape *shape;
  const bl_parameter_table *table; /**< of any graph of that shape */
  bl_optimiser_settings optimiser;
  double clip;    /**< largest norm of the gradient, 0: none */
  double average; /**< decay of the moving average, 0: none */
} bl_ring_network;

/** What a ring works on, whatever the ranks; all pointers are borrowed for the life of the ring. */
typedef struct bl_ring_plan {
  bl_ring_network policy, critic, value;
  const bl_computation *computation; /**< NULL: as by default */
  const bl_sft_pg *method;
  const bl_chain *chain;
  bl_batches *data;
  int slots; /**< micro-batches in a batch */
} bl_ring_plan;

/** The objects of all roles; those of a role that this rank does not hold are empty. Must stay where it is. */
typedef struct bl_ring {
  bl_channel *trajectories, *advantages;
  bl_aggregator policy, critic, value; /**< value: empty where there is no V */
  bl_buffer buffer;
  bl_generator generators;
  bl_critic critics;
  bl_backprop backprop; /**< where the method has it */
} bl_ring;

/** Make the objects, with zero parameters. Not collective. \param [out] ring  the caller's; bl_ring_destroy, also after a
 * failure. \param [in] world  borrowed for the ring's life. */
bl_status bl_ring_create(bl_ring *ring, const bl_world *world, const bl_ring_plan *plan);
void bl_ring_destroy(bl_ring *ring);

/** Log where the time of the rounds went, for each kind of work and waiting over the ranks that did it, and what moved
 * along each channel. Collective over \a comm. */
bl_status bl_ring_account(const bl_ring *ring, MPI_Comm comm);

#endif
