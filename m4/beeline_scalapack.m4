dnl ScaLAPACK with BLACS. Debian's pkg-config file is named after the MPI library, and another MPI's must not be taken.
AC_DEFUN([BL_CHECK_SCALAPACK], [
  bl_scalapack_module=scalapack
  AS_IF([test -n "$PKG_CONFIG"],
    [for bl_try in scalapack scalapack-$bl_mpi; do
       AS_IF([$PKG_CONFIG --exists $bl_try], [bl_scalapack_module=$bl_try; break])
     done])
  BL_LIBRARY([SCALAPACK], [ScaLAPACK], [$bl_scalapack_module], [-lscalapack],
    [[int Csys2blacs_handle(int);
void Cblacs_gridinit(int *, const char *, int, int);
void pdsyev_(const char *, const char *, const int *, double *, const int *, const int *, const int *, double *, double *,
             const int *, const int *, const int *, double *, const int *, int *);]],
    [[int zero = 0, context = Csys2blacs_handle(0); double a = 0;
      Cblacs_gridinit(&context, "Row", 1, 1);
      pdsyev_("N", "U", &zero, &a, &zero, &zero, &zero, &a, &a, &zero, &zero, &zero, &a, &zero, &zero); return 0;]],
    [libscalapack-openmpi-dev], [netlib-scalapack])
])
