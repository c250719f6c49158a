#!/bin/sh
# beeline sample and beeline evaluate on a small model of points and one of images: what they write, the same bits on any
# number of ranks, and refusals.
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
failures=0
complain() {
  echo "FAIL: $*" >&2
  failures=$((failures + 1))
}

run() { # run ranks arguments...: quietly, show what was said when it fails
  ranks=$1
  shift
  $MPIEXEC $MPIEXEC_FLAGS -n "$ranks" "$BEELINE" "$@" >"$folder/said" 2>&1 </dev/null && return 0
  cat "$folder/said" >&2
  complain "beeline $* on $ranks ranks"
}

# refuse 'words of the message' arguments...
refuse() {
  words=$1
  shift
  "$BEELINE" "$@" >"$folder/said" 2>&1 </dev/null
  status=$?
  test $status -eq 2 || complain "beeline $*: exit status $status, expected 2"
  grep -qF -- "$words" "$folder/said" || complain "beeline $*: \"$words\" is not in: $(cat "$folder/said")"
}

# The file without what says who made it and when.
command -v ncdump >/dev/null || echo "ncdump is missing (Debian netcdf-bin): values in files are not compared, only pictures and tables"
data_of() { ncdump "$1" | sed -n '/^data:/,$p'; }

# ---- Points ----------------------------------------------------------------------------------------------------------

run 1 import --set import.format=swiss_roll --set import.count=500 --output "$folder/roll.nc"
cat >"$folder/roll.yaml" <<YAML
data: {file: roll.nc}
network: {kind: mlp, widths: [16, 16]}
diffusion: {schedule: sigmoid, steps: 10, beta_first: 1e-5, beta_last: 1e-2}
learner: {name: denoise, rounds: 20, batch: 32, micro_batch: 16, optimiser: {rate: {first: 1e-3}}}
model: {file: roll/model.nc}
sampler: {name: ddpm, grid: full, steps: 10, variance: large, final_sigma: -1, count: 100}
metrics: {samples: samples.nc}
YAML
run 1 pretrain "$folder/roll.yaml" --output "$folder/roll"
for ranks in 1 2 3; do
  run $ranks sample "$folder/roll.yaml" --output "$folder/samples$ranks.nc"
  grep -q 'NFE *10 network evaluations' "$folder/said" || complain "sample counts $(grep NFE "$folder/said")"
done
test -s "$folder/samples1.png" || complain "sample draws no picture of points"
cmp -s "$folder/samples1.png" "$folder/samples3.png" || complain "3 ranks draw another picture of points than 1"
if command -v ncdump >/dev/null; then
  test "$(data_of "$folder/samples1.nc")" = "$(data_of "$folder/samples2.nc")" || complain "2 ranks draw other points than 1"
  test "$(data_of "$folder/samples1.nc")" = "$(data_of "$folder/samples3.nc")" || complain "3 ranks draw other points than 1"
fi
run 2 evaluate "$folder/roll.yaml" --set metrics.samples="$folder/samples1.nc" --output "$folder/table.txt"
grep -qE 'sliced Wasserstein +[0-9.]+ .*100 directions.*100 samples, 500 real' "$folder/table.txt" || complain "the table of points"
refuse 'which knows no time' sample "$folder/roll.yaml" --set sampler.name=fastdpm --set sampler.grid=var_linear \
  --output "$folder/no.nc"

# ---- Images ----------------------------------------------------------------------------------------------------------

digits=$top_srcdir/experiments/digits/digits.nc
cat >"$folder/digits.yaml" <<YAML
data: {file: $digits}
network: {kind: unet, base_channels: 32, multipliers: [1], blocks: 1, attention: [], dropout: 0}
learner: {name: denoise, rounds: 2, batch: 16, micro_batch: 16, optimiser: {rate: {first: 1e-3}}}
model: {file: digits/model.nc}
sampler: {steps: 3, count: 40}
metrics: {samples: digits1.nc, classifier: classifier/model.nc, reference: reference.nc}
YAML
run 1 pretrain "$folder/digits.yaml" --output "$folder/digits"
run 1 pretrain "$folder/digits.yaml" --set learner.name=classify --set network.kind=classifier --set 'network.widths=[8, 16]' \
  --output "$folder/classifier"
run 1 sample "$folder/digits.yaml" --output "$folder/digits1.nc"
run 4 sample "$folder/digits.yaml" --output "$folder/digits4.nc"
cmp -s "$folder/digits1.png" "$folder/digits4.png" || complain "4 ranks draw another picture than 1"
run 1 evaluate "$folder/digits.yaml" --output "$folder/first.nc"
run 3 evaluate "$folder/digits.yaml" --set data.file= --output "$folder/second.nc" # from the reference that the first wrote
run 1 evaluate "$folder/digits.yaml" --set metrics.samples="$digits" --output "$folder/self.txt"
grep -qE 'FID +[0-9.]+(e-[0-9]+)? .*on 16 features of classifier model.nc [0-9a-f]{8}; 1797 samples, 1797 real' "$folder/self.txt" ||
  complain "the table of images: $(cat "$folder/self.txt")"
