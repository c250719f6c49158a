dnl BL_CHECK_SHARED: is there to be a shared library beside the static one? Both, and the program, are of the same objects, so
dnl that nothing is compiled twice: -fPIC costs no time where functions are not thought to be replaced when a program is loaded
dnl (-fno-semantic-interposition), since the linker takes the detours out of a program again. Not under the sanitizers, whose
dnl run-time library belongs to the program. BL_COMPILER_FLAGS adds BL_SHARED_CFLAGS.
AC_DEFUN([BL_CHECK_SHARED], [
  AC_ARG_ENABLE([shared], [AS_HELP_STRING([--disable-shared], [install the static library only])], [], [enable_shared=yes])
  AS_IF([test "$enable_sanitizers" = yes], [enable_shared=no])
  BL_SHARED_CFLAGS="-fPIC -fno-semantic-interposition"
  BL_SHARED_LDFLAGS="-shared -Wl,-Bsymbolic-functions -Wl,-z,defs"
  AC_MSG_CHECKING([for shared libraries])
  AS_IF([test "$enable_shared" != no],
    [bl_saved_CFLAGS=$CFLAGS
     bl_saved_LDFLAGS=$LDFLAGS
     CFLAGS="$CFLAGS $BL_SHARED_CFLAGS"
     LDFLAGS="$LDFLAGS $BL_SHARED_LDFLAGS -Wl,-soname,x.so.0 -Wl,--version-script=$srcdir/build-aux/libbeeline.map"
     AC_LINK_IFELSE([AC_LANG_SOURCE([[int bl_x(void); int bl_x(void) { return 0; }]])], [], [enable_shared=no])
     CFLAGS=$bl_saved_CFLAGS
     LDFLAGS=$bl_saved_LDFLAGS])
  AC_MSG_RESULT([$enable_shared])
  AS_IF([test "$enable_shared" = no], [BL_SHARED_CFLAGS=])
  AC_SUBST([BL_SHARED_LDFLAGS])
  AM_CONDITIONAL([SHARED], [test "$enable_shared" != no])
])
