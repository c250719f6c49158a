dnl BL_LIBRARY(VARIABLE, title, pkg-config module, libraries without pkg-config, headers, statements,
dnl            Debian package, Spack package)
dnl
dnl Finds one library, compiles the headers and links the statements against it. VARIABLE_CFLAGS and VARIABLE_LIBS of the
dnl user win over pkg-config. On success they are added to BL_LIBRARY_CFLAGS and BL_LIBRARY_LIBS; on failure the library is
dnl added to the list that BL_REPORT_MISSING prints. Sets bl_have_VARIABLE to yes or no.
dnl Foreign headers are included by -isystem, so that our warnings stay on our code.
AC_DEFUN([BL_FIND_LIBRARY], [
  AC_ARG_VAR([$1_CFLAGS], [compiler flags for $2, instead of those of pkg-config])
  AC_ARG_VAR([$1_LIBS], [linker flags for $2, instead of those of pkg-config])
  bl_version_$1=
  AS_IF([test -n "$PKG_CONFIG" && test -n "$3" && $PKG_CONFIG --exists "$3"],
    [bl_version_$1=`$PKG_CONFIG --modversion "$3"`
     AS_IF([test -z "${$1_CFLAGS+set}"],
       [$1_CFLAGS=`$PKG_CONFIG --cflags "$3" | sed -e 's,-I/usr/include *$,,' -e 's,-I/usr/include ,,g' -e 's,-I *,-isystem ,g'`])
     AS_IF([test -z "${$1_LIBS+set}"], [$1_LIBS=`$PKG_CONFIG --libs "$3"`])],
    [AS_IF([test -z "${$1_LIBS+set}"], [$1_LIBS="$4"])])
])

AC_DEFUN([BL_TRY_LIBRARY], [
  AC_MSG_CHECKING([for $2])
  bl_saved_CPPFLAGS=$CPPFLAGS
  bl_saved_LIBS=$LIBS
  CPPFLAGS="$$1_CFLAGS $CPPFLAGS"
  LIBS="$$1_LIBS $LIBS"
  bl_have_$1=no
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([$3], [$4])],
    [AC_LINK_IFELSE([AC_LANG_PROGRAM([$3], [$4])], [bl_have_$1=yes], [bl_why="does not link"])],
    [bl_why="does not compile"])
  CPPFLAGS=$bl_saved_CPPFLAGS
  LIBS=$bl_saved_LIBS
  AS_IF([test $bl_have_$1 = yes],
    [AC_MSG_RESULT([yes $bl_version_$1])],
    [AC_MSG_RESULT([no ($bl_why; see config.log)])])
])

AC_DEFUN([BL_LIBRARY], [
  BL_FIND_LIBRARY([$1], [$2], [$3], [$4])
  BL_TRY_LIBRARY([$1], [$2], [$5], [$6])
  AS_IF([test $bl_have_$1 = yes],
    [BL_LIBRARY_CFLAGS="$BL_LIBRARY_CFLAGS $$1_CFLAGS"
     BL_LIBRARY_LIBS="$$1_LIBS $BL_LIBRARY_LIBS"],
    [BL_MISSING([$2], [$7], [$8])])
])

dnl BL_MISSING(title, Debian package, Spack package): remember for the report.
AC_DEFUN([BL_MISSING], [
  bl_missing="$bl_missing
  m4_format([%-28s], [$1]) m4_format([%-26s], [$2]) $3"
  bl_missing_debian="$bl_missing_debian $2"
  bl_missing_spack="$bl_missing_spack $3"
])

dnl BL_UNFIT(why): a library is there, but cannot be used.
AC_DEFUN([BL_UNFIT], [
  AC_MSG_NOTICE([$1])
  bl_unfit="$bl_unfit
  $1"
])

dnl BL_REPORT_MISSING: stop when anything that the build needs was not found.
AC_DEFUN([BL_REPORT_MISSING], [
  AC_SUBST([BL_LIBRARY_CFLAGS])
  AC_SUBST([BL_LIBRARY_LIBS])
  AS_IF([test -n "$bl_missing"],
    [AS_IF([test -z "$PKG_CONFIG"], [BL_MISSING([pkg-config, to find them], [pkg-config], [pkgconf])])
     AC_MSG_NOTICE([these libraries are missing, or their development files are:

  m4_format([%-28s], [library]) m4_format([%-26s], [Debian package]) Spack package$bl_missing

  On Debian or Ubuntu:  apt-get install$bl_missing_debian
  With Spack:           spack install$bl_missing_spack

  A library in another place: set its <NAME>_CFLAGS and <NAME>_LIBS, see ./configure --help; config.log has the details.
])
     AC_MSG_ERROR([some libraries are missing, see the list above])])
  AS_IF([test -n "$bl_unfit"], [AC_MSG_ERROR([some libraries are there, but cannot be used:
$bl_unfit
])])
])
