/** \file
 * Threads of the libraries: one a rank, unless the user says otherwise. */
#ifndef BEELINE_BASE_THREADS_H
#define BEELINE_BASE_THREADS_H

/** Let oneDNN and the other OpenMP libraries use one thread in this process, where OMP_NUM_THREADS is not set: ranks share
 * a machine, and two ranks with all cores each are far slower than two with one. Not collective; before the first use of
 * such a library. */
void bl_threads_one_by_default(void);

#endif
