#!/bin/sh
# A rank that hangs ends the job within seconds, with its number and where it stood; slow ranks are left alone.
. "$top_srcdir/tests/support/script.sh"

# hangs MODE WORDS: the job ends by itself, fails, and says these words.
hangs() {
  timeout -k 1 25 $MPIEXEC $MPIEXEC_FLAGS -n 2 $TEST_WRAPPER "$top_builddir/tests/support/hang" "$1" >"$scratch/said" 2>&1 </dev/null
  status=$?
  test $status -ne 124 && test $status -ne 137 || complain "$1: the job did not end"
  test $status -ne 0 || complain "$1: the job succeeded"
  grep -qF -- "$2" "$scratch/said" || complain "$1: expected \"$2\", found: $(cat "$scratch/said")"
}

hangs work 'rank 1 has made no progress for'
grep -qF 'it was at work on "roll out"' "$scratch/said" || complain "work: what at? $(cat "$scratch/said")"
hangs channel 'rank 1 has made no progress for'
grep -qF 'it waited for message 7 of the trajectories from rank 0' "$scratch/said" || complain "channel: $(cat "$scratch/said")"
hangs stopped 'it waited for the other ranks in MPI_Allreduce'
$MPIEXEC $MPIEXEC_FLAGS -n 2 $TEST_WRAPPER "$top_builddir/tests/support/hang" slow >"$scratch/said" 2>&1 </dev/null ||
  complain "slow ranks: $(cat "$scratch/said")"
echo "$failures failures"
exit $((failures > 0))
