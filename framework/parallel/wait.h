/** \file
 * Waiting for messages without burning a core.
 *
 * MPI's own waits spin, which takes the processor from the ranks that share a core. These look for 50 µs at full speed,
 * then sleep a quarter of the time waited so far between looks, at most 1 ms: a wait takes at most a quarter longer. */
#ifndef BEELINE_PARALLEL_WAIT_H
#define BEELINE_PARALLEL_WAIT_H

#include "base/status.h"

#include <mpi.h>

/** Wait until all \a count \a requests are complete; they become MPI_REQUEST_NULL. Not collective. */
bl_status bl_wait(MPI_Request *requests, int count);

/** Sleep between two looks of a wait that began at \a since (bl_clock_seconds). Not collective. */
void bl_wait_pause(double since);

#endif
