/** \file
 * What a run cost, told at its end: seconds for each kind of work, bytes for each channel, memory. */
#ifndef BEELINE_PARALLEL_ACCOUNT_H
#define BEELINE_PARALLEL_ACCOUNT_H

#include "base/status.h"
#include "parallel/statistics.h"

#include <mpi.h>

/** Bytes that this rank sent to others along a channel. */
typedef struct bl_traffic {
  const char *name;
  double bytes;
} bl_traffic;

/** Log the least, mean and most seconds of each kind of work, over the ranks that did it. Collective over \a comm, which
 * must agree on the order. \param [in] timings (count), borrowed. */
bl_status bl_account_times(const bl_timing *timings, int count, MPI_Comm comm);

/** Log the bytes that moved along each channel: in all, and from the rank that sent most; channels that nothing moved along
 * are left out. Collective over \a comm. \param [in] traffic (count), borrowed. */
bl_status bl_account_traffic(const bl_traffic *traffic, int count, MPI_Comm comm);

/** Log the peak memory of the ranks. Collective over \a comm. \param [in] bytes  of this rank. */
bl_status bl_account_memory(double bytes, MPI_Comm comm);

#endif
