dnl libcyaml (schemas) and libyaml (the parser below it, for line numbers).
AC_DEFUN([BL_CHECK_CYAML], [
  BL_LIBRARY([YAML], [libyaml], [yaml-0.1], [-lyaml],
    [[#include <yaml.h>]],
    [[yaml_parser_t p; int ok = yaml_parser_initialize(&p); yaml_parser_delete(&p); return ok;]],
    [libyaml-dev], [libyaml])
  BL_LIBRARY([CYAML], [libcyaml 1.x], [libcyaml], [-lcyaml -lyaml],
    [[#include <cyaml/cyaml.h>]],
    [[static cyaml_config_t config; return (int)cyaml_load_file("x", &config, 0, 0, 0);]],
    [libcyaml-dev], [libcyaml])
])
