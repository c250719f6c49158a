dnl libyaml, which takes YAML apart into events.
AC_DEFUN([BL_CHECK_YAML], [
  BL_LIBRARY([YAML], [libyaml], [yaml-0.1], [-lyaml],
    [[#include <yaml.h>]],
    [[yaml_parser_t p; int ok = yaml_parser_initialize(&p); yaml_parser_delete(&p); return ok;]],
    [libyaml-dev], [libyaml])
])
