# shellcheck shell=sh
# For the scripts tests/programs/refuse_*.sh, which source it after refuse.sh: small files, good and bad.

# idx FILE HEADER ZEROS: an IDX file of a header (as printf's octal) and so many zero bytes.
idx() {
  # shellcheck disable=SC2059 # with escapes
  { printf "$2"; head -c "$3" /dev/zero; } > "$1"
}
idx images.idx '\0\0\010\003\0\0\0\004\0\0\0\010\0\0\0\010' 256
echo 'These are words.' > words
: > nothing
mkdir folder
cat > denoise.yaml << 'END'
data:
  file: roll.nc
network:
  kind: mlp
  widths: [16]
diffusion: {schedule: sigmoid, steps: 20, beta_first: 1e-5, beta_last: 1e-2}
learner:
  name: denoise
  rounds: 2
  batch: 16
  micro_batch: 8
END
cat > finetune.yaml << 'END'
model: {file: model/model.nc, weights: last}
data: {file: roll.nc}
sampler:
  name: fastdpm
  grid: step_linear
  steps: 4
learner: {batch: 16, micro_batch: 8, rounds: 1}
critic: {widths: [8]}
value: {widths: [8]}
metrics: {count: 16}
END

# Data sets of points (roll.nc) and of images (images.nc), a model of the points (model/model.nc), and half a file (cut.nc).
prepare() {
  works import --set import.format=swiss_roll --set import.count=64 --output roll.nc
  works import --set import.images=images.idx --output images.nc
  works pretrain denoise.yaml --output model
  head -c 2000 roll.nc > cut.nc
}
