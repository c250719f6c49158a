/** \file
 * Ranks agree before they diverge, so that none is left waiting in a collective. */
#ifndef BEELINE_PARALLEL_AGREE_H
#define BEELINE_PARALLEL_AGREE_H

#include "base/status.h"

#include <mpi.h>

/** The worst status of all ranks, on every rank. Collective over \a comm.
 * The message of the lowest rank that failed with it becomes the message of every rank. */
bl_status bl_agree(bl_status status, MPI_Comm comm);

/** Whether \a text is the same on all ranks. Collective over \a comm. \param [in] what  it is, for the message, as in "the
 * configuration"; of a text the first 256 bytes are looked at. Returns BL_ERROR_USAGE on all ranks, with the lowest rank
 * that differs from rank 0 and both texts. */
bl_status bl_agree_text(const char *what, const char *text, MPI_Comm comm);

/** Return from the calling function, on all ranks of \a comm together, unless \a call succeeded on each. */
#define BL_AGREE(call, comm) BL_TRY(bl_agree((call), (comm)))

#endif
