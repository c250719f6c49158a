#!/bin/sh
# Programs print by base/print.h, which keeps text of files from commanding a terminal and notices lost output.
cd "${top_srcdir:-.}/framework" || exit 99
if grep -nE '(^|[^_[:alnum:]])(printf|puts|putchar|vprintf|perror) *\(|(fputs|fputc|putc|fwrite) *\(.*stdout|fprintf *\( *stdout' \
  ./*/*.c | grep -v -e '^\./base/print\.c:' -e 'format(printf'; then
  echo 'the above print past base/print.h: bl_print, bl_print_to, bl_print_raw' >&2
  exit 1
fi
