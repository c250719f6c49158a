#!/bin/sh
# Every header compiles on its own, so that files may include headers in any order.
# shellcheck disable=SC2086
$compile -fsyntax-only -x c "$top_srcdir"/framework/*/*.h
