dnl libpng.
AC_DEFUN([BL_CHECK_PNG], [
  BL_LIBRARY([PNG], [libpng], [libpng], [-lpng],
    [[#include <png.h>]],
    [[return png_create_write_struct(PNG_LIBPNG_VER_STRING, 0, 0, 0) == 0;]],
    [libpng-dev], [libpng])
])
