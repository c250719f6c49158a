dnl oneDNN 2.6 or later, or 3.x, C interface: the arithmetic of the networks. Calls differ between the two: ONEDNN_3 chooses
dnl framework/engine/onednn3.c. Its headers tell the version (2.6 has no pkg-config file). Another version, or a build of it
dnl without what Beeline needs, is refused by what is wrong with it.
AC_DEFUN([BL_CHECK_ONEDNN], [
  BL_FIND_LIBRARY([ONEDNN], [oneDNN], [dnnl], [-ldnnl])
  bl_have_ONEDNN=no
  bl_onednn_major=
  bl_saved_CPPFLAGS=$CPPFLAGS
  CPPFLAGS="$ONEDNN_CFLAGS $CPPFLAGS"
  AC_MSG_CHECKING([for the version of oneDNN])
  AC_COMPUTE_INT([bl_onednn_major], [DNNL_VERSION_MAJOR], [[#include <oneapi/dnnl/dnnl_version.h>]], [bl_onednn_major=])
  AC_COMPUTE_INT([bl_onednn_minor], [DNNL_VERSION_MINOR], [[#include <oneapi/dnnl/dnnl_version.h>]], [bl_onednn_minor=])
  AC_COMPUTE_INT([bl_onednn_patch], [DNNL_VERSION_PATCH], [[#include <oneapi/dnnl/dnnl_version.h>]], [bl_onednn_patch=])
  AC_COMPUTE_INT([bl_onednn_runtime], [DNNL_CPU_RUNTIME], [[#include <oneapi/dnnl/dnnl_config.h>]], [bl_onednn_runtime=])
  CPPFLAGS=$bl_saved_CPPFLAGS
  bl_version_ONEDNN=$bl_onednn_major.$bl_onednn_minor.$bl_onednn_patch
  AS_IF([test -z "$bl_onednn_major"], [AC_MSG_RESULT([not found])], [AC_MSG_RESULT([$bl_version_ONEDNN])])
  AS_CASE([$bl_onednn_major],
    [''], [BL_MISSING([oneDNN 2.6 or 3.x], [libdnnl-dev], [onednn])],
    [2 | 3], [BL_TRY_ONEDNN],
    [BL_UNFIT([oneDNN $bl_version_ONEDNN was found, but Beeline knows its calls of versions 2 (2.6 or later) and 3 only])])
  AS_IF([test $bl_have_ONEDNN = yes],
    [BL_LIBRARY_CFLAGS="$BL_LIBRARY_CFLAGS $ONEDNN_CFLAGS"
     BL_LIBRARY_LIBS="$ONEDNN_LIBS $BL_LIBRARY_LIBS"])
  AM_CONDITIONAL([ONEDNN_3], [test "$bl_onednn_major" = 3])
])

dnl BL_TRY_ONEDNN: does the version that was found compile and link, and is it fit?
AC_DEFUN([BL_TRY_ONEDNN], [
  BL_TRY_LIBRARY([ONEDNN], [oneDNN $bl_version_ONEDNN for processors],
    [[#include <oneapi/dnnl/dnnl.h>]],
    [[dnnl_engine_t engine; dnnl_primitive_desc_t p = 0;
#if DNNL_VERSION_MAJOR == 2
      dnnl_convolution_desc_t d;
      (void)dnnl_convolution_forward_desc_init(&d, dnnl_forward, dnnl_convolution_direct, 0, 0, 0, 0, 0, 0, 0);
#else
      (void)dnnl_matmul_primitive_desc_create(&p, 0, 0, 0, 0, 0, 0);
#endif
      return dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success || p != 0;]])
  AS_IF([test $bl_have_ONEDNN = no],
    [BL_UNFIT([the headers of oneDNN $bl_version_ONEDNN were found, but a program with it $bl_why: ONEDNN_CFLAGS='$ONEDNN_CFLAGS' ONEDNN_LIBS='$ONEDNN_LIBS'; is the library of the same version beside them? config.log has the compiler's message])],
    [test $bl_onednn_major = 2 && test "$bl_onednn_minor" -lt 6],
    [BL_UNFIT([oneDNN $bl_version_ONEDNN was found, but it is older than 2.6])
     bl_have_ONEDNN=no],
    [test "$bl_onednn_runtime" = 0],
    [BL_UNFIT([oneDNN $bl_version_ONEDNN was built without a processor back end (DNNL_CPU_RUNTIME=NONE)])
     bl_have_ONEDNN=no])
])
