#!/bin/sh
# beeline sample and beeline evaluate on a small model of points and one of images: what they write, the same bits on any
# number of ranks, and refusals.
. "$top_srcdir/tests/support/script.sh"

# ---- Points ----------------------------------------------------------------------------------------------------------

run 1 import --set import.format=swiss_roll --set import.count=500 --output roll.nc
cat >roll.yaml <<YAML
data: {file: roll.nc}
network: {kind: mlp, widths: [16, 16]}
diffusion: {schedule: sigmoid, steps: 10, beta_first: 1e-5, beta_last: 1e-2}
learner: {name: denoise, rounds: 20, batch: 32, micro_batch: 16, optimiser: {rate: {first: 1e-3}}}
model: {file: roll/model.nc}
sampler: {name: ddpm, grid: full, steps: 10, variance: large, final_sigma: -1, count: 100}
metrics: {samples: samples.nc}
YAML
run 1 pretrain roll.yaml --output roll
for ranks in 1 2 3; do
  run $ranks sample roll.yaml --output samples$ranks.nc
  grep -q 'NFE *10 network evaluations' said || complain "sample counts $(grep NFE said)"
done
test -s samples1.png || complain "sample draws no picture of points"
cmp -s samples1.png samples3.png || complain "3 ranks draw another picture of points than 1"
same_values samples1.nc samples2.nc || complain "2 ranks draw other points than 1"
same_values samples1.nc samples3.nc || complain "3 ranks draw other points than 1"
run 2 evaluate roll.yaml --set metrics.samples=samples1.nc --output table.txt
grep -qE 'sliced Wasserstein +[0-9.]+ .*100 directions.*100 samples, 500 real' table.txt || complain "the table of points"
refuse 0 'which knows no time' sample roll.yaml --set sampler.name=fastdpm --set sampler.grid=var_linear \
  --output no.nc

# ---- Images ----------------------------------------------------------------------------------------------------------

digits=$top_srcdir/experiments/digits/digits.nc
cat >digits.yaml <<YAML
data: {file: $digits}
network: {kind: unet, base_channels: 32, multipliers: [1], blocks: 1, attention: [], dropout: 0}
learner: {name: denoise, rounds: 2, batch: 16, micro_batch: 16, optimiser: {rate: {first: 1e-3}}}
model: {file: digits/model.nc}
sampler: {steps: 3, count: 40}
metrics: {samples: digits1.nc, classifier: classifier/model.nc, reference: reference.nc}
YAML
run 1 pretrain digits.yaml --output digits
run 1 pretrain digits.yaml --set learner.name=classify --set network.kind=classifier --set 'network.widths=[8, 16]' \
  --output classifier
run 1 sample digits.yaml --output digits1.nc
run 4 sample digits.yaml --output digits4.nc
cmp -s digits1.png digits4.png || complain "4 ranks draw another picture than 1"
run 1 evaluate digits.yaml --output first.nc
run 3 evaluate digits.yaml --set data.file= --output second.nc # from the reference that the first wrote
run 1 evaluate digits.yaml --set metrics.samples="$digits" --output self.txt
grep -qE 'FID +[0-9.]+(e-[0-9]+)? .*on 16 features of classifier model.nc [0-9a-f]{8}; 1797 samples, 1797 real' self.txt ||
  complain "the table of images: $(cat self.txt)"
more="--set metrics.kid=true --set metrics.neighbours=3 --set metrics.score=true --set metrics.subset=600"
run 1 evaluate digits.yaml $more --output more1.nc
run 3 evaluate digits.yaml $more --output more3.nc
run 2 evaluate digits.yaml $more --set metrics.samples="$digits" --output more.txt
grep -qE 'precision +1 .*3 nearest neighbours; the first 600 samples, 600 real' more.txt ||
  complain "the table of pairs: $(cat more.txt)"
grep -qE 'KID x 1000 +-[0-9.e-]+ .*one block, so its error is not known; the first 600 .*below 0, as an unbiased' more.txt ||
  complain "KID of a file with itself: $(cat more.txt)"
grep -qE 'score of classes +[0-9.]+ .*1 to 10; the first 600' more.txt || complain "score: $(cat more.txt)"
same_values more1.nc more3.nc || complain "3 ranks judge otherwise than 1"
run 1 evaluate digits.yaml $more --output more1.txt
shown=$(sed -n 's/^ *KID x 1000 *\([-0-9.e]*\) .*/\1/p' more1.txt)
stored=$(print_values more1.nc kid | awk '{ print $NF }')
awk "BEGIN { exit !(($shown / 1000 - $stored)^2 <= 1e-9 * ($stored)^2) }" || complain "KID is shown as $shown, stored as $stored"
test "$(print_values first.nc power_samples power_real | wc -l)" -gt 1 || complain "no power spectra of samples and real images"
fid=$(print_values first.nc | grep '^fid ')
test -n "$fid" && test "$fid" = "$(print_values second.nc | grep '^fid ')" || complain "FID: $fid, then another"

# ---- Interrupted -----------------------------------------------------------------------------------------------------

many="sample digits.yaml --set sampler.count=3000"
run 1 $many --output whole.nc
kill_at killed.part.nc $many --output killed.nc
test -e killed.nc && complain "sample ended before it was killed"
refuse 0 'holds the samples of an unfinished run' $many --output killed.nc
refuse 0 'made with another configuration' $many --seed 2 --resume --output killed.nc
run 3 $many --resume --output killed.nc
grep -q 'going on after [1-9][0-9]* samples' said || complain "sample --resume began anew: $(cat said)"
grep -q 'NFE *3 network evaluations' said || complain "sample --resume counts $(grep NFE said)"
test -e killed.part.nc && complain "the part is left behind"
cmp -s whole.png killed.png || complain "a resumed run draws another picture"
same_values whole.nc killed.nc || complain "a resumed run draws other images"
run 2 $many --resume --output killed.nc
grep -q 'drawn already' said || complain "a finished run begins anew: $(cat said)"
run 1 sample roll.yaml --resume --output samples9.nc # without anything to go on from
cmp -s samples1.png samples9.png || complain "--resume without a part draws another picture"

# ---- Refusals --------------------------------------------------------------------------------------------------------

refuse 0 'model.file' sample --output no.nc
refuse 0 'output' sample digits.yaml
refuse 0 'expected a diffusion model' sample digits.yaml --set model.file=classifier/model.nc --output no.nc
refuse 0 'sampler.steps' sample digits.yaml --set sampler.steps=2000 --output no.nc
refuse 0 'missing.nc' sample digits.yaml --set model.file=missing.nc --output no.nc
refuse 0 'metrics.samples' evaluate digits.yaml --set metrics.samples=
refuse 0 'expected a classifier' evaluate digits.yaml --set metrics.classifier=digits/model.nc
refuse 0 'metrics.kid' evaluate digits.yaml --set metrics.kid=true --set metrics.classifier=
refuse 0 'metrics.neighbours' evaluate digits.yaml --set metrics.neighbours=3 --set data.file=
refuse 0 'Conv2d_1a_3x3.conv.weight' evaluate digits.yaml --set metrics.inception=classifier/model.nc
refuse 0 'holds points' evaluate digits.yaml --set metrics.samples=samples1.nc
refuse 0 'expected reference statistics' evaluate digits.yaml --set metrics.reference="$digits"
test -e no.nc && complain "a refused run wrote its output"
test $failures -eq 0
