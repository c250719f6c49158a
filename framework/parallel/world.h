/** \file
 * The ranks of a run, and the three roles over them.
 *
 *              θ, version k                    trajectories x_T' … x_0
 *     aggregator ──────────────► generators ──────────────────────────► critics (f, V)
 *          ▲                        │    ▲                                 │
 *          └──── Σ ∇θ (exact) ──────┘    └───────── advantages (scalars) ──┘
 *
 * A split G:C:A lays G generators, then C critics, then A aggregators over the ranks, round and round: generator g is rank
 * g mod N, critic c is rank (G + c) mod N, aggregator a is rank (G + C + a) mod N. So 2:1:1 on four ranks gives every rank
 * one role, N:N:N gives every rank all three, and 1:1:1 on one rank is the whole program without mpirun.
 */
#ifndef BEELINE_PARALLEL_WORLD_H
#define BEELINE_PARALLEL_WORLD_H

#include "base/status.h"

#include <mpi.h>
#include <stdbool.h>

/** The ranks that hold one role, as seen from this rank. */
typedef struct bl_group {
  MPI_Comm comm; /**< owned; MPI_COMM_NULL where this rank is not a member */
  int size;      /**< members, 0 for critics that a split leaves out */
  int rank;      /**< this rank's number among the members (its rank in comm), −1 when it is none */
  int first;     /**< world rank of member 0 */
} bl_group;

/** The ranks of a run. */
typedef struct bl_world {
  MPI_Comm comm; /**< owned duplicate of the communicator given at creation */
  int rank;
  int size;
  bl_group generators;
  bl_group critics;
  bl_group aggregators;
  MPI_Comm gradient_comm;   /**< owned; channel generators → aggregators (union of both), MPI_COMM_NULL elsewhere */
  MPI_Comm parameter_comm;  /**< owned; channel aggregators → generators (same union) */
  MPI_Comm trajectory_comm; /**< owned; channel generators → critics: all ranks */
  MPI_Comm advantage_comm;  /**< owned; channel critics → generators: all ranks */
} bl_world;

/** How many ranks hold each role. */
typedef struct bl_split {
  int generators;
  int critics; /**< 0 for learners that need none */
  int aggregators;
} bl_split;

/** Read "G:C:A" or "all" (every rank holds every role, written N:N:N).
 * Not collective. Returns BL_ERROR_USAGE when \a text is neither, when a count is above \a ranks or below 1 (critics:
 * below 0), or when the split leaves a rank without a role; the message gives a split that fits. */
bl_status bl_split_parse(bl_split *split, const char *text, int ranks);

/** How many of \a ranks ranks would be generators or critics without a micro-batch of their own, of the \a micro_batches in
 * a batch: generator and critic i compute numbers i, i + their count, …. Not collective. */
int bl_split_idle(bl_split split, int ranks, int micro_batches);

/** Lay \a split over the ranks of \a comm and make the communicators of the groups and of the channels.
 * Collective over \a comm. \param [out] world  the caller's; release with bl_world_destroy.
 * Returns BL_ERROR_USAGE, on all ranks alike, when the split does not fit. */
bl_status bl_world_create(bl_world *world, MPI_Comm comm, bl_split split);

/** Release the communicators. Collective over the world. */
void bl_world_destroy(bl_world *world);

/** World rank of member \a member of \a group. Not collective. */
int bl_group_world_rank(const bl_world *world, const bl_group *group, int member);

#endif
