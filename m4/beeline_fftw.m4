dnl FFTW 3, double precision.
AC_DEFUN([BL_CHECK_FFTW], [
  BL_LIBRARY([FFTW], [FFTW 3], [fftw3], [-lfftw3],
    [[#include <fftw3.h>]],
    [[double in[4] = {0}; fftw_complex out[4]; fftw_plan p = fftw_plan_dft_r2c_2d(2, 2, in, out, FFTW_ESTIMATE);
      fftw_execute(p); fftw_destroy_plan(p); return 0;]],
    [libfftw3-dev], [fftw])
])
