# shellcheck shell=sh
# For the scripts that compare whole runs, which source it: a small point set and a small image model to learn, and the
# checksums of all that a run leaves behind. Leaves the script in an empty folder.
. "$top_srcdir/tests/support/script.sh"
compared=0

# Checksums of every part of the model and of the checkpoints in a folder, one "file part checksum" a line.
parts_of() {
  for stored in "$1"/model.nc "$1"/checkpoint-*.nc; do
    test -e "$stored" || continue
    "$BEELINE" inspect "$stored" 2>&1 | sed -n '/checksum$/,$p' | sed -n "s/^  \\([a-z_]*\\) .* \\([0-9a-f]\\{8\\}\\)\$/$(basename "$stored") \\1 \\2/p"
  done
}

# Rows of a record without times and memory.
rows_of() {
  print_values "$1/record.nc" | grep -v '^\(seconds\|speed\|peak_memory\) '
}

# same FOLDER EXPECTED WORDS: the folder has the bits of the other one.
same() {
  compared=$((compared + 1))
  parts_of "$1" >found
  parts_of "$2" >expected
  test -s expected || complain "$2: nothing to compare"
  cmp -s expected found || complain "$3: other bits: $(diff expected found)"
  rows_of "$1" >found
  rows_of "$2" >expected
  test -s expected || complain "$2: no record to compare"
  cmp -s expected found || complain "$3: another record: $(diff expected found | cut -c 1-300)"
}

# At the end of a script.
finish() {
  echo "$compared comparisons; $failures failures"
  exit $((failures > 0))
}

# ---- What is learned -------------------------------------------------------------------------------------------------

"$BEELINE" import --set import.format=swiss_roll --set import.count=200 --output roll.nc >said 2>&1 </dev/null ||
  complain "import: $(cat said)"
cat >roll.yaml <<YAML
data: {file: roll.nc}
network: {kind: mlp, widths: [24, 24]}
diffusion: {schedule: sigmoid, steps: 6, beta_first: 1e-5, beta_last: 1e-2}
model: {file: roll/model.nc}
sampler: {name: ddpm, grid: full, steps: 6, variance: large, final_sigma: -1}
learner: {name: denoise, rounds: 12, batch: 40, micro_batch: 8, average: 0.9, optimiser: {rate: {first: 1e-3}, clip: 1}}
critic: {widths: [24, 24], weight: 0.1, optimiser: {rate: {first: 1e-3}}}
value: {widths: [24, 24], optimiser: {rate: {first: 1e-3}}}
checkpoint: {every: 5, keep: 3}
metrics: {count: 0}
YAML
# As a fine-tuning: 5 micro-batches, so that ranks get unequal shares.
roll_tuning='--set learner.name=sft_pg --set learner.rounds=6 --set learner.log_density=sum --set learner.n_critic=3
  --set learner.n_generator=4 --set checkpoint.every=2 --set checkpoint.keep=2'

cat >digits.yaml <<YAML
data: {file: $top_srcdir/experiments/digits/digits.nc, flip: true}
network: {kind: unet, base_channels: 32, multipliers: [1], blocks: 1, attention: [8], dropout: 0.1}
model: {file: digits/model.nc}
sampler: {steps: 3}
learner: {name: denoise, rounds: 4, batch: 12, micro_batch: 4, average: 0.9, optimiser: {rate: {first: 1e-3}}}
critic: {widths: [8, 16]}
value: {widths: [32, 16]}
checkpoint: {every: 3}
metrics: {count: 0}
YAML
digits_tuning='--set learner.name=sft_pg --set learner.rounds=2 --set learner.n_critic=2 --set learner.n_generator=3
  --set checkpoint.every=1'
