#!/bin/sh
# beeline table on a small swiss roll and on small images: it computes, has the same bits on any number of ranks, goes on after
# a kill without computing finished cells again, computes again what changed and nothing else, and its texts say what its
# netCDF says.
. "$top_srcdir/tests/support/script.sh"
computed() { grep -c '(cell [0-9]* of [0-9]*)$' said; } # cells that were computed
expect() { test "$(computed)" -eq "$1" || complain "$2: $(computed) cells computed, expected $1: $(cat said)"; }
same() { same_values "$1" "$2" seconds_per_sample || complain "$1 and $2: $(cat why)"; }
untimed() { sed 's/,[^,]*$//' "$1/table.csv"; }

# ---- Models ----------------------------------------------------------------------------------------------------------

run 1 import --set import.format=swiss_roll --set import.count=300 --output roll.nc
cat >learn.yaml <<YAML
data: {file: roll.nc}
network: {kind: mlp, widths: [16, 16]}
diffusion: {schedule: sigmoid, steps: 20, beta_first: 1e-5, beta_last: 1e-2}
learner: {name: denoise, rounds: 20, batch: 32, micro_batch: 8, optimiser: {rate: {first: 1e-3}}}
YAML
run 1 pretrain learn.yaml --output roll
cat >tune.yaml <<YAML
model: {file: roll/model.nc}
data: {file: roll.nc}
sampler: {name: fastdpm, grid: step_linear, steps: 4}
learner: {rounds: 3, batch: 16, micro_batch: 8, n_critic: 2, n_generator: 2, optimiser: {rate: {first: 1e-3}}}
critic: {widths: [8]}
value: {widths: [8]}
checkpoint: {every: 1}
metrics: {count: 0}
YAML
cat >table.yaml <<YAML
title: a small roll
set: [data.file=roll.nc, model.file=roll/model.nc, learner.micro_batch=8, sampler.grid=linear]
columns: [4, 2]
seeds: [1, 2]
samples: 100
published: of nobody
rows:
  - name: DDPM, "small" & 50 %
    set: [sampler.name=ddpm, sampler.final_sigma=-1]
    columns: [4, 2, 20]
    published: {4: 34.76}
  - name: the same by another name
    set: [sampler.name=ddpm, sampler.final_sigma=-1]
    columns: [4]
  - name: SFT-PG (B)
    finetune: tune.yaml
    columns: [4]
YAML

# ---- The same on any number of ranks ----------------------------------------------------------------------------------

for ranks in 1 2 3 4; do
  run $ranks table table.yaml --output out$ranks
  expect 10 "$ranks ranks"
  for name in table.nc cells/sft-pg-b-nfe4-seed2.nc cells/ddpm-small-50-nfe20-seed1.nc; do same out1/$name out$ranks/$name; done
  cmp -s out1/grid-4.png out$ranks/grid-4.png || complain "$ranks ranks draw another picture"
  test "$(untimed out1)" = "$(untimed out$ranks)" || complain "$ranks ranks: $(untimed out$ranks)"
done
test -s out1/grid-2.png || complain "no picture of the second column"
same out1/cells/ddpm-small-50-nfe4-seed1.nc out1/cells/the-same-by-another-name-nfe4-seed1.nc # the same initial noise
same_values out1/cells/ddpm-small-50-nfe4-seed1.nc out1/cells/ddpm-small-50-nfe4-seed2.nc seconds_per_sample &&
  complain "another seed draws the same"
same_values out1/cells/ddpm-small-50-nfe4-seed1.nc out1/cells/sft-pg-b-nfe4-seed1.nc seconds_per_sample &&
  complain "a fine-tuned row draws what is drawn before"

# A fine-tuned row is what beeline finetune learns.
run 1 finetune tune.yaml --seed 2 --output tuned
same tuned/model.nc out3/finetune/sft-pg-b-nfe4-seed2-*/model.nc

# ---- Texts agree with the netCDF --------------------------------------------------------------------------------------

values() { print_values out1/table.nc "$@" || complain "print_values $*"; }
# Of row 0, columns 4, 2 and 20, and rows 1 and 2, column 4: the places 0 1 2 3 6 of (row, column).
values sliced_wasserstein_mean sliced_wasserstein_spread network_evaluations | sed -n '1p;2p;3p;4p;7p' | sort >expected
awk 'NR > 1 { sub(/^"([^"]|"")*",/, ""); split($0, f, ","); print f[4], f[5], f[2] }' out1/table.csv | sort >found
cmp -s expected found || complain "CSV: $(diff expected found)"
test "$(values network_evaluations | sed -n 3p)" = 20 || complain "NFE of 20 steps: $(values network_evaluations)"
values sliced_wasserstein | sed -n '1p;2p' | xargs echo >pair
# shellcheck disable=SC2046 # two words
set -- $(cat pair)
awk -v a="$1" -v b="$2" 'BEGIN { printf "%.9g %.9g\n", (a + b) / 2, (a > b ? a - b : b - a) / sqrt(2) }' >expected
values sliced_wasserstein_mean sliced_wasserstein_spread | sed -n 1p >found
awk 'NR == FNR { m = $1; s = $2; next } { exit !(($1 - m) ^ 2 < 1e-16 && ($2 - s) ^ 2 < 1e-16) }' expected found ||
  complain "mean and spread of $(cat pair): $(cat found), expected $(cat expected)"
