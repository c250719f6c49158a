/** \file
 * How this process was started, as its environment tells, beside what MPI says.
 *
 * A launcher that MPI does not understand (`srun` without PMIx, the `mpirun` of another MPI) starts N programs that each
 * believe to be alone, and would write over each other. Launchers leave their number in the environment: where one says
 * more than MPI, the launch is refused.
 *
 * The nearest launcher counts, and an allocation is none: SLURM_NTASKS, a batch script and a shell in an allocation are as
 * good as a desk. Where any launcher says the number of ranks that MPI says, all is well, whatever is around it: a rank of
 * `mpirun -n 1` on another node of a Slurm job stands in the step of the daemons. Slurm's word counts only where no process
 * manager of its own stands between (PRRTE's name space, Flux). What is typed into the shell of `srun --pty` was started by
 * the shell, not by srun, though it inherits its variables, as a batch script does that is submitted from there. */
#ifndef BEELINE_PARALLEL_LAUNCH_H
#define BEELINE_PARALLEL_LAUNCH_H

#include "base/status.h"

#include <stdbool.h>

enum { BL_LAUNCH_SIGNS = 14 };

/** What launchers left in an environment. */
typedef struct bl_launch {
  bool any;                    /**< a launcher's variable is there, whatever it says */
  bool in_shell;               /**< started by hand in the shell of srun --pty */
  long least[BL_LAUNCH_SIGNS]; /**< by sign: it says that so many programs, or more, were started; 0: it says nothing */
} bl_launch;

/** Read what launchers left. Not collective; before MPI_Init, which may set such variables itself. \param [out] launch  the
 * caller's. \param [in] environment  "NAME=VALUE" strings up to a NULL, as environ. \param [in] by_hand  bl_launch_by_hand.
 */
void bl_launch_read(bl_launch *launch, char *const *environment, bool by_hand);

/** Whether a shell with a terminal and job control started this process (or its script). Not collective. */
bool bl_launch_by_hand(void);

/** Make the environment that of a process without a launcher, where it is one. Not collective; before MPI_Init.
 * In the shell of srun --pty the variables of its step (SLURM_STEP*, PMI_*, PMIX_*) go, with which MPI would take the place
 * of the shell itself; Open MPI 4 refuses to. Without a launcher Open MPI 4 is told to do without the daemon that it starts
 * for MPI_Comm_spawn (OMPI_MCA_ess_singleton_isolated, unless it is set; that costs 0.1 s, and a minute where names cannot
 * be resolved; Open MPI 5 and MPICH start none). */
void bl_launch_prepare(const bl_launch *launch);

/** Whether the process is one rank of one job of \a ranks ranks. Not collective. \param [in] library  what
 * MPI_Get_library_version says. Returns BL_ERROR_USAGE where a launcher started more programs than that: which one, by
 * which variable, how many, and what to do. */
bl_status bl_launch_check(const bl_launch *launch, int ranks, const char *library);

#endif
