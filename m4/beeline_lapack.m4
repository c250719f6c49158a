dnl OpenBLAS, with CBLAS and LAPACK.
AC_DEFUN([BL_CHECK_LAPACK], [
  BL_LIBRARY([LAPACK], [OpenBLAS with LAPACK], [openblas], [-lopenblas],
    [[#include <cblas.h>
void dsyev_(const char *, const char *, const int *, double *, const int *, double *, double *, const int *, int *);]],
    [[double a[1] = {1}, w[1], work[3]; int n = 1, lwork = 3, info; 
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, 1, 1, 1, 1.0, a, 1, a, 1, 0.0, w, 1);
      dsyev_("N", "U", &n, a, &n, w, work, &lwork, &info); return info;]],
    [libopenblas-dev], [openblas])
])
