#!/bin/sh
# Models whose network takes a label: samples and fine-tunings have the same bits on any number of ranks, the labels make a
# difference, and programs that give none say so.
. "$top_srcdir/tests/support/bits.sh"

conditional_model() {
  $TEST_WRAPPER "$top_builddir/tests/support/conditional_model" "$@"
}
conditional_model labelled.nc 1 || complain 'no model'
conditional_model words.nc 2 || complain 'no model'
conditional_model plain.nc 0 || complain 'no model'
"$BEELINE" inspect labelled.nc >said 2>&1
grep -q 'condition, labels *1$' said || complain "inspect does not tell: $(cat said)"
"$BEELINE" inspect plain.nc >said 2>&1
grep -q condition said && complain "inspect tells of a condition where there is none: $(cat said)"

sampling='sample roll.yaml --set sampler.count=90'
run 1 $sampling --set model.file=labelled.nc --output one.nc
for ranks in 2 4; do
  run $ranks $sampling --set model.file=labelled.nc --output more.nc --overwrite
  same_values one.nc more.nc || complain "other samples on $ranks ranks: $(cat why)"
done

for learner in sft_pg backprop_chain; do
  tuning="finetune roll.yaml $roll_tuning --set learner.name=$learner --set learner.rounds=3 --set model.file=labelled.nc
    --set sampler.final_sigma=0.01"
  case $learner in sft_pg) tuning="$tuning --set monitor.policy=true" ;; esac
  run 1 $tuning --output $learner
  for ranks in 2 3 4; do
    run $ranks $tuning --output ${learner}_$ranks
    same ${learner}_$ranks $learner "$learner on $ranks ranks"
  done
  "$BEELINE" inspect $learner/model.nc >said 2>&1
  grep -q 'condition, labels *1$' said || complain "$learner forgot the condition: $(cat said)"
done

refuse 0 'takes a condition of 1 labels a sample' moments roll.yaml --set model.file=labelled.nc --output no.nc
refuse 0 'takes a condition of 1 labels a sample' distill roll.yaml --set learner.name=distill --set distill.first=2 \
  --set model.file=labelled.nc --output no
refuse 0 'takes a condition of 2 labels a sample' finetune roll.yaml $roll_tuning --set model.file=words.nc --output no
refuse 0 'takes a condition of 2 labels a sample' $sampling --set model.file=words.nc --output no.nc
finish
