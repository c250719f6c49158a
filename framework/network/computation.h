/** \file
 * How all networks of a run compute: the section `compute` of the configuration, in one place for all programs.
 *
 *     create … (the plans of all graphs are known) … settle … build graphs with &computation.rollout and the like … destroy
 */
#ifndef BEELINE_NETWORK_COMPUTATION_H
#define BEELINE_NETWORK_COMPUTATION_H

#include "base/options.h"
#include "network/network.h"

#include <mpi.h>

/** For bl_network_create_with, by what a graph is for. */
typedef struct bl_computation {
  bl_algorithms *algorithms; /**< choices by measuring; NULL for the fixed rule; owned */
  bl_pool *pool;             /**< memory that all graphs share, which take turns; owned */
  bl_compute learn;          /**< for gradients */
  bl_compute rollout;        /**< sampling, where operands may be rounded to bfloat16 */
  bl_compute judge;          /**< inference in single precision */
} bl_computation;

/** A graph that some rank is going to build: the arguments of bl_network_create_with. */
typedef struct bl_network_plan {
  const bl_network_shape *shape; /**< borrowed, as the compute */
  int batch;
  bl_graph_mode mode;
  const bl_compute *compute;
} bl_network_plan;

/** Read the section. Not collective. \param [out] computation  the caller's; bl_computation_destroy; must stay where it is.
 * Returns BL_ERROR_USAGE by bl_options_reject. */
bl_status bl_computation_create(bl_computation *computation, const bl_options *options);
void bl_computation_destroy(bl_computation *computation);

/** With `algorithms: measure`, take the choices that \a recorded lists, measure on rank 0 what they lack for the given
 * graphs, and give all ranks the same table. A no-op with the fixed rule. Collective over \a comm.
 * \param [in] recorded  text of bl_computation_text from an earlier session, NULL or "" for none; rank 0's counts.
 * \param [in] plans (count), of which one that cannot be built is left to the one who needs it.
 * Returns BL_ERROR_INPUT for a text that is none. */
bl_status bl_computation_settle(bl_computation *computation, const char *recorded, const bl_network_plan *plans, int count,
                                MPI_Comm comm);

/** The choices as text, "" with the fixed rule. Not collective. Borrowed; does not change after bl_computation_settle. */
const char *bl_computation_text(const bl_computation *computation);

#endif
