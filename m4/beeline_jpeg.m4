dnl libjpeg, or libjpeg-turbo.
AC_DEFUN([BL_CHECK_JPEG], [
  BL_LIBRARY([JPEG], [libjpeg], [libjpeg], [-ljpeg],
    [[#include <stdio.h>
#include <jpeglib.h>]],
    [[struct jpeg_decompress_struct d; struct jpeg_error_mgr e; d.err = jpeg_std_error(&e);
      jpeg_create_decompress(&d); jpeg_destroy_decompress(&d); return 0;]],
    [libjpeg-dev], [libjpeg-turbo])
])
