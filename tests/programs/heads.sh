#!/bin/sh
# Heads for SN-DDPM and NPR-DDPM: training by beeline moments leaves the same bits on any number of ranks and after an
# interruption, the samplers draw with them at one evaluation a step, and heads of other models or kinds are refused.
. "$top_srcdir/tests/support/script.sh"

cat >digits.yaml <<YAML
data: {file: $top_srcdir/experiments/digits/digits.nc}
network: {kind: unet, base_channels: 32, multipliers: [1], blocks: 1, attention: [], dropout: 0.1}
diffusion: {steps: 100, beta_last: 0.1}
learner: {name: denoise, rounds: 4, batch: 24, micro_batch: 8, average: 0.9, optimiser: {rate: {first: 1e-3}}}
checkpoint: {every: 2}
model: {file: digits/model.nc}
sampler: {steps: 5, grid: linear, count: 20, eta: 1}
YAML
run 1 pretrain digits.yaml --output digits
run 1 pretrain digits.yaml --set seed=2 --output other
for head in sn npr; do
  run 1 moments digits.yaml --set moments.head=$head --output $head
  for ranks in 2 3; do
    run $ranks moments digits.yaml --set moments.head=$head --output $head$ranks
    same_values $head/model.nc $head$ranks/model.nc || complain "$head: $ranks ranks learn another head than 1"
  done
  run 2 moments digits.yaml --set moments.head=$head --set checkpoint.stop=3 --output $head-part
  run 1 moments digits.yaml --set moments.head=$head --resume --output $head-part
  same_values $head/model.nc $head-part/model.nc || complain "$head: a resumed head is another"
  for eta in 0 1; do
    for ranks in 1 2; do
      run $ranks sample digits.yaml --set sampler.name=${head}_ddpm --set sampler.head=$head/model.nc --set sampler.eta=$eta \
        --output $head-$eta-$ranks.nc
      grep -q 'NFE *5 network evaluations' said || complain "$head counts $(grep NFE said)"
    done
    same_values $head-$eta-1.nc $head-$eta-2.nc || complain "$head: 2 ranks draw other images than 1"
  done
  cmp -s $head-0-1.png $head-1-1.png && complain "$head: the same pictures with eta 0 and 1"
done
cmp -s sn-1-1.png npr-1-1.png && complain "the two heads draw the same pictures"
same_values sn/model.nc npr/model.nc && complain "the two heads are the same"
run 1 inspect npr/model.nc
grep -q 'head  *npr' said || complain "inspect of a head: $(cat said)"

sample='sample digits.yaml --output no.nc --set sampler.name=npr_ddpm --set sampler.head'
refuse 0 'is the head of another model' $sample=npr/model.nc --set model.file=other/model.nc
refuse 2 'is the head of another model' $sample=npr/model.nc --set model.file=other/model.nc
refuse 0 'holds a head "sn"' $sample=sn/model.nc
refuse 2 'holds a network' $sample=digits/model.nc
refuse 0 'missing.nc: No such file' $sample=missing.nc
refuse 0 'moments.head npr' $sample=
refuse 0 'holds a head (npr)' sample digits.yaml --set sampler.name=ddim --set model.file=npr/model.nc --output no.nc
refuse 0 'expected sn or npr' moments digits.yaml --set moments.head=ns --output no
refuse 0 'with --resume' moments digits.yaml --resume --output no.nc
refuse 0 'sampler.name' finetune digits.yaml --set learner.name=backprop_chain --set sampler.name=npr_ddpm \
  --set sampler.head=npr/model.nc --output no
run 1 moments digits.yaml --set moments.head=sn --set checkpoint.stop=3 --output changed
run 1 pretrain digits.yaml --set seed=3 --output again
cp again/model.nc digits/model.nc
refuse 2 'the content of model.file' moments digits.yaml --set moments.head=sn --resume --output changed
test -e no.nc && complain "a refused run wrote its output"
test $failures -eq 0
