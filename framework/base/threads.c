#include "base/threads.h"

#include <stdlib.h>
#ifdef _OPENMP
#include <omp.h>
#endif

void bl_threads_set(int threads) {
#ifdef _OPENMP
  if (threads > 0 || !getenv("OMP_NUM_THREADS"))
    omp_set_num_threads(threads > 0 ? threads : 1);
#else
  (void)threads;
#endif
}
