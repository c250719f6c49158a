/** \file
 * Return codes of MPI as statuses.
 *
 * MPI's default handler ends the job at the first error, which is right for a run. Where another handler is set, its codes
 * become statuses here. */
#ifndef BEELINE_PARALLEL_MPI_CHECK_H
#define BEELINE_PARALLEL_MPI_CHECK_H

#include "base/status.h"

/** BL_OK when \a code is MPI_SUCCESS, otherwise BL_ERROR_LIBRARY with MPI's own words. Not collective.
 * \param [in] call  the call that returned \a code, for the message. */
bl_status bl_mpi_check(int code, const char *call);

/** A call of MPI as a status. */
#define BL_MPI(call) bl_mpi_check((call), #call)

#endif
