#include "base/threads.h"

#include <stdlib.h>
#ifdef _OPENMP
#include <omp.h>
#endif

void bl_threads_one_by_default(void) {
#ifdef _OPENMP
  if (!getenv("OMP_NUM_THREADS"))
    omp_set_num_threads(1);
#endif
}
