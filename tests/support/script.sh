# What scripts of tests begin with, which source it: an empty folder of their own, a count of failures, and a way to run beeline.
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 99
failures=0

complain() {
  echo "FAIL: $*" >&2
  failures=$((failures + 1))
}

# run RANKS ARGUMENT...: "beeline ARGUMENT..." works; what it says is in the file `said`.
run() {
  ranks=$1
  shift
  $MPIEXEC $MPIEXEC_FLAGS -n "$ranks" "$BEELINE" "$@" >said 2>&1 </dev/null && return 0
  complain "beeline $* on $ranks ranks: $(cat said)"
  return 1
}