more="--set metrics.kid=true --set metrics.neighbours=3 --set metrics.score=true --set metrics.subset=600"
run 1 evaluate "$folder/digits.yaml" $more --output "$folder/more1.nc"
run 3 evaluate "$folder/digits.yaml" $more --output "$folder/more3.nc"
run 2 evaluate "$folder/digits.yaml" $more --set metrics.samples="$digits" --output "$folder/more.txt"
grep -qE 'precision +1 .*3 nearest neighbours; the first 600 samples, 600 real' "$folder/more.txt" ||
  complain "the table of pairs: $(cat "$folder/more.txt")"
grep -qE 'KID +-?[0-9.e-]+ .*one block, so its error is not known; the first 600' "$folder/more.txt" || complain "KID: $(cat "$folder/more.txt")"
grep -qE 'score of classes +[0-9.]+ .*1 to 10; the first 600' "$folder/more.txt" || complain "score: $(cat "$folder/more.txt")"
if command -v ncdump >/dev/null; then
  test "$(data_of "$folder/more1.nc")" = "$(data_of "$folder/more3.nc")" || complain "3 ranks judge otherwise than 1"
  data_of "$folder/more1.nc" | grep -q ' kid = ' || complain "no KID in the file: $(data_of "$folder/more1.nc")"
  fid=$(ncdump -v fid "$folder/first.nc" | sed -n 's/^ fid = //p')
  ncdump -v power_samples,power_real "$folder/first.nc" | grep -cE '^ power_(samples|real) = [0-9.e-]+, ' | grep -q 2 ||
    complain "no power spectra of samples and real images"
  test -n "$fid" && test "$fid" = "$(ncdump -v fid "$folder/second.nc" | sed -n 's/^ fid = //p')" || complain "FID: $fid, then another"
fi

# ---- Interrupted -----------------------------------------------------------------------------------------------------

many="sample $folder/digits.yaml --set sampler.count=3000"
run 1 $many --output "$folder/whole.nc"
"$BEELINE" $many --output "$folder/killed.nc" >"$folder/said" 2>&1 </dev/null &
victim=$!
tries=0
while test ! -e "$folder/killed.part.nc" && test $tries -lt 600 && kill -0 $victim 2>/dev/null; do
  sleep 0.05
  tries=$((tries + 1))
done
kill -9 $victim 2>/dev/null || complain "nothing was left to kill: $(cat "$folder/said")"
wait $victim 2>/dev/null
test -e "$folder/killed.nc" && complain "sample ended before it was killed"
refuse 'holds the samples of an unfinished run' $many --output "$folder/killed.nc"
refuse 'made with another configuration' $many --seed 2 --resume --output "$folder/killed.nc"
run 3 $many --resume --output "$folder/killed.nc"
grep -q 'going on after [1-9][0-9]* samples' "$folder/said" || complain "sample --resume began anew: $(cat "$folder/said")"
grep -q 'NFE *3 network evaluations' "$folder/said" || complain "sample --resume counts $(grep NFE "$folder/said")"
test -e "$folder/killed.part.nc" && complain "the part is left behind"
cmp -s "$folder/whole.png" "$folder/killed.png" || complain "a resumed run draws another picture"
if command -v ncdump >/dev/null; then
  test "$(data_of "$folder/whole.nc")" = "$(data_of "$folder/killed.nc")" || complain "a resumed run draws other images"
fi
run 2 $many --resume --output "$folder/killed.nc"
grep -q 'drawn already' "$folder/said" || complain "a finished run begins anew: $(cat "$folder/said")"
run 1 sample "$folder/roll.yaml" --resume --output "$folder/samples9.nc" # without anything to go on from
cmp -s "$folder/samples1.png" "$folder/samples9.png" || complain "--resume without a part draws another picture"

# ---- Refusals --------------------------------------------------------------------------------------------------------

refuse 'model.file' sample --output "$folder/no.nc"
refuse 'output' sample "$folder/digits.yaml"
refuse 'expected a diffusion model' sample "$folder/digits.yaml" --set model.file="$folder/classifier/model.nc" --output "$folder/no.nc"
refuse 'sampler.steps' sample "$folder/digits.yaml" --set sampler.steps=2000 --output "$folder/no.nc"
refuse 'missing.nc' sample "$folder/digits.yaml" --set model.file="$folder/missing.nc" --output "$folder/no.nc"
refuse 'metrics.samples' evaluate "$folder/digits.yaml" --set metrics.samples=
refuse 'expected a classifier' evaluate "$folder/digits.yaml" --set metrics.classifier="$folder/digits/model.nc"
refuse 'metrics.kid' evaluate "$folder/digits.yaml" --set metrics.kid=true --set metrics.classifier=
refuse 'metrics.neighbours' evaluate "$folder/digits.yaml" --set metrics.neighbours=3 --set data.file=
refuse 'Conv2d_1a_3x3.conv.weight' evaluate "$folder/digits.yaml" --set metrics.inception="$folder/classifier/model.nc"
refuse 'holds points' evaluate "$folder/digits.yaml" --set metrics.samples="$folder/samples1.nc"
refuse 'expected reference statistics' evaluate "$folder/digits.yaml" --set metrics.reference="$digits"
test -e "$folder/no.nc" && complain "a refused run wrote its output"
test $failures -eq 0