shown=$(awk '{ printf "%.4g ± %.2g", $1, $2 }' found)
grep -qF "| DDPM, \"small\" & 50 % | 4 | $shown | published: 34.76 |" out1/table.md || complain "Markdown: $(cat out1/table.md)"
shown=$(awk '{ printf "$%.4g \\pm %.2g$", $1, $2 }' found)
grep -qF "DDPM, \"small\" \\& 50 \\% & 4 & $shown & 34.76 &" out1/table.tex || complain "LaTeX: $(cat out1/table.tex)"
test "$(grep -c '^|' out1/table.md)" -eq 7 || complain "Markdown has $(grep -c '^|' out1/table.md) lines"

# ---- Nothing twice -----------------------------------------------------------------------------------------------------

run 2 table table.yaml --output out1
said '10 of 10 cells are there already'
expect 0 'a complete table'
same out2/table.nc out1/table.nc

# Killed as soon as some cells are there.
sed 's/samples: 100/samples: 4000/; s/seeds: .*/seeds: [1, 2, 3, 4, 5, 6]/' table.yaml >many.yaml
kill_at killed/cells/sft-pg-b-nfe4-seed1.nc table many.yaml --output killed
test -e killed/table.nc && complain "the table was complete before it was killed"
there=$(ls killed/cells | grep -c 'nc$')
cksum killed/cells/*.nc >before
run 2 table many.yaml --output killed
said "$there of 30 cells are there already"
expect $((30 - there)) 'after a kill'
# shellcheck disable=SC2046 # names of files
cksum $(awk '{ print $3 }' before) | cmp -s - before || complain 'finished cells were written again'
run 1 table many.yaml --output whole
same whole/table.nc killed/table.nc
cmp -s whole/grid-4.png killed/grid-4.png || complain 'a resumed table draws another picture'

# A fine-tuning that stops in between goes on.
run 1 table table.yaml --set checkpoint.stop=2 --output stopped
said 'is not finished: run the table again'
said '8 of 10 cells are there'
run 2 table table.yaml --output stopped
said 'resuming from'
expect 2 'after stopped fine-tunings'
same out1/table.nc stopped/table.nc

# ---- Again what changed ------------------------------------------------------------------------------------------------

sed '0,/final_sigma=-1/s//final_sigma=0.1/' table.yaml >changed.yaml
run 1 table changed.yaml --output out1
expect 6 'a setting of one row'
said 'made with another configuration'
run 1 table changed.yaml --set learner.rounds=4 --output out1
expect 10 'a setting of all rows'
run 1 table table.yaml --output out1
expect 10 'back again'
grep -q 'this run is finished already' said || complain "the first fine-tuning was lost: $(cat said)"
same out2/table.nc out1/table.nc
run 1 pretrain learn.yaml --set learner.rounds=21 --output other
mv roll/model.nc first.nc && cp other/model.nc roll/model.nc
run 1 table table.yaml --output out1
expect 10 'another model'
same_values out1/cells/sft-pg-b-nfe4-seed1.nc out2/cells/sft-pg-b-nfe4-seed1.nc seconds_per_sample &&
  complain 'another model gives the same'
cp first.nc roll/model.nc
printf 'damaged!' | dd of=out2/cells/sft-pg-b-nfe4-seed1.nc bs=1 seek=2000 conv=notrunc 2>dd.log || complain "dd: $(cat dd.log)"
run 1 table table.yaml --output out2
said 'this cell is computed again'
expect 1 'a damaged cell'
(mkdir elsewhere && cd elsewhere && run 1 table ../table.yaml --output ../out2 && mv said ..)
expect 0 'from another folder'

# ---- Images -------------------------------------------------------------------------------------------------------------

cat >digits.yaml <<YAML
data: {file: $top_srcdir/experiments/digits/digits.nc}
network: {kind: unet, base_channels: 32, multipliers: [1], blocks: 1, attention: [], dropout: 0}
learner: {name: denoise, rounds: 2, batch: 16, micro_batch: 16, optimiser: {rate: {first: 1e-3}}}
model: {file: digits/model.nc}
metrics: {classifier: classifier/model.nc, reference: reference.nc}
YAML
run 1 pretrain digits.yaml --output digits
run 1 pretrain digits.yaml --set learner.name=classify --set network.kind=classifier --set 'network.widths=[8, 16]' \
  --output classifier
cat >images.yaml <<YAML
base: digits.yaml
columns: [3]
seeds: [1]
samples: 40
metrics: [fid, spectrum]
rows:
  - name: FastDPM
    set: [sampler.name=fastdpm]
  - name: DDPM
    set: [sampler.name=ddpm, sampler.grid=quadratic]
YAML
run 1 table images.yaml --output images1
run 3 table images.yaml --output images3
same images1/table.nc images3/table.nc
cmp -s images1/grid-3.png images3/grid-3.png || complain '3 ranks draw another picture of images'
grep -qE '^\| FastDPM \| 3 \| [0-9.e+]+ \| [0-9.]+ \| ' images1/table.md || complain "images: $(cat images1/table.md)"
# The cell is what beeline sample and beeline evaluate say.
run 1 sample digits.yaml --set sampler.steps=3 --set sampler.count=40 --output samples.nc
run 1 evaluate digits.yaml --set metrics.samples=samples.nc --output judged.nc
test "$(print_values judged.nc fid spectrum_distance)" = \
  "$(print_values images1/cells/fastdpm-nfe3-seed1.nc fid spectrum)" || complain 'evaluate judges otherwise'
test $failures -eq 0
