/** \file
 * Threads of the libraries: one a rank, unless the user says otherwise; how they treat the smallest numbers. */
#ifndef BEELINE_BASE_THREADS_H
#define BEELINE_BASE_THREADS_H

/** Let oneDNN and the other OpenMP libraries use \a threads threads in this process; 0: as OMP_NUM_THREADS says, and one
 * where that is not set, since ranks share a machine, and two ranks with all cores each are far slower than two with one.
 * Not collective; before the first use of such a library. */
void bl_threads_set(int threads);

/** How many threads that is. Not collective. */
int bl_threads_count(void);

/** Let this thread, and all that it starts from now on, take numbers below the least normal one (1.2e-38 in single
 * precision) as zero, as operands and as results, where the processor can be told to (x86 and 64-bit Arm; elsewhere this
 * does nothing). Intel's take a hundred times longer for an operation on such a number, and networks with softplus or SiLU
 * are full of them. Not collective; before the first thread of a library starts. */
void bl_threads_flush_denormals(void);

#endif
