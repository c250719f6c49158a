#include "base/threads.h"

#include <stdint.h>
#include <stdlib.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#ifdef __SSE__
#include <xmmintrin.h>
#endif

void bl_threads_set(int threads) {
#ifdef _OPENMP
  if (threads > 0 || !getenv("OMP_NUM_THREADS"))
    omp_set_num_threads(threads > 0 ? threads : 1);
#else
  (void)threads;
#endif
}

int bl_threads_count(void) {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

void bl_threads_flush_denormals(void) {
#ifdef __SSE__
  const unsigned results = 0x8000, operands = 0x0040; /* bits of MXCSR: flush to zero, denormals are zero */
  _mm_setcsr(_mm_getcsr() | results | operands);
#elif defined __aarch64__
  const uint64_t both = (uint64_t)1 << 24; /* bit FZ of FPCR */
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  __asm__ volatile("msr fpcr, %0" : : "r"(control | both));
#endif
}
