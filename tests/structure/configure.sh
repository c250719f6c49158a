#!/bin/bash
# configure refuses a oneDNN that Beeline cannot use by what is wrong with it, and never by the name of a package that is there.
. "$top_srcdir/tests/support/script.sh"
test -x "$top_srcdir/configure" || { echo "skipped: there is no configure in the sources"; exit 77; }

# unfit VERSION EXPRESSION: what it says where the headers have that version.
unfit() {
  mkdir -p headers/oneapi/dnnl build
  IFS=. read -r major minor patch <<<"$1"
  printf '#define DNNL_VERSION_MAJOR %s\n#define DNNL_VERSION_MINOR %s\n#define DNNL_VERSION_PATCH %s\n' \
    "$major" "$minor" "$patch" >headers/oneapi/dnnl/dnnl_version.h
  (cd build && "$top_srcdir/configure" "ONEDNN_CFLAGS=-I$PWD/../headers") >said 2>&1 && complain "oneDNN $1 was accepted"
  grep -qE -- "$2" said || complain "oneDNN $1: $(tail -n 5 said)"
  ! grep -q libdnnl-dev said || complain "a package that is there is named: $(grep libdnnl-dev said)"
  rm -rf build headers
}
unfit 4.0.1 'oneDNN 4\.0\.1 was found, but Beeline knows its calls of versions 2 \(2\.6 or later\) and 3 only'
# Where the library is one of version 3, its headers do not compile as version 2.
unfit 2.5.4 'oneDNN 2\.5\.4 (was found, but it is older than 2\.6|were found, but a program with it does not compile)'
test $failures -eq 0
