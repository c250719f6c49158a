/** \file
 * A signal that asks the job to end: noted when it comes, agreed upon where the ranks are together, so that one rank that
 * got it is enough.
 *
 * SIGTERM and SIGUSR1 are what batch systems send ahead of a time limit, and launchers hand on to the ranks. Launchers may
 * deliver one request twice, so more of them change nothing. SIGINT (Ctrl-C) asks for the same the first time, and ends the
 * process at once the second time; SIGQUIT and SIGKILL do so as ever. */
#ifndef BEELINE_PARALLEL_INTERRUPT_H
#define BEELINE_PARALLEL_INTERRUPT_H

#include "base/status.h"

#include <mpi.h>
#include <stdbool.h>

/** From now on SIGTERM, SIGUSR1 and the first SIGINT are noted instead of ending the process, also where they were ignored.
 * Not collective; for programs that look by bl_interrupt_agree. \param [in] answer  is written to standard error at the
 * first SIGINT; borrowed, a string that stays; NULL: nothing is. */
void bl_interrupt_catch(const char *answer);

/** The signals end the process again, and one that was noted does so now. Not collective; for work that would begin
 * anew in any case and has written nothing. */
void bl_interrupt_release(void);

/** Whether any rank of \a comm has noted a signal. Collective over \a comm. \param [out] asked  the same on all ranks. */
bl_status bl_interrupt_agree(bool *asked, MPI_Comm comm);

#endif
