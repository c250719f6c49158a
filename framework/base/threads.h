/** \file
 * Threads of the libraries: one a rank, unless the user says otherwise. */
#ifndef BEELINE_BASE_THREADS_H
#define BEELINE_BASE_THREADS_H

/** Let oneDNN and the other OpenMP libraries use \a threads threads in this process; 0: as OMP_NUM_THREADS says, and one
 * where that is not set, since ranks share a machine, and two ranks with all cores each are far slower than two with one.
 * Not collective; before the first use of such a library. */
void bl_threads_set(int threads);

#endif
