# shellcheck shell=sh
# For the scripts tests/programs/refuse_*.sh, which source it: what is wrong is refused with one message of the right words
# and exit status 2, nothing is written, and no rank is left behind. Defines `refused` and `works`, and leaves the script in
# an empty folder. VERBOSE=1 prints every message.
. "$top_srcdir/tests/support/script.sh"
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
mkdir work
cd work || exit 99
beeline=$scratch/beeline # a path of its own, by which processes left behind are found
ln -s "$BEELINE" "$beeline"
OMPI_MCA_ess_singleton_isolated=1 # without launcher, Open MPI starts no daemon, which takes most of the time
export OMPI_MCA_ess_singleton_isolated
count=0
slowest=0

# The time in hundredths of a second, or in seconds where there is no /proc.
now() {
  if test -r /proc/uptime; then cut -d ' ' -f 1 /proc/uptime | tr -d .; else date +%s; fi
}

# refused RANKS WORDS ARGUMENT...: "beeline ARGUMENT..." is refused with these words. 0 ranks: without the launcher.
refused() {
  ranks=$1
  words=$2
  shift 2
  launcher=
  test "$ranks" = 0 || launcher="$MPIEXEC $MPIEXEC_FLAGS -n $ranks"
  find . | sort > ../before
  begin=$(now)
  timeout -k 5 60 $launcher "$beeline" "$@" > ../output 2> ../message < /dev/null
  status=$?
  took=$(($(now) - begin))
  test $took -le $slowest || slowest=$took
  count=$((count + 1))
  before=$failures
  run="beeline $* ($ranks ranks)"
  test $status -eq 2 || complain "$run: exit status $status, expected 2"
  test ! -s ../output || complain "$run: wrote to standard output"
  lines=$(grep -c '^beeline' ../message)
  test "$lines" -eq 1 || complain "$run: $lines messages, expected 1"
  grep '^beeline' ../message | grep -qF -- "$words" || complain "$run: the message lacks: $words"
  find . | sort | cmp -s - ../before || complain "$run: files came or went"
  if command -v pgrep > /dev/null && pgrep -f "^$beeline" > /dev/null; then complain "$run: left processes behind"; fi
  test $failures -eq $before || sed 's/^/  | /' ../message >&2
  test -z "$VERBOSE" || grep '^beeline' ../message
}

# works ARGUMENT...: what the refusals need to be there.
works() {
  "$beeline" "$@" > ../output 2>&1 < /dev/null || { cat ../output >&2; echo "cannot prepare: beeline $*" >&2; exit 1; }
}

# At the end of a script.
finish() {
  echo "$count refusals, the slowest took $slowest hundredths of a second; $failures failures"
  exit $((failures > 0))
}
