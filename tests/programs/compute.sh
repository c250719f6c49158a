#!/bin/sh
# The section compute and roles: auto: the same bits on any number of ranks and after an interruption, also where algorithms
# were chosen by measuring; what must not change results does not; refusals.
. "$top_srcdir/tests/support/bits.sh"
measured='--set compute.algorithms=measure'

# The choices that a file keeps.
choices_of() { strings -n 20 "$1" | grep -E '^(forward|backward_data|backward_weights) batch '; }

# ---- Algorithms by measuring -----------------------------------------------------------------------------------------

run 1 pretrain digits.yaml --output digits
run 1 pretrain digits.yaml $measured --set checkpoint.stop=3 --output half
choices_of half/checkpoint-000003.nc >choices
test "$(wc -l <choices)" -ge 9 || complain "the checkpoint keeps no choices: $(cat choices)"
cp -r half half3
run 1 pretrain digits.yaml $measured --resume --output half
run 3 pretrain digits.yaml $measured --resume --output half3
same half3 half 'pretrain with measured algorithms, resumed on 3 ranks'
choices_of half3/model.nc | cmp -s - choices || complain "a resumed run chose anew: $(choices_of half3/model.nc | diff - choices)"

tuning="finetune digits.yaml $digits_tuning $measured"
run 1 $tuning --set checkpoint.stop=1 --output tuned
cp -r tuned tuned2
cp -r tuned tuned4
run 1 $tuning --resume --output tuned
run 2 $tuning --resume --output tuned2
run 4 $tuning --resume --roles auto --output tuned4
same tuned2 tuned 'finetune with measured algorithms, resumed on 2 ranks'
same tuned4 tuned 'finetune with measured algorithms, resumed on 4 ranks'

# All ranks take the choices of rank 0. Direct and other algorithms differ in bits, so a second measurement may differ too:
# it is a choice of its own.
run 3 $tuning --output fresh
choices_of fresh/model.nc >choices
test "$(sort choices | uniq -d | wc -l)" -eq 0 || complain "choices twice: $(cat choices)"

"$BEELINE" pretrain digits.yaml --set compute.algorithms=best --output no >said 2>&1 </dev/null
test $? -eq 2 || complain "compute.algorithms=best is accepted"
grep -qF 'compute.algorithms is "best", expected fixed or measure' said || complain "compute.algorithms=best: $(cat said)"

# ---- What changes nothing --------------------------------------------------------------------------------------------

run 1 pretrain digits.yaml --set compute.recompute=true --output recomputed
same recomputed digits 'pretrain, activations made again'
run 1 finetune digits.yaml $digits_tuning --output plain
run 2 finetune digits.yaml $digits_tuning --set compute.recompute=true --output recomputed-tuned
same recomputed-tuned plain 'finetune, activations made again'
run 1 pretrain roll.yaml --set checkpoint.stop=7 --output roll
run 2 pretrain roll.yaml --resume --set compute.recompute=true --set compute.algorithms=fixed --roles auto --output roll
run 1 pretrain roll.yaml --output whole
same roll whole 'pretrain, resumed with what changes nothing'

# ---- Roles by measuring ----------------------------------------------------------------------------------------------

for ranks in 1 2 3; do
  run $ranks finetune digits.yaml $digits_tuning --roles auto --output auto$ranks
  test $ranks -eq 1 || grep -q 'predicted seconds a round' said || complain "roles auto does not say why: $(cat said)"
  same auto$ranks plain "finetune, roles auto on $ranks ranks"
done

# ---- bfloat16 --------------------------------------------------------------------------------------------------------

run 1 sample digits.yaml --set sampler.count=8 --set compute.bf16=true --output rounded.nc
run 2 sample digits.yaml --set sampler.count=8 --set compute.bf16=true --output rounded2.nc
cmp -s rounded.png rounded2.png || complain "2 ranks draw another picture in bfloat16"
run 1 sample digits.yaml --set sampler.count=8 $measured --output measured.nc
finish
