#!/bin/sh
# beeline pretrain: the accuracy of a classifier on a test set, and a start from a model.
. "$top_srcdir/tests/support/script.sh"
digits=$top_srcdir/experiments/digits/digits.nc
cat > classify.yaml << END
data: {file: $digits, test: $digits}
network: {kind: classifier, widths: [8, 16]}
learner: {name: classify, rounds: 60, batch: 64, micro_batch: 16, average: 0.9, optimiser: {rate: {first: 3e-3}}}
END

# 1797 is no multiple of the micro-batch, so that the last one is partly empty.
for ranks in 1 3; do
  run $ranks pretrain classify.yaml --output run$ranks
  mv said said$ranks
done
own=$(sed -n 's/^ *accuracy on its data *\([0-9.]* %\).*/\1/p' said1)
test -n "$own" || complain "no accuracy in: $(cat said1)"
for ranks in 1 3; do
  grep -q "accuracy in the test *$own of the 1797 samples" said$ranks || complain "accuracy $own, but: $(cat said$ranks)"
  shows run$ranks/model.nc "test accuracy *$own"
done
share=${own%%.*}
test "${share:-0}" -gt 30 || complain "accuracy $own after 60 steps: no better than chance"

# From a model on, with a rate of nothing: the same weights, unless they are to be fresh.
cat > go_on.yaml << END
data: {file: $digits}
network: {start: run1/model.nc, kind: classifier, widths: [8, 16]}
learner: {name: classify, rounds: 1, batch: 16, micro_batch: 16, optimiser: {rate: {first: 0}}}
END
run 0 pretrain go_on.yaml --output on
same_values run1/model.nc on/model.nc || complain "going on from a model changed it: $(cat why)"
run 0 pretrain go_on.yaml --set network.start='""' --output fresh
same_values run1/model.nc fresh/model.nc && complain "fresh weights are those of the model"

# A U-Net of another kind: its file says so, and its weights are none for the usual one, though they have the same shapes.
cat > unet.yaml << END
data: {file: $digits}
network: {base_channels: 24, multipliers: [1, 2], blocks: 1, attention_levels: [1], head_width: 8, groups: 8,
          norm_epsilon: 1e-5, down_padding: 1, embedding: cosine_first, frequency_shift: 0}
learner: {name: denoise, rounds: 1, batch: 32, micro_batch: 16}
END
for ranks in 1 2; do
  run $ranks pretrain unet.yaml --output variant$ranks
done
same_values variant1/model.nc variant2/model.nc || complain "two ranks pre-train another U-Net: $(cat why)"
shows variant1/model.nc 'attention in level +1$' 'head width +8$' 'groups +8$' 'norm epsilon +1e-05$' 'down padding +all around$' \
  'time embedding +cosine first, frequency shift 0$'
run 1 pretrain unet.yaml --set network.start=variant1/model.nc --output variant
refuse 1 'differs from the configured one by network.embedding' \
  pretrain unet.yaml --set network.start=variant1/model.nc --set network.embedding=sine_first --output refused
run 0 pretrain unet.yaml --set network.down_padding=0 --output padded
refuse 0 'differs from that of variant1/model.nc by network.down_padding' average variant1/model.nc padded/model.nc --output mean.nc

# Ranks without work are told how many are useful, and those with work are told nothing.
run 3 pretrain go_on.yaml --set learner.batch=32 --output idle
said '1 of 3 ranks have nothing to compute: learner.batch 32 in micro-batches of 16 is work for 2; start 2'
run 2 pretrain go_on.yaml --set learner.batch=32 --output busy
! grep -q 'nothing to compute' said || complain "two ranks with work are called idle: $(cat said)"
test $failures -eq 0
