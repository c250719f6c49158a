#!/bin/sh
# A signal to one rank, or to the launcher, makes all ranks finish their step, write a checkpoint and leave with 75; --resume,
# which also begins a run, goes on with the bits of a run without signals. Other commands end as processes do.
. "$top_srcdir/tests/support/bits.sh"

# interrupt SIGNAL WHOM WORDS FILE RANKS ARGUMENT...: begin "beeline ARGUMENT... --resume", send the signal to one rank or to the
# launcher as soon as FILE is there, and expect a message with these words. What is left of the command then takes a second or more,
# so that it cannot end before.
interrupt() {
  signal=$1
  whom=$2
  words=$3
  file=$4
  ranks=$5
  shift 5
  rm -f rank-*
  $MPIEXEC $MPIEXEC_FLAGS -n "$ranks" sh -c 'echo $$ >"rank-$$" && exec "$@"' sh "$BEELINE" "$@" --resume >said 2>&1 </dev/null &
  launcher=$!
  tries=0
  while ! ls $file >files 2>&1 && test $tries -lt 1200 && kill -0 $launcher 2>/dev/null; do
    sleep 0.02
    tries=$((tries + 1))
  done
  victim=$launcher
  test $whom = launcher || victim=$(cat rank-* | head -n 1)
  kill -$signal "$victim" || complain "beeline $*: nobody was left for a signal: $(cat said)"
  wait $launcher
  status=$?
  test $status -eq 75 || complain "beeline $*: exit status $status after SIG$signal, expected 75: $(cat said)"
  grep -qF -- "$words" said || complain "beeline $*: expected \"$words\", found: $(cat said)"
}

# ---- Training --------------------------------------------------------------------------------------------------------

run 1 pretrain roll.yaml --output roll
training="pretrain roll.yaml --set learner.rounds=4000 --set checkpoint.every=100 --set learner.optimiser.rate.decay=linear"
run 1 $training --output trained
interrupt USR1 rank 'did so after round' 'signalled/checkpoint-*.nc' 3 $training --output signalled
interrupt TERM rank 'of 4000: go on with --resume' 'signalled/checkpoint-*[12][0-9]00.nc' 2 $training --output signalled
run 1 $training --resume --output signalled
parts_of trained >expected
parts_of signalled >found
cmp -s expected found || complain "pretrain, two signals: other bits: $(diff expected found)"
compared=$((compared + 1))

tuning="finetune roll.yaml $roll_tuning --set learner.rounds=300"
run 1 $tuning --output tuned
interrupt USR1 launcher 'go on with --resume' 'stopped/checkpoint-*.nc' 2 $tuning --output stopped
ls stopped | grep -q 'partial' && complain "left behind: $(ls -A stopped)"
test -e stopped/model.nc && complain 'a run that was asked to stop wrote its model'
run 1 $tuning --resume --output stopped
same stopped tuned 'finetune, signal to the launcher'

distilling='distill roll.yaml --set learner.name=distill --set distill.first=4 --set distill.last=1 --set learner.rounds=2000'
run 1 $distilling --output distilled
interrupt TERM rank 'go on with --resume' 'half/student-0002.nc' 2 $distilling --output half
run 1 $distilling --resume --output half
parts_of distilled >expected
parts_of half >found
cmp -s expected found || complain "distill: other bits: $(diff expected found)"

# ---- Drawing and tables ------------------------------------------------------------------------------------------------

drawing='sample roll.yaml --set sampler.count=300000'
run 1 $drawing --output whole.nc
interrupt USR1 rank 'samples: go on with --resume' part.part.nc 2 $drawing --output part.nc
run 1 $drawing --resume --output part.nc
said 'going on after'
cat >table.yaml <<YAML
base: roll.yaml
columns: [6]
seeds: [1, 2, 3, 4]
samples: 100000
rows:
  - name: DDPM
    set: [sampler.name=ddpm]
YAML
interrupt USR1 rank 'the same command goes on' 'table/cells/ddpm-nfe6-seed2.nc' 2 table table.yaml --output table
there=$(ls table/cells | grep -c 'nc$')
run 1 table table.yaml --output table
said "$there of 4 cells are there already"

# ---- Commands that write only at their end -----------------------------------------------------------------------------

"$BEELINE" moments roll.yaml --set moments.count=100000000 --output moments.nc >said 2>&1 </dev/null &
victim=$!
sleep 1
kill -USR1 $victim
wait $victim
status=$?
test $status -gt 128 || complain "beeline moments: exit status $status after SIGUSR1: $(cat said)"
test -e moments.nc && complain 'beeline moments wrote a file after SIGUSR1'
finish
