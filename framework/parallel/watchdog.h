/** \file
 * A watchdog: a thread on each rank that ends the job when the rank makes no progress for too long, and says where it
 * stood.
 *
 * Progress is any pass of a network, any piece of timed work that ends, and any wait that ends. A rank that waits is given
 * twice the time of one that works: where one rank hangs in its work and the others wait for it, the one that hangs speaks.
 * Time in which the whole process was stopped (scontrol suspend) does not count. */
#ifndef BEELINE_PARALLEL_WATCHDOG_H
#define BEELINE_PARALLEL_WATCHDOG_H

#include "base/status.h"

#include <mpi.h>

/** Watch this rank: after \a seconds at work or twice as long in a wait without progress, print one line and end the job
 * (MPI_Abort, status 1). Not collective. \param [in] seconds  0: do not watch. \param [in] comm  for the rank's number;
 * borrowed until bl_watchdog_stop. Returns BL_ERROR_SYSTEM where no thread can be started. */
bl_status bl_watchdog_start(double seconds, MPI_Comm comm);

/** Watch no longer. Not collective; allowed where nothing was started. */
void bl_watchdog_stop(void);

/** A piece of work is done. Not collective; takes a nanosecond. */
void bl_watchdog_progress(void);

/** What this rank works on from now on, for the message; NULL for nothing named. Counts as progress. Not collective. \param
 * [in] what  borrowed, a string that stays. */
void bl_watchdog_work(const char *what);

/** This rank begins to wait. Not collective. \param [in] what  "MPI_Allreduce(…" or the name of a channel; borrowed, a
 * string that stays. \param [in] tag, source  of the message and the rank that it comes from; −1: a call of all ranks. */
void bl_watchdog_wait(const char *what, int tag, int source);

/** The wait is over, which is progress. Not collective. */
void bl_watchdog_go_on(void);

#endif
