/** \file
 * Where the time went, over all ranks: named timings for the summary at the end of a run. */
#ifndef BEELINE_PARALLEL_STATISTICS_H
#define BEELINE_PARALLEL_STATISTICS_H

#include "base/status.h"

#include <mpi.h>

/** Time spent in one kind of work on this rank. Start from {"name", 0}. */
typedef struct bl_timing {
  const char *name;
  double seconds; /**< so far */
  long calls;     /**< begin-end pairs so far */
  double began;   /**< of the pair that is open */
} bl_timing;

/** Start the clock. Not collective. */
void bl_timing_begin(bl_timing *timing);

/** Stop the clock and count. Not collective. */
void bl_timing_end(bl_timing *timing);

/** A timing over the ranks that did this kind of work (calls above 0). */
typedef struct bl_statistic {
  double min, mean, max; /**< seconds; 0 when no rank did it */
  int slowest;           /**< lowest rank with the maximum, −1 when no rank did it */
  int ranks;             /**< how many did it */
} bl_statistic;

/** Smallest, mean and largest of each timing. Collective over \a comm, which must agree on the order of the timings.
 * \param [out] statistics  (count), caller's, the same on every rank.
 * \param [in] timings  (count), borrowed. */
bl_status bl_statistics_of(bl_statistic *statistics, const bl_timing *timings, int count, MPI_Comm comm);

#endif
