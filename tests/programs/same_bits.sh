#!/bin/sh
# beeline pretrain and beeline finetune write the same bits on any number of ranks, for any split of roles, and when they were
# interrupted: models, checkpoints and records are compared.
. "$top_srcdir/tests/support/script.sh"
compared=0

equal() { # equal FOLDER FOLDER: all netCDF files of two runs; speed and time may differ
  for file in "$1"/*.nc; do
    compared=$((compared + 1))
    same_values "$file" "$2/${file##*/}" speed peak_memory seconds || complain "$file and $2/${file##*/}: $(cat why)"
  done
}

run 1 import --set import.format=swiss_roll --set import.count=200 --output roll.nc
run 1 import --set import.format=swiss_roll --set import.count=30 --set seed=9 --output test.nc
cat > points.yaml << 'END'
data: {file: roll.nc}
network: {kind: mlp, widths: [16, 16]}
diffusion: {schedule: sigmoid, steps: 10, beta_first: 1e-5, beta_last: 1e-2}
learner:
  name: denoise
  rounds: 7
  batch: 56
  micro_batch: 8
  average: 0.9
  optimiser: {rate: {first: 1e-3, decay: cosine}}
checkpoint: {every: 2}
END
cat > images.yaml << END
data: {file: $top_srcdir/experiments/digits/digits.nc, flip: true}
network: {kind: unet, base_channels: 32, multipliers: [1, 2], blocks: 1, attention: [4], dropout: 0.1}
learner:
  name: denoise
  rounds: 2
  batch: 24
  micro_batch: 8
  optimiser: {rate: {first: 1e-3}}
END
cat > finetune.yaml << 'END'
model: {file: points1/model.nc}
data: {file: roll.nc}
sampler: {name: ddpm, grid: full, steps: 10, variance: large}
learner:
  rounds: 3
  batch: 24
  micro_batch: 4
  average: 0.5
  n_critic: 3
  n_generator: 2
  optimiser: {rate: {first: 1e-3}}
critic: {widths: [16]}
value: {widths: [16]}
checkpoint: {every: 1}
metrics: {count: 20, every: 1}
END

# ---- Numbers of ranks -----------------------------------------------------------------------------------------------------

for ranks in 1 2 3 4; do
  run $ranks pretrain points.yaml --output points$ranks
  run $ranks finetune finetune.yaml --output tuned$ranks
done
for ranks in 2 3 4; do
  equal points1 points$ranks
  equal tuned1 tuned$ranks
done
run 1 pretrain images.yaml --output images1
run 3 pretrain images.yaml --output images3
equal images1 images3

# ---- Splits ---------------------------------------------------------------------------------------------------------------

run 3 pretrain points.yaml --roles 2:0:1 --output points_split
equal points1 points_split
for split in '2 1:1:1' '2 2:1:1' '3 1:1:1' '3 2:2:2' '4 2:1:1' '4 1:2:1' '4 3:1:4'; do
  run ${split% *} finetune finetune.yaml --roles ${split#* } --output split
  equal tuned1 split
  rm -rf split
done
other='--set critic.regulariser=penalty --set learner.log_density=sum --set learner.optimiser.start_decay=50'
run 1 finetune finetune.yaml $other --output penalty1
run 4 finetune finetune.yaml $other --roles 1:2:2 --output penalty4
equal penalty1 penalty4

# ---- Monitors ------------------------------------------------------------------------------------------------------------

watch='--set monitor.critic=true --set monitor.policy=true --set monitor.held_out=25 --set data.test=test.nc'
run 1 finetune finetune.yaml $watch --output watched1
run 3 finetune finetune.yaml $watch --roles 2:1:1 --set checkpoint.stop=2 --output watched3
run 2 finetune finetune.yaml $watch --output watched3 --resume
equal watched1 watched3
compared=$((compared + 1)) # monitors leave the model alone
same_values tuned1/model.nc watched1/model.nc || complain "monitors change the model: $(cat why)"

# ---- Interruptions --------------------------------------------------------------------------------------------------------

run 2 pretrain points.yaml --set checkpoint.stop=3 --output resumed_points
run 1 pretrain points.yaml --output resumed_points --resume
equal points1 resumed_points
run 3 finetune finetune.yaml --roles 2:1:1 --set checkpoint.stop=1 --output resumed
run 1 finetune finetune.yaml --set checkpoint.stop=1 --output resumed --resume
run 2 finetune finetune.yaml --roles 1:1:1 --output resumed --resume
equal tuned1 resumed

echo "$compared files compared, $failures failures"
test $failures -eq 0
