#!/bin/sh
# beeline finetune with learner backprop_chain: the same bits on any number of ranks, for any split, whether activations are
# kept or not, and after an interruption.
. "$top_srcdir/tests/support/bits.sh"

run 1 pretrain roll.yaml --output roll
tuning="finetune roll.yaml $roll_tuning --set learner.name=backprop_chain --set learner.rounds=4"
run 1 $tuning --output whole
for ranks in 2 3 4; do
  run $ranks $tuning --set learner.keep=activations --output ranks$ranks
  same ranks$ranks whole "activations kept, $ranks ranks"
done
for split in '2 1:1:1' '3 2:2:1' '4 3:2:1' '4 1:3:2' '4 2:1:1'; do
  run ${split% *} $tuning --roles ${split#* } --output split
  same split whole "roles $split"
  rm -rf split
done
run 2 $tuning --roles auto --output auto
same auto whole 'roles auto'

run 2 $tuning --roles 1:1:1 --set checkpoint.stop=1 --output stopped
run 3 $tuning --resume --set checkpoint.stop=2 --set learner.keep=activations --output stopped
run 1 $tuning --resume --output stopped
same stopped whole 'stopped twice'

# Without the baseline as regulariser there is no V, and nothing of it in a checkpoint.
without="$tuning --set critic.regulariser=penalty --set sampler.final_sigma=0"
run 1 $without --set checkpoint.stop=2 --output penalty
for stored in penalty/checkpoint-*.nc; do
  "$BEELINE" inspect "$stored" >said 2>&1
  grep -q '^  critic ' said || complain "no critic in $stored: $(cat said)"
  grep -q '^  value' said && complain "a value network in $stored"
done
run 4 $without --resume --roles 2:3:1 --output penalty
run 1 $without --output penalty1
same penalty penalty1 'gradient penalty, stopped'

# Images: a U-Net, convolutions in the critic.
run 1 pretrain digits.yaml --output digits
imaging="finetune digits.yaml $digits_tuning --set learner.name=backprop_chain --set critic.regulariser=none"
run 1 $imaging --output images
run 3 $imaging --set learner.keep=activations --set compute.recompute=true --output images3
same images3 images 'images on 3 ranks'

# It descends what the critic says: with a critic that hardly moves, the mean of f falls.
run 1 $tuning --set learner.rounds=40 --set learner.n_generator=10 --set critic.regulariser=none --set learner.average=0 \
  --set critic.optimiser.rate.first=0 --set learner.optimiser.rate.first=1e-3 --set checkpoint.every=0 --output descent
"$BEELINE" inspect descent/record.nc >said 2>&1
awk '$1 == "policy_loss" { found = 1; fell = $4 < $3 - 0.01 } END { exit !(found && fell) }' said ||
  complain "the critic's mean did not fall: $(cat said)"
grep -q 'peak_memory *MiB' said || complain "no peak memory in the record: $(cat said)"
finish
