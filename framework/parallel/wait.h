/** \file
 * Waiting for messages without burning a core.
 *
 * MPI's own waits spin, which takes the processor from the ranks that share a core. These look for 50 µs at full speed,
 * then sleep a sixteenth of the time waited so far between looks, at most 1 ms (the kernel adds some 50 µs).
 *
 * MPI's blocking collectives spin as well, but move data faster than the non-blocking ones. So ranks first wait for
 * each other asleep (bl_barrier), then call the blocking one, in which nobody is late any more:
 * `BL_TRY(BL_MPI_SYNCHRONISED(MPI_Bcast(…, comm), comm));`. Every collective of the framework before which ranks may have
 * worked for different times is written so. */
#ifndef BEELINE_PARALLEL_WAIT_H
#define BEELINE_PARALLEL_WAIT_H

#include "base/status.h"
#include "parallel/mpi_check.h"

#include <mpi.h>

/** Wait until all \a count \a requests are complete; they become MPI_REQUEST_NULL. Not collective. */
bl_status bl_wait(MPI_Request *requests, int count);

/** Wait, asleep, until all ranks of \a comm have come here. Collective over \a comm. Returns BL_ERROR_LIBRARY at most. */
bl_status bl_barrier(MPI_Comm comm);

/** The same before something that has a name, for the watchdog's message. \param [in] what  borrowed, a string that stays.
 */
bl_status bl_barrier_for(const char *what, MPI_Comm comm);

/** A blocking collective call of MPI over \a comm as a status, after a barrier. */
#define BL_MPI_SYNCHRONISED(call, comm) (bl_barrier_for(#call, comm) == BL_OK ? BL_MPI(call) : BL_ERROR_LIBRARY)

/** Sleep between two looks of a wait that began at \a since (bl_clock_seconds). Not collective. */
void bl_wait_pause(double since);

#endif
