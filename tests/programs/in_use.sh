#!/bin/sh
# One folder, one run; a killed one is followed at once; where the file system grants no locks as well. A folder that goes away,
# and a record that cannot be written.
. "$top_srcdir/tests/support/bits.sh"
training='pretrain roll.yaml --set learner.rounds=2000000 --set checkpoint.every=20000'

# begin_run FOLDER ARGUMENT...: begin it in the background; returns when it has a record.
begin_run() {
  folder=$1
  shift
  "$BEELINE" "$@" --output "$folder" >begun 2>&1 </dev/null &
  first=$!
  tries=0
  while test ! -e "$folder/record.nc" && test $tries -lt 500; do
    sleep 0.02
    tries=$((tries + 1))
  done
  test -e "$folder/record.nc" || complain "it does not begin: $(cat begun)"
}

end_run() {
  kill -9 $first 2>/dev/null
  wait $first 2>/dev/null
}

run 1 pretrain roll.yaml --output roll
for of in 0 2; do
  begin_run "in use $of" $training
  refuse $of "in use: process $first on host" $training --resume --output "in use $of"
  refuse $of 'in use: process' $training --seed 2 --overwrite --output "in use $of"
  refuse 0 'is of a run that goes on' sample roll.yaml --set sampler.count=8 --output "in use $of/model.nc"
  refuse 0 'is of a run that goes on' import --set import.format=swiss_roll --output "in use $of/model.nc"
  run 0 sample roll.yaml --set sampler.count=8 --output "in use $of/samples.nc"
  kill -0 $first || complain "the first run ended: $(cat begun)"
  test -e "in use $of/run.lock" || complain 'the lock went away'
  end_run
  run $of $training --resume --set checkpoint.stop=3 --output "in use $of"
  said 'which is gone: taken over'
  test -e "in use $of/run.lock" && complain 'the lock stays'
done

# Two at the same time: one of them.
for pass in 1 2 3; do
  for seed in 1 2; do
    (launch_said=said$seed; "$BEELINE" pretrain roll.yaml --set learner.rounds=3000 --seed $seed --output race$pass >said$seed 2>&1 </dev/null; echo $? >status$seed) &
  done
  wait
  sort status1 status2 >found
  printf '0\n2\n' | cmp -s - found || complain "two runs in one folder ended with $(cat found): $(cat said1 said2)"
  winner=1
  test "$(cat status1)" = 0 || winner=2
  "$BEELINE" inspect race$pass/model.nc >said
  grep -q "^  seed  *$winner$" said || complain "the model is not the winner's: $(grep seed said)"
  "$BEELINE" inspect race$pass/record.nc >said
  grep -q "^  seed  *$winner$" said || complain "the record is not the winner's: $(grep seed said)"
done

# Samples and tables.
drawing='sample roll.yaml --set sampler.count=3000000'
"$BEELINE" $drawing --output drawn.nc >begun 2>&1 </dev/null &
first=$!
while test ! -e drawn.nc.lock && kill -0 $first 2>/dev/null; do sleep 0.02; done
refuse 0 'in use: process' $drawing --resume --output drawn.nc
refuse 0 'in use: process' import --set import.format=swiss_roll --output drawn.nc
end_run
run 0 $drawing --resume --set sampler.count=8 --overwrite --output drawn.nc
test -e drawn.nc.lock && complain 'the lock of samples stays'

# ---- Without locks ---------------------------------------------------------------------------------------------------

cat >flock.c <<'C'
#include <errno.h>
#include <stdlib.h>
int flock(int file, int operation);
int flock(int file, int operation) {
  (void)file;
  (void)operation;
  errno = atoi(getenv("FLOCK_ERRNO"));
  return -1;
}
C
if ${CC:-cc} -shared -fPIC -o flock.so flock.c 2>why && test -z "$SANITIZED"; then
  run 0 pretrain roll.yaml --set checkpoint.stop=7 --output stopped
  for FLOCK_ERRNO in 37 95 38; do # ENOLCK, EOPNOTSUPP, ENOSYS
    export FLOCK_ERRNO
    cp -r stopped "without$FLOCK_ERRNO"
    LD_PRELOAD=$PWD/flock.so launch 0 inspect roll.nc || complain "without locks: $(cat said)"
    LD_PRELOAD=$PWD/flock.so launch 0 pretrain roll.yaml --resume --output "without$FLOCK_ERRNO" || complain "without locks: $(cat said)"
    said 'grants no locks'
    same "without$FLOCK_ERRNO" roll "without locks ($FLOCK_ERRNO)"
  done
  LD_PRELOAD=$PWD/flock.so HDF5_USE_FILE_LOCKING=TRUE launch 0 inspect roll.nc
  said 'HDF5_USE_FILE_LOCKING=FALSE'
  LD_PRELOAD=$PWD/flock.so "$BEELINE" $training --output nolocks >begun 2>&1 </dev/null &
  first=$!
  while test ! -e nolocks/record.nc && kill -0 $first 2>/dev/null; do sleep 0.02; done
  LD_PRELOAD=$PWD/flock.so launch 0 $training --resume --output nolocks
  test $? -eq 2 || complain "a second run without locks: $(cat said)"
  said "in use: process $first"
  end_run
  LD_PRELOAD=$PWD/flock.so launch 0 $training --resume --set checkpoint.stop=3 --output nolocks || complain "after a kill, without locks: $(cat said)"
  said 'taken over'
fi

# ---- What goes away --------------------------------------------------------------------------------------------------

for how in rename remove; do
  begin_run going $training
  sleep 1 # so that the record is open
  if test $how = rename; then mv going away; else rm -rf going; fi
  wait $first
  status=$?
  test $status -eq 1 || complain "output folder, $how: exit status $status: $(cat begun)"
  grep -q 'the folder going was removed or renamed' begun || complain "output folder, $how: $(tail -n 3 begun)"
  test -e going && complain "the folder came back: $(ls -A going)"
  rm -rf away
done

# A record without room does not end a run that has room for its checkpoints.
{
  (ulimit -f 48 && PMIX_MCA_gds=hash OMPI_MCA_ess_singleton_isolated=1 "$BEELINE" pretrain roll.yaml --set learner.rounds=2000 \
    --set network.widths='[2]' --set checkpoint.every=0 --output small 2>&1 </dev/null)
  echo $? >status
} | cat >said
test "$(cat status)" = 0 || complain "a record without room: status $(cat status): $(tail -n 3 said)"
said 'the run goes on without its record'
said 'lacks the rounds from'
test -s small/model.nc || complain "no model: $(ls small)"
finish
