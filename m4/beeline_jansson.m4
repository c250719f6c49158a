dnl jansson, which reads and writes JSON: headers of safetensors and configurations of diffusers.
AC_DEFUN([BL_CHECK_JANSSON], [
  BL_LIBRARY([JANSSON], [jansson], [jansson], [-ljansson],
    [[#include <jansson.h>]],
    [[json_error_t e; json_t *j = json_loadb("{}", 2, JSON_REJECT_DUPLICATES, &e); json_decref(j); return j == 0;]],
    [libjansson-dev], [jansson])
])
