dnl cmocka, for `make check` only: without it the build works and the compiled tests are skipped.
AC_DEFUN([BL_CHECK_CMOCKA], [
  AC_ARG_WITH([cmocka], [AS_HELP_STRING([--without-cmocka], [do not build the tests that need cmocka])], [], [with_cmocka=check])
  bl_have_CMOCKA=no
  AS_IF([test "$with_cmocka" != no],
    [BL_FIND_LIBRARY([CMOCKA], [cmocka], [cmocka], [-lcmocka])
     BL_TRY_LIBRARY([CMOCKA], [cmocka],
       [[#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>]],
       [[return cmocka_run_group_tests_name("x", (struct CMUnitTest *)0, 0, 0);]])])
  AS_IF([test $bl_have_CMOCKA = no && test "$with_cmocka" = yes], [BL_MISSING([cmocka], [libcmocka-dev], [cmocka])])
  AM_CONDITIONAL([HAVE_CMOCKA], [test $bl_have_CMOCKA = yes])
])
