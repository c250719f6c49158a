#!/bin/sh
# Run one test: launch.sh path/name[_n<k>] ; with _n<k> on k ranks. A test that takes longer than TEST_TIMEOUT seconds (600)
# fails, so a deadlock cannot stop the others. TEST_WRAPPER (valgrind or an emulator, with options) goes before compiled
# programs; scripts find the emulator in $BEELINE.
test_path=$1
name=$(basename "$test_path")
ranks=$(expr "$name" : '.*_n\([1-9][0-9]*\)$')
limit=${TEST_TIMEOUT:-600}

case $TEST_WRAPPER,$name in
  *valgrind*,*.sh)
    echo "skipped: a script, not run under valgrind"
    exit 77
    ;;
  *valgrind*,schedule)
    echo "skipped: valgrind computes long double in 64 bits"
    exit 77
    ;;
esac

# A folder of its own for temporary files: jobs of Open MPI that end remove what others just create beside them.
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/bl.XXXXXX") || exit 99
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 99' HUP INT TERM

before=$TEST_WRAPPER
case $name in
  *.sh)
    before=bash
    if test -n "$TEST_WRAPPER"; then
      printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$TEST_WRAPPER" "$BEELINE" >"$TMPDIR/beeline"
      chmod +x "$TMPDIR/beeline"
      BEELINE=$TMPDIR/beeline
    fi
    ;;
esac

if test -n "$ranks"; then
  timeout -k 10 "$limit" $MPIEXEC $MPIEXEC_FLAGS -n "$ranks" $before "$test_path" </dev/null
else
  timeout -k 10 "$limit" $before "$test_path" </dev/null
fi
status=$?
if test $status -eq 124 || test $status -eq 137; then
  echo "$name: no end after $limit seconds (TEST_TIMEOUT): a deadlock?" >&2
fi
exit $status
