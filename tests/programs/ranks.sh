#!/bin/sh
# beeline pretrain and beeline finetune leave the same bits behind on any number of ranks and any split of roles: parameters,
# moving average, moments, critic and value network, over many splits. same_bits.sh is the short one.
. "$top_srcdir/tests/support/bits.sh"

pretrain_splits='2/all 2/1:0:1 2/2:0:1 2/1:0:2 3/all 3/2:0:1 3/3:0:1 3/1:0:2 4/all 4/3:0:1 4/1:0:3 4/4:0:1'
roll_splits='1/1:1:1 2/all 2/1:1:1 2/2:1:1 2/1:2:1 2/1:1:2 2/2:2:1 3/all 3/1:1:1 3/2:1:1 3/1:2:1 3/1:1:2 3/3:3:1 3/3:1:2
  4/all 4/2:1:1 4/1:2:1 4/1:1:2 4/2:2:1 4/3:3:1 4/4:2:1 4/1:4:1 4/4:1:1 4/1:1:4 4/2:3:4 5/3:1:1 6/3:2:1 7/5:5:5'
digits_splits='2/all 2/1:2:1 3/all 3/2:1:3 4/all 4/2:1:1 4/1:2:1 4/1:1:2 4/3:3:1'

# over FILE SPLITS EXPECTED COMMAND ARGUMENT...: each split gives the bits of the folder EXPECTED.
over() {
  file=$1
  splits=$2
  expected=$3
  shift 3
  for split in $splits; do
    folder=$expected-$(echo "$split" | tr '/:' '--')
    run "${split%/*}" "$@" "$file" --roles "${split#*/}" --output "$folder" || continue
    same "$folder" "$expected" "$1 $file, roles ${split#*/} on ${split%/*} ranks"
    rm -r "$folder"
  done
}

# Every run is stopped before its end, since a finished one deletes its checkpoints.
run 1 pretrain roll.yaml --output roll
stopped='--set checkpoint.stop=11'
run 1 pretrain roll.yaml $stopped --output trained
over roll.yaml "$pretrain_splits" trained pretrain $stopped
roll_tuning="$roll_tuning --set checkpoint.stop=5"
run 1 finetune roll.yaml $roll_tuning --output tuned
over roll.yaml "$roll_splits" tuned finetune $roll_tuning

# Everything else: gradient penalty, another baseline, balanced advantages, decay, clipping, another optimiser,
# measuring.
other="$roll_tuning --set critic.regulariser=penalty
  --set learner.baseline_from=prediction --set learner.step_weight=balanced
  --set learner.final_step=false --set learner.critic_epochs=2 --set learner.warm_up=1
  --set learner.optimiser.rate.decay=cosine --set learner.optimiser.start_decay=50
  --set critic.optimiser.name=rmsprop --set critic.optimiser.clip=0.5
  --set metrics.count=20 --set metrics.every=3"
run 1 finetune roll.yaml $other --output other
over roll.yaml '3/2:2:1 4/2:3:4' other finetune $other

# More ranks than micro-batches: some have nothing to compute. With traced advantages.
single="$roll_tuning --set learner.batch=8 --set learner.trace=0.8 --set learner.step_weight=balanced"
run 1 finetune roll.yaml $single --output single
over roll.yaml '4/all 4/3:3:2' single finetune $single

run 1 pretrain digits.yaml --output digits
run 1 pretrain digits.yaml --set checkpoint.stop=2 --output digits-trained
over digits.yaml '2/2:0:1 3/all 4/all' digits-trained pretrain --set checkpoint.stop=2
digits_tuning="$digits_tuning --set checkpoint.stop=1"
run 1 finetune digits.yaml $digits_tuning --output digits-tuned
over digits.yaml "$digits_splits" digits-tuned finetune $digits_tuning

# The comparison sees a difference where there is one.
run 1 finetune roll.yaml $roll_tuning --set seed=2 --output seed
parts_of tuned >expected
parts_of seed >found
test "$(wc -l <expected)" -eq 20 || complain "expected 10 arrays in each of two checkpoints, found: $(cat expected)"
cmp -s expected found && complain "another seed has the same checksums"
finish
