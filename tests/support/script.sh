# shellcheck shell=sh
# What scripts of tests begin with, which source it: an empty folder of their own, a count of failures, ways to run beeline and
# to look into files. They end with `test $failures -eq 0`.
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 99
failures=0

complain() {
  echo "FAIL: $*" >&2
  failures=$((failures + 1))
}

# launch RANKS ARGUMENT...: "beeline ARGUMENT...", for 0 ranks without the launcher; what it says is in the file `said`.
launch() {
  ranks=$1
  shift
  launcher=
  test "$ranks" = 0 || launcher="$MPIEXEC $MPIEXEC_FLAGS -n $ranks"
  $launcher "$BEELINE" "$@" >said 2>&1 </dev/null
}

# run RANKS ARGUMENT...: it works.
run() {
  launch "$@" && return 0
  shift
  complain "beeline $* on $ranks ranks: $(cat said)"
  return 1
}

# refuse RANKS WORDS ARGUMENT...: it ends with exit status 2 and says these words.
refuse() {
  ranks=$1
  words=$2
  shift 2
  launch "$ranks" "$@"
  status=$?
  test $status -eq 2 || complain "beeline $* on $ranks ranks: exit status $status, expected 2"
  said "$words"
}

# said WORDS: the run just made said so.
said() {
  grep -qF -- "$1" said || complain "expected \"$1\", found: $(cat said)"
}

# kill_at FILE ARGUMENT...: "beeline ARGUMENT..." is killed as soon as FILE is there.
kill_at() {
  file=$1
  shift
  "$BEELINE" "$@" >said 2>&1 </dev/null &
  victim=$!
  tries=0
  while test ! -e "$file" && test $tries -lt 1500 && kill -0 $victim 2>/dev/null; do
    sleep 0.02
    tries=$((tries + 1))
  done
  kill -9 $victim 2>/dev/null || complain "nothing was left to kill: $(cat said)"
  wait $victim 2>/dev/null
}

# same_values FILE FILE [VARIABLE...]: whether netCDF files hold the same bits, but for the variables named; why not is in `why`.
same_values() {
  $TEST_WRAPPER "$top_builddir/tests/support/same_values" "$@" >why 2>&1
}

# print_values FILE [VARIABLE...]: the numbers in a netCDF file, see print_values.c.
print_values() {
  $TEST_WRAPPER "$top_builddir/tests/support/print_values" "$@"
}

# shows FILE EXPRESSION...: what "beeline inspect FILE" prints, in the file `shown`, has a line that matches each.
shows() {
  file=$1
  shift
  "$BEELINE" inspect "$file" >shown 2>message || complain "inspect $file: $(cat message)"
  for expression in "$@"; do
    grep -qE -- "$expression" shown || complain "inspect $file lacks: $expression in: $(cat shown)"
  done
}
