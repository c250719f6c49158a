dnl BL_COMPILER_FLAGS: flags that our own sources always get (BL_CFLAGS), so that CFLAGS stays the user's.
dnl -ffp-contract=off: the same bits whether or not the processor can fuse multiply and add.
dnl -fno-math-errno: square roots need not set errno, so that loops with them become vector code (values do not change).
dnl -fno-trapping-math: the same for comparisons, which without AVX-512 would stay branches.
AC_DEFUN([BL_COMPILER_FLAGS], [
  AC_ARG_ENABLE([warnings-as-errors],
    [AS_HELP_STRING([--enable-warnings-as-errors], [fail on compiler warnings (default: in a git checkout only)])], [],
    [AS_IF([test -e "$srcdir/.git"], [enable_warnings_as_errors=yes], [enable_warnings_as_errors=no])])
  AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers], [compile with the address and undefined-behaviour sanitizers])], [],
    [enable_sanitizers=no])
  BL_CFLAGS=
  BL_TRY_CFLAGS([-std=c11])
  BL_TRY_CFLAGS([-ffp-contract=off])
  BL_TRY_CFLAGS([-fno-math-errno])
  BL_TRY_CFLAGS([-fno-trapping-math])
  BL_TRY_CFLAGS([-Wall -Wextra -Wshadow -Wconversion])
  BL_TRY_CFLAGS([-Wstrict-prototypes -Wmissing-prototypes])
  dnl MPICH's MPI_STATUSES_IGNORE is the address 1, which GCC takes for a block that is too small.
  AS_IF([test $bl_mpi = mpich], [BL_TRY_CFLAGS([-Wno-stringop-overflow])])
  AS_IF([test "$enable_warnings_as_errors" = yes], [BL_TRY_CFLAGS([-Werror])])
  BL_LDFLAGS=
  AS_IF([test "$enable_sanitizers" = yes],
    [BL_LDFLAGS="-fsanitize=address,undefined"
     BL_CFLAGS="$BL_CFLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
     bl_saved_LDFLAGS=$LDFLAGS
     LDFLAGS="$BL_LDFLAGS $LDFLAGS"
     AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [], [AC_MSG_ERROR([$CC cannot link with $BL_LDFLAGS])])
     LDFLAGS=$bl_saved_LDFLAGS])
  BL_CHECK_SHARED
  BL_CFLAGS="$BL_CFLAGS $BL_SHARED_CFLAGS $OPENMP_CFLAGS"
  AC_SUBST([BL_CFLAGS])
  AC_SUBST([BL_LDFLAGS])
  AM_CONDITIONAL([SANITIZERS], [test "$enable_sanitizers" = yes])
])

AC_DEFUN([BL_TRY_CFLAGS], [
  AC_MSG_CHECKING([whether the compiler takes $1])
  bl_saved_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS $1"
  AC_COMPILE_IFELSE([AC_LANG_SOURCE([[int x;]])],
    [AC_MSG_RESULT([yes])
     BL_CFLAGS="$BL_CFLAGS $1"],
    [AC_MSG_RESULT([no])])
  CFLAGS=$bl_saved_CFLAGS
])

dnl BL_CHECK_TARGET_CLONES: for which processors can a function be compiled, besides the least one, and be chosen when the program
dnl starts? Not under the sanitizers: the choice is made before their run-time library is ready.
AC_DEFUN([BL_CHECK_TARGET_CLONES], [
  AC_MSG_CHECKING([for target_clones])
  bl_target_clones=no
  AS_IF([test "$enable_sanitizers" != yes],
    [BL_TRY_TARGET_CLONES(["avx512f", "avx2", "default"])
     BL_TRY_TARGET_CLONES(["sve", "default"])])
  AC_MSG_RESULT([$bl_target_clones])
])

AC_DEFUN([BL_TRY_TARGET_CLONES], [
  AS_IF([test "$bl_target_clones" = no],
    [AC_LINK_IFELSE([AC_LANG_PROGRAM(
       [[__attribute__((target_clones($1))) void twice(float *x, int n);
         void twice(float *x, int n) { for (int i = 0; i < n; i++) x[i] *= 2; }]],
       [[float x[4] = {0}; twice(x, 4); return (int)x[0];]])],
       [bl_target_clones='$1'
        AC_DEFINE([BL_TARGET_CLONES], [$1], [Processors that functions are cloned for, if any, see base/kernel.h.])])])
])

dnl BL_CHECK_FUZZER: FUZZ_CC is a clang that has libFuzzer, or empty.
AC_DEFUN([BL_CHECK_FUZZER], [
  AC_ARG_VAR([FUZZ_CC], [clang with libFuzzer, for make check-fuzz (default: clang-14 or clang, if it has it)])
  AC_PATH_PROGS([FUZZ_CC], [clang-14 clang], [])
  AC_MSG_CHECKING([for libFuzzer])
  echo 'int LLVMFuzzerTestOneInput(const char *x, unsigned long n) { return n > 9 && x@<:@9@:>@; }' > conftest.c
  AS_IF([test -n "$FUZZ_CC" && $FUZZ_CC -w -fsanitize=fuzzer,address,undefined -o conftest conftest.c 2>&AS_MESSAGE_LOG_FD],
    [AC_MSG_RESULT([yes])], [AC_MSG_RESULT([no])
     FUZZ_CC=])
  rm -f conftest conftest.c
])

dnl BL_SUMMARY: what was configured, and what to do next.
AC_DEFUN([BL_SUMMARY], [
  AS_IF([test $bl_have_CMOCKA = yes], [bl_tests="yes, cmocka $bl_version_CMOCKA"],
    [bl_tests="only scripts: cmocka is missing (Debian libcmocka-dev, Spack cmocka)"])
  AC_MSG_NOTICE([
  ---------------------------------------------------------------
  $PACKAGE_NAME $PACKAGE_VERSION is configured.

    compiler              $CC $CFLAGS
    prefix                $prefix
    oneDNN                $bl_version_ONEDNN
    OpenBLAS              $bl_version_LAPACK
    ScaLAPACK             $bl_version_SCALAPACK
    FFTW                  $bl_version_FFTW
    netCDF, HDF5          $bl_version_NETCDF, $bl_version_HDF5
    libyaml               $bl_version_YAML
    processor variants    $bl_target_clones (target_clones)
    shared library        $enable_shared
    warnings are errors   $enable_warnings_as_errors
    sanitizers            $enable_sanitizers
    tests                 $bl_tests
    launcher of tests     $MPIEXEC $MPIEXEC_FLAGS

  Now run: make, make check, make install
  ---------------------------------------------------------------])
])
