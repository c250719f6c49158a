dnl Random123, headers only.
AC_DEFUN([BL_CHECK_RANDOM123], [
  BL_LIBRARY([RANDOM123], [Random123], [], [],
    [[#include <Random123/philox.h>]],
    [[philox4x32_ctr_t c = {{0}}; philox4x32_key_t k = {{0}}; return (int)philox4x32(c, k).v[0];]],
    [librandom123-dev], [random123])
])
