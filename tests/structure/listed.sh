#!/bin/sh
# Every source, header, test script and file of an experiment is listed in a Makefile.inc, so that it is compiled, run,
# distributed or installed.
cd "${top_srcdir:-.}" || exit 99
lists=$(cat framework/*/Makefile.inc tests/*/Makefile.inc experiments/Makefile.inc)
if test -e .git && command -v git >/dev/null; then
  files=$(git -c safe.directory='*' ls-files 'framework/*.[ch]' 'tests/*.[ch]' 'tests/*.sh' experiments)
else
  files=$(ls framework/*/*.[ch] tests/*/*.[ch] tests/*/*.sh | grep -v -e base/version.c)
fi
test -n "$files" || exit 99

missing=0
for file in $files; do
  test "$file" = experiments/Makefile.inc && continue
  stem=${file%.c} # a program whose only source has its name needs no list of sources
  if ! echo "$lists" | grep -qE "(^| )(${file}|${stem})( |\$)"; then
    echo "$file is in no Makefile.inc"
    missing=1
  fi
done
exit $missing
