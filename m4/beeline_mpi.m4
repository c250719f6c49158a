dnl BL_PROG_CC: the C compiler is MPI's wrapper (MPICC, else mpicc) unless CC is given.
AC_DEFUN([BL_PROG_CC], [
  AC_ARG_VAR([MPICC], [MPI's C compiler wrapper (default: mpicc)])
  AC_ARG_VAR([MPIEXEC], [program that starts MPI ranks, for the tests (default: mpiexec or mpirun)])
  AC_ARG_VAR([MPIEXEC_FLAGS], [its flags (default: none; Open MPI is told by its environment to share cores)])
  AS_IF([test -z "$CC"], [AC_CHECK_PROGS([MPICC], [mpicc]) CC=$MPICC])
  AS_IF([test -z "$CC"], [AS_UNSET([CC])])
  : ${CFLAGS="-O3 -g"}
  AC_PROG_CC
  AC_CHECK_PROGS([MPIEXEC], [mpiexec mpirun], [mpiexec])
])

dnl BL_CHECK_MPI: MPI 3.1 or later, found by the compiler wrapper. Sets bl_mpi to openmpi, mpich (with those made of it)
dnl or other, by which Debian names what is linked to it.
AC_DEFUN([BL_CHECK_MPI], [
  MPI_CFLAGS=
  MPI_LIBS=
  BL_TRY_LIBRARY([MPI], [MPI 3.1],
    [[#include <mpi.h>
#if MPI_VERSION < 3 || (MPI_VERSION == 3 && MPI_SUBVERSION < 1)
#error MPI is older than 3.1
#endif]],
    [[MPI_Aint a = MPI_Aint_add(0, 0); MPI_Request r; int n = (int)a;
      MPI_Init(0, 0); MPI_Ibarrier(MPI_COMM_WORLD, &r); MPI_Wait(&r, MPI_STATUS_IGNORE); MPI_Finalize(); return n;]])
  bl_mpi=other
  AC_PREPROC_IFELSE([AC_LANG_SOURCE([[#include <mpi.h>
#ifndef OPEN_MPI
#error not Open MPI
#endif]])], [bl_mpi=openmpi])
  AC_PREPROC_IFELSE([AC_LANG_SOURCE([[#include <mpi.h>
#ifndef MPICH_VERSION
#error not MPICH
#endif]])], [bl_mpi=mpich])
  AS_IF([test $bl_have_MPI = no], [BL_MISSING([MPI 3.1], [libopenmpi-dev], [openmpi])])
])
