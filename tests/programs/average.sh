#!/bin/sh
# beeline average: the mean of models and their distances from it; a model from a checkpoint; refusals.
. "$top_srcdir/tests/support/script.sh"

cat >points.yaml <<'YAML'
data: {file: roll.nc}
network: {kind: mlp, widths: [16, 24]}
diffusion: {schedule: sigmoid, steps: 20, beta_first: 1e-5, beta_last: 1e-2}
learner: {name: denoise, rounds: 5, batch: 16, micro_batch: 8, average: 0.5, optimiser: {rate: {first: 1e-2}}}
sampler: {steps: 5, grid: step_linear, count: 20}
YAML
run 1 import --set import.format=swiss_roll --set import.count=64 --output roll.nc
run 1 pretrain points.yaml --output a
run 1 pretrain points.yaml --set seed=2 --output b
run 1 pretrain points.yaml --set checkpoint.every=2 --set checkpoint.stop=4 --output stopped

# The checksum of a part of a model, as inspect prints it.
checksum() { "$BEELINE" inspect "$1" 2>&1 | sed -n "s/^  $2  .* \([0-9a-f]\{8\}\)\$/\1/p"; }
# How far a model is from the average just made, "" where it is not in the table.
distance() { awk -v file="$1" '$2 == file && NF == 2 { print $1 }' said; }
# near A B: equal but for rounding.
near() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && b != "" && a - b <= 2e-3 * b && b - a <= 2e-3 * b) }' </dev/null; }

checkpoint=stopped/checkpoint-000004.nc
test "$(checksum $checkpoint model)" != "$(checksum $checkpoint average)" || complain "a checkpoint holds one set of weights"
run 1 average $checkpoint --output one.nc
test "$(distance $checkpoint)" = 0 || complain "one model is away from itself: $(cat said)"
test "$(checksum one.nc model)" = "$(checksum $checkpoint average)" || complain "not the moving average of a checkpoint"
test -z "$(checksum one.nc average)$(checksum one.nc model_first)" || complain "more is left than a model"
run 1 average $checkpoint --set model.weights=last --output last.nc
test "$(checksum last.nc model)" = "$(checksum $checkpoint model)" || complain "not the last weights of a checkpoint"
run 2 sample points.yaml --set model.file=$checkpoint --output samples-checkpoint.nc
run 1 sample points.yaml --set model.file=one.nc --output samples-one.nc
same_values samples-checkpoint.nc samples-one.nc || complain "it draws other samples: $(cat why)"

# Two are equally far from their mean, which is in the file; a third of a weight of three is a third of the way.
run 1 average a/model.nc b/model.nc --output ab.nc
apart=$(distance a/model.nc)
near "$apart" "$(distance b/model.nc)" || complain "not in the middle: $(cat said)"
run 1 average ab.nc a/model.nc b/model.nc --output abab.nc
awk -v d="$(distance ab.nc)" -v all="$apart" 'BEGIN { exit !(d != "" && d < 1e-5 * all) }' </dev/null ||
  complain "the file is not the mean: $(cat said)"
run 1 average a/model.nc a/model.nc b/model.nc --output aab.nc
near "$(distance b/model.nc)" "$(echo "$apart" | awk '{ print $1 * 4 / 3 }')" || complain "not a third of the way: $(cat said)"
run 3 average b/model.nc a/model.nc --output ba.nc
same_values ab.nc ba.nc || complain "the order counts: $(cat why)"
run 2 sample points.yaml --set model.file=ab.nc --output samples-ab.nc
"$BEELINE" inspect ab.nc >said 2>&1
said 'average of 2 models'

run 1 pretrain points.yaml --set diffusion.steps=30 --output other
run 1 pretrain points.yaml --set 'network.widths=[16, 16]' --output narrow
refuse 0 'no file is given' average --output no.nc
refuse 0 '--output average.nc' average a/model.nc
refuse 2 'missing.nc: No such file' average a/model.nc missing.nc --output no.nc
refuse 2 'other/model.nc: belongs to another diffusion than a/model.nc' average a/model.nc other/model.nc --output no.nc
refuse 2 'narrow/model.nc' average a/model.nc narrow/model.nc --output no.nc
refuse 0 'roll.nc' average a/model.nc roll.nc --output no.nc
refuse 0 'model.weights' average a/model.nc --set model.weights=best --output no.nc
refuse 0 '--resume' average a/model.nc --resume --output no.nc
refuse 0 'is a folder' average a/model.nc --output a
test -e no.nc && complain "a refused run wrote its output"
test $failures -eq 0
