#!/bin/sh
# beeline finetune takes models that predict x or v as it takes those that predict ε, by both learners: the same bits on any
# number of ranks and after an interruption, and what comes out predicts what went in.
. "$top_srcdir/tests/support/bits.sh"

run 1 pretrain roll.yaml --set learner.rounds=100 --set learner.average=0 --output roll
for prediction in x v; do
  # A student of all steps only changes the words.
  run 1 distill roll.yaml --set learner.name=distill --set learner.rounds=300 --set distill.first=2 --set distill.last=1 \
    --set distill.prediction=$prediction --set checkpoint.every=0 --output $prediction
  for learner in sft_pg backprop_chain; do
    tuning="finetune roll.yaml $roll_tuning --set learner.name=$learner --set learner.rounds=4 --set sampler.steps=2
      --set sampler.grid=even --set sampler.final_sigma=0.01 --set model.file=$prediction/student-0002.nc"
    case $learner in sft_pg) tuning="$tuning --set learner.step_weight=balanced --set learner.baseline_from=prediction
      --set monitor.policy=true" ;; esac
    whole=${prediction}_$learner
    run 1 $tuning --output $whole
    "$BEELINE" inspect $whole/model.nc >said 2>&1
    grep -q "predicts *$prediction\$" said || complain "$whole: inspect tells another prediction: $(cat said)"
    for ranks in 2 4; do
      run $ranks $tuning --output ${whole}_$ranks
      same ${whole}_$ranks $whole "$whole on $ranks ranks"
    done
    run 2 $tuning --set checkpoint.stop=2 --output ${whole}_stopped
    run 1 $tuning --resume --output ${whole}_stopped
    same ${whole}_stopped $whole "$whole, stopped"
  done
done

# With a critic that does not move, back-propagation lowers its mean: the gradient goes the right way through v.
run 1 finetune roll.yaml $roll_tuning --set learner.name=backprop_chain --set learner.rounds=40 --set learner.n_generator=10 \
  --set critic.regulariser=none --set learner.average=0 --set critic.optimiser.rate.first=0 --set checkpoint.every=0 \
  --set learner.optimiser.rate.first=1e-3 --set sampler.steps=2 --set sampler.grid=even --set sampler.final_sigma=0.01 \
  --set model.file=v/student-0002.nc --output descent
"$BEELINE" inspect descent/record.nc >said 2>&1
awk '$1 == "policy_loss" { found = 1; fell = $4 < $3 - 0.01 } END { exit !(found && fell) }' said ||
  complain "the critic's mean did not fall: $(cat said)"
finish
