dnl ScaLAPACK with BLACS. Debian names its pkg-config file and its library after the MPI that it is linked to, and another
dnl MPI's must not be taken. The file also asks for the system's MPI, which need not be ours, so only the folder is read from it.
AC_DEFUN([BL_CHECK_SCALAPACK], [
  bl_scalapack_module=
  AS_IF([test -n "$PKG_CONFIG"],
    [for bl_try in scalapack scalapack-$bl_mpi; do
       AS_IF([$PKG_CONFIG --exists $bl_try], [bl_scalapack_module=$bl_try; break])
     done])
  AS_IF([test -n "$bl_scalapack_module"],
    [AS_IF([test -z "${SCALAPACK_CFLAGS+set}"], [SCALAPACK_CFLAGS=])
     AS_IF([test -z "${SCALAPACK_LIBS+set}"],
       [SCALAPACK_LIBS="-L`$PKG_CONFIG --variable=libdir $bl_scalapack_module` -l$bl_scalapack_module"])])
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
