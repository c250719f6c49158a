#!/bin/bash
# The job scripts on a stand-in for OpenPBS: jobs that submit themselves again, as where qrerun is for operators only, and by qrerun.
suffix=pbs
stand_in() {
  local command
  for command in qsub qstat qrerun qdel qsig; do ln -s "$top_srcdir/tests/schedulers/pbs_commands.sh" "$bin/$command"; done
}
submit() {
  local job=$1 options=()
  shift
  while [ "$1" != -- ]; do options+=("$1") && shift; done
  number[$job]=$(bash "$BEELINE_JOBSCRIPTS/submit.sh" "${options[@]}" "$BEELINE_JOBSCRIPTS/$2.pbs" "${@:3}") || complain "qsub refuses $job"
  number[$job]=${number[$job]%%.*}
  log[$job]=$2-${number[$job]}.log
}
limited() { BEELINE_WARNING=$3 submit "$1" -l "walltime=00:00:$2" "${@:4}"; }
signal() { qsig -s "SIG$2" "${number[$1]}.server"; }
cancel() { qdel "${number[$1]}.server"; }
. "$top_srcdir/tests/schedulers/check.sh"

# An array, and one task of it that submits itself again, alone.
echo "${tuning[*]} --set learner.rounds=2 --seed 1" >list
echo "${long[*]}" >>list
submit tasks -J 1-2 -- array finetune roll.yaml tasks list
array=${number[tasks]%\[\]}
number[first]="${array}[1]" number[second]="${array}[2]" log[first]=array-$array-1.log log[second]=array-$array-2.log
hold tasks/run-2
signal second USR1
await 'the signal to a task' grep -q signal=USR1 "${log[second]}"
release tasks/run-2
ended first 0
ended second 0
tells second 1 'requeue=yes'
tells second 1 'submits itself again'
same tasks/run-2 alone 'a task of an array'
there 'tasks/run-3' && complain 'more tasks than submitted'

# Where a user may qrerun, the job keeps its number; and the operator's own qrerun, which the script hears as SIGTERM.
export allow_qrerun=1
for way in own operator; do
  submit $way -- finetune roll.yaml $way "${long[@]}"
  hold $way
  if [ $way = own ]; then signal own USR1; else qrerun "${number[operator]}.server"; fi
  await "the signal to $way" grep -q 'signal=' "${log[$way]}"
  release $way
  ended $way 0
  [ "$(cat "$cluster/${number[$way]}/runs")" = 2 ] || complain "$way was not started twice: $(cat "${log[$way]}")"
  same $way alone "qrerun ($way)"
done
finish
