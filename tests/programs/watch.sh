#!/bin/sh
# beeline watch shows a run from its record, finished or not, without a terminal once; and what a run says where no terminal
# shows its bar: a key=value line for each round, and what it cost at its end.
. "$top_srcdir/tests/support/bits.sh"

# seen WORDS: the picture just drawn has them.
seen() {
  grep -qF -- "$1" picture || complain "expected \"$1\" in: $(cat picture)"
}

run 2 pretrain roll.yaml --roles 1:0:1 --output roll
for words in 'program=pretrain round=12 rounds=12 loss=' 'gradient_norm=' ' seconds=' ' speed=' ' peak_memory=' \
  ' checkpoint_seconds=' 'left_seconds=0' 'wait for gradients' 'checkpoints: 3 in ' 'peak memory of a rank'; do
  grep -qF -- "$words" said || complain "pretrain does not say \"$words\": $(cat said)"
done
test "$(grep -c '^program=pretrain round=' said)" -eq 12 || complain "expected a line a round: $(cat said)"
"$BEELINE" watch --once roll/record.nc >picture 2>&1 || complain "watch: $(cat picture)"
seen '100 %  12/12'
seen 'finished'
seen 'loss: '
test "$(grep -c '[*]' picture)" -gt 6 || complain "no curves: $(cat picture)"

# A run that goes on until it is asked to stop, so that it cannot end before anybody looks.
tuning="finetune roll.yaml $roll_tuning --set checkpoint.every=0"
"$BEELINE" $tuning --set learner.rounds=1000000 --output endless >said 2>&1 </dev/null &
tuner=$!
tries=0
while test $tries -lt 1200 && kill -0 $tuner 2>/dev/null; do
  "$BEELINE" watch endless/record.nc >picture 2>&1 && grep -q 'ipm: ' picture && break
  sleep 0.05
  tries=$((tries + 1))
done
seen '/1000000'
seen 'left'
seen 'last row'
kill -TERM $tuner || complain "nobody was left for a signal: $(cat said)"
wait $tuner
status=$?
test $status -eq 75 || complain "finetune: exit status $status, expected 75: $(cat said)"

run 1 $tuning --output tuned
grep -q '^program=finetune round=6 rounds=6 ipm=.* value_loss=' said || complain "finetune: $(tail -n 30 said)"
grep -q 'critic gradients' said || complain "no account: $(cat said)"
run 2 $tuning --set learner.rounds=2 --roles 1:1:1 --output apart
grep -q '^  trajectories  *[0-9.]*  *[0-9.]*$' said || complain "no bytes: $(cat said)"
"$BEELINE" watch --once tuned/record.nc >picture 2>&1 || complain "watch: $(cat picture)"
seen '100 %  6/6'
"$BEELINE" watch --once roll.nc >picture 2>&1
test $? -eq 2 || complain 'watch takes what is no record'
seen 'no record'

# Milestones stay when the run is finished.
run 1 pretrain roll.yaml --set checkpoint.every=2 --set checkpoint.milestones=4 --output stones
test "$(cd stones && echo kept-*)" = 'kept-000004.nc kept-000008.nc' || complain "milestones: $(ls stones)"
run 1 pretrain roll.yaml --set checkpoint.every=2 --set checkpoint.milestones=4 --output stones --resume
grep -q 'finished already' said || complain "a run with milestones is not finished: $(cat said)"
finish
