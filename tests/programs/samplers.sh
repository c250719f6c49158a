#!/bin/sh
# Every sampler through the programs: what beeline moments measures is the same on any number of ranks, all of them draw, the
# evaluations of the network are counted, and fine-tuning takes those with a log-density only.
. "$top_srcdir/tests/support/script.sh"

cat >digits.yaml <<YAML
data: {file: $top_srcdir/experiments/digits/digits.nc}
network: {kind: unet, base_channels: 32, multipliers: [1], blocks: 1, attention: [], dropout: 0}
diffusion: {steps: 100, beta_last: 0.1}
learner: {name: denoise, rounds: 2, batch: 16, micro_batch: 16, optimiser: {rate: {first: 1e-3}}}
model: {file: digits/model.nc}
sampler: {steps: 5, grid: linear, count: 20, moments: moments1.nc}
moments: {count: 20}
YAML
run 1 pretrain digits.yaml --output digits
for ranks in 1 3; do
  run $ranks moments digits.yaml --output moments$ranks.nc
  grep -q '100 steps, 20 samples at each' said || complain "moments says: $(cat said)"
done
same_values moments1.nc moments3.nc || complain "3 ranks measure other moments than 1"
run 1 inspect moments1.nc
grep -q gamma said && grep -q configuration said || complain "inspect of moments: $(cat said)"

for sampler in ddpm ddim analytic dpm_solver dpm_solver_pp unipc; do
  for ranks in 1 2; do
    run $ranks sample digits.yaml --set sampler.name=$sampler --output $sampler$ranks.nc
    grep -q 'NFE *5 network evaluations' said || complain "$sampler counts $(grep NFE said)"
  done
  same_values "${sampler}1.nc" "${sampler}2.nc" || complain "$sampler: 2 ranks draw other images than 1"
  run 1 inspect "${sampler}2.nc"
  grep -q 'NFE of each sample *5$' said || complain "$sampler: the file lacks its NFE"
done
cmp -s ddim1.png unipc1.png && complain "two samplers draw the same picture"
for nfe in 1 7; do
  run 1 sample digits.yaml --set sampler.name=dpm_solver --set sampler.grid=log_snr --set sampler.steps=$nfe \
    --output fast$nfe.nc
  grep -q "NFE *$nfe network evaluations" said || complain "fast at $nfe counts $(grep NFE said)"
done

refuse 0 'with a log-density for fine-tuning' finetune digits.yaml --set learner.name=sft_pg \
  --set sampler.name=unipc --output no
refuse 0 'expected moments' sample digits.yaml --set sampler.name=analytic --set sampler.moments=digits/model.nc \
  --output no.nc
refuse 0 'data.file' moments digits.yaml --set data.file= --output no.nc
refuse 0 'output' moments digits.yaml
test -e no.nc && complain "a refused run wrote its output"
test $failures -eq 0
