#!/bin/sh
# beeline distill: a student for every number of steps, which draws what its teacher draws in twice the steps; the same bits on
# any number of ranks, and after an interruption.
. "$top_srcdir/tests/support/bits.sh"

# students_of FOLDER: checksums of all students.
students_of() {
  for stored in "$1"/student-*.nc; do
    "$BEELINE" inspect "$stored" 2>&1 | sed -n "s/^  \\(model\\) .* \\([0-9a-f]\\{8\\}\\)\$/$(basename "$stored") \\1 \\2/p"
  done
}

# same_students FOLDER EXPECTED WORDS
same_students() {
  same "$@"
  students_of "$1" >found
  students_of "$2" >expected
  test "$(wc -l <expected)" -eq 3 || complain "$2: expected three students, found: $(cat expected)"
  cmp -s expected found || complain "$3: other students: $(diff expected found)"
}

run 1 pretrain roll.yaml --output roll
distilling='distill roll.yaml --set learner.name=distill --set learner.rounds=5 --set learner.optimiser.rate.decay=linear
  --set distill.first=4 --set distill.last=1 --set checkpoint.every=3 --set learner.optimiser.start_decay=50'
run 1 $distilling --output whole
for steps in 0004 0002 0001; do # 4: the one that learns to predict v
  test -s whole/student-$steps.nc || complain "no student of $steps steps: $(ls whole)"
done
"$BEELINE" inspect whole/student-0002.nc >said 2>&1
grep -q 'predicts *v' said && grep -q 'distilled to steps *2' said || complain "inspect does not tell: $(cat said)"
for ranks in 2 3 4; do
  run $ranks $distilling --output ranks$ranks
  same_students ranks$ranks whole "distill on $ranks ranks"
done
run 3 $distilling --roles 2:0:1 --output split
same_students split whole 'distill, split'

# Stopped in the middle of a student, and where one ends and the next begins.
for stop in 4 5 12; do
  run 2 $distilling --set checkpoint.stop=$stop --output stopped$stop
  test ! -e stopped$stop/model.nc || complain "a stopped run wrote model.nc"
  run 1 $distilling --resume --output stopped$stop
  same_students stopped$stop whole "distill, stopped after $stop steps"
done
run 1 $distilling --resume --output whole
grep -q 'finished already' said || complain "a finished run does not say so: $(cat said)"

# A student that did not learn is its teacher in other words: without steps of learning, ε of the model sampled as ε.
run 1 $distilling --set distill.prediction=epsilon --set learner.optimiser.rate.first=0 --set learner.average=0 --output unchanged
test "$(parts_of unchanged | cut -d ' ' -f 3)" = "$(parts_of roll | cut -d ' ' -f 3)" || complain "rate 0 changed the weights"
sampling='sample roll.yaml --set sampler.name=ddim --set sampler.grid=even --set sampler.steps=1 --set sampler.eta=0
  --set sampler.final_sigma=0 --set sampler.count=200'
run 1 $sampling --set model.file=whole/student-0001.nc --output one.nc
grep -q 'NFE *1 network' said || complain "a student of one step needs more: $(cat said)"
run 2 $sampling --set model.file=whole/student-0001.nc --output two.nc
same_values one.nc two.nc || complain "other samples on two ranks: $(cat why)"

# One that learned for long draws in one step what the teacher draws in two.
run 1 pretrain roll.yaml --set learner.rounds=400 --set learner.average=0 --set learner.optimiser.rate.first=3e-3 --output good
for prediction in x v; do
  run 1 $distilling --set model.file=good/model.nc --set learner.rounds=600 --set distill.first=2 --set learner.average=0 \
    --set learner.optimiser.start_decay=0 --set learner.optimiser.rate.first=2e-3 --set distill.prediction=$prediction \
    --set checkpoint.every=0 --output learned_$prediction
  run 1 $sampling --set sampler.steps=2 --set model.file=good/model.nc --output teacher.nc
  run 1 $sampling --set model.file=learned_$prediction/student-0001.nc --output student.nc
  print_values teacher.nc point >teacher.txt
  print_values student.nc point >student.txt
  paste teacher.txt student.txt | awk '{ d += ($1 - $2)^2; s += $1^2 } END { exit !(NR == 400 && d < 0.02 * s) }' ||
    complain "a student that predicts $prediction draws other points: $(paste teacher.txt student.txt |
      awk '{ d += ($1 - $2)^2; s += $1^2 } END { print NR, d, s }')"
done
finish
