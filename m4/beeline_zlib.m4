dnl zlib.
AC_DEFUN([BL_CHECK_ZLIB], [
  BL_LIBRARY([ZLIB], [zlib], [zlib], [-lz],
    [[#include <zlib.h>]],
    [[gzFile f = gzopen("x", "rb"); return gzclose(f);]],
    [zlib1g-dev], [zlib])
])
