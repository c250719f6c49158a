dnl BL_PROG_CC: the C compiler is MPI's wrapper (MPICC, else mpicc) unless CC is given. For another kind of machine (--host) only
dnl a wrapper with its name in front will do; without one the plain compiler is taken, and pkg-config knows MPI.
AC_DEFUN([BL_PROG_CC], [
  AC_ARG_VAR([MPICC], [MPI's C compiler wrapper (default: mpicc)])
  AC_ARG_VAR([MPIEXEC], [program that starts MPI ranks, for the tests (default: mpiexec or mpirun)])
  AC_ARG_VAR([MPIEXEC_FLAGS], [its flags (default: none; Open MPI is told by its environment to share cores)])
  AS_IF([test -z "$CC"], [AC_CHECK_PROGS([MPICC], [${ac_tool_prefix}mpicc]) CC=$MPICC])
  AS_IF([test -z "$CC"], [AS_UNSET([CC])])
  : ${CFLAGS="-O3 -g"}
  AC_PROG_CC
  AC_CHECK_PROGS([MPIEXEC], [mpiexec mpirun], [mpiexec])
])

dnl BL_CHECK_MPI: MPI 3.1 or later, found by the compiler wrapper, else by MPI_CFLAGS and MPI_LIBS, else by pkg-config. Sets
dnl bl_mpi to openmpi, mpich (with those made of it) or other, by which Debian names what is linked to it.
AC_DEFUN([BL_CHECK_MPI], [
  bl_mpi_module=
  AC_CHECK_HEADER([mpi.h], [],
    [for bl_try in mpi-c ompi-c mpich; do
       AS_IF([test -n "$PKG_CONFIG" && $PKG_CONFIG --exists $bl_try], [bl_mpi_module=$bl_try; break])
     done])
  BL_FIND_LIBRARY([MPI], [MPI], [$bl_mpi_module], [])
  BL_TRY_LIBRARY([MPI], [MPI 3.1],
    [[#include <mpi.h>
#if MPI_VERSION < 3 || (MPI_VERSION == 3 && MPI_SUBVERSION < 1)
#error MPI is older than 3.1
#endif]],
    [[MPI_Aint a = MPI_Aint_add(0, 0); MPI_Request r; int n = (int)a;
      MPI_Init(0, 0); MPI_Ibarrier(MPI_COMM_WORLD, &r); MPI_Wait(&r, MPI_STATUS_IGNORE); MPI_Finalize(); return n;]])
  bl_mpi=other
  bl_saved_CPPFLAGS=$CPPFLAGS
  CPPFLAGS="$MPI_CFLAGS $CPPFLAGS"
  AC_PREPROC_IFELSE([AC_LANG_SOURCE([[#include <mpi.h>
#ifndef OPEN_MPI
#error not Open MPI
#endif]])], [bl_mpi=openmpi])
  AC_PREPROC_IFELSE([AC_LANG_SOURCE([[#include <mpi.h>
#ifndef MPICH_VERSION
#error not MPICH
#endif]])], [bl_mpi=mpich])
  CPPFLAGS=$bl_saved_CPPFLAGS
  BL_LIBRARY_CFLAGS="$BL_LIBRARY_CFLAGS $MPI_CFLAGS"
  BL_LIBRARY_LIBS="$MPI_LIBS $BL_LIBRARY_LIBS"
  AS_IF([test $bl_have_MPI = no], [BL_MISSING([MPI 3.1], [libopenmpi-dev], [openmpi])])
])
