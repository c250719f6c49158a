/** \file
 * The ring of roles over the ranks of a world: aggregators, generators, critics and the channels between them. */
#ifndef BEELINE_ROLES_RING_H
#define BEELINE_ROLES_RING_H

#include "roles/critic.h"
#include "roles/generator.h"
#include "roles/improve.h"

/** The objects of all roles; those of a role that this rank does not hold are empty. Must stay where it is. */
typedef struct bl_ring {
  bl_links links;
  bl_aggregator aggregators[BL_NETWORKS]; /**< of the networks of the plan */
  bl_buffer buffer;
  bl_generator generator;
  bl_critic critic;
  bl_improvement *improvement;
} bl_ring;

/** Make the objects, with zero parameters. Not collective. \param [out] ring  the caller's; bl_ring_destroy, also after a
 * failure. \param [in] world, plan  borrowed for the ring's life. */
bl_status bl_ring_create(bl_ring *ring, const bl_world *world, const bl_ring_plan *plan);
void bl_ring_destroy(bl_ring *ring);

/** Log where the time of the rounds went, for each kind of work and waiting over the ranks that did it, and what moved
 * along each channel. Collective over \a comm. */
bl_status bl_ring_account(const bl_ring *ring, MPI_Comm comm);

#endif
