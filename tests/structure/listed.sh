#!/bin/sh
# Every source and header is listed in a Makefile.inc, so that it is compiled and distributed.
cd "${top_srcdir:-.}" || exit 99
cat framework/*/Makefile.inc tests/*/Makefile.inc >"${top_builddir:-.}/tests/structure/listed.tmp"
missing=0
for file in framework/*/*.[ch] tests/*/*.[ch]; do
  test -f "$file" || continue
  case $file in framework/base/defaults.c | framework/base/version.c) continue ;; esac
  stem=${file%.c}
  if ! grep -qw -- "${file}" "${top_builddir:-.}/tests/structure/listed.tmp" &&
     ! grep -qE "PROGRAMS.* ${stem}( |\$)|benchmarks.* ${stem}( |\$)" "${top_builddir:-.}/tests/structure/listed.tmp"; then
    echo "$file is in no Makefile.inc"
    missing=1
  fi
done
rm -f "${top_builddir:-.}/tests/structure/listed.tmp"
exit $missing
