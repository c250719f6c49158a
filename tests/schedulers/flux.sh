#!/bin/bash
# The job scripts on a stand-in for Flux: a job that is to go on submits itself again.
suffix=flux
stand_in() { ln -s "$top_srcdir/tests/schedulers/flux_commands.sh" "$bin/flux"; }
submit() {
  local job=$1 options=()
  shift
  while [ "$1" != -- ]; do options+=("$1") && shift; done
  number[$job]=$(bash "$BEELINE_JOBSCRIPTS/submit.sh" "${options[@]}" "$BEELINE_JOBSCRIPTS/$2.flux" "${@:3}") || complain "flux refuses $job"
  number[$job]=${number[$job]#ƒ}
  log[$job]=$2-f${number[$job]}.log
}
limited() { submit "$1" -t "${2}s" "--signal=SIGUSR1@${3}s" "${@:4}"; }
signal() { flux job kill -s "SIG$2" "ƒ${number[$1]}"; }
cancel() { flux cancel "ƒ${number[$1]}"; }
. "$top_srcdir/tests/schedulers/check.sh"

# Several seeds: Flux has no arrays of batch jobs, so each is a job.
echo "${tuning[*]} --set learner.rounds=2 --seed 1" >list
echo "${tuning[*]} --set learner.rounds=2 --seed 2" >>list
BEELINE_TASK=2 submit task -- array finetune roll.yaml tasks list
ended task 0
same tasks/run-2 second 'a task by its number'
submit none -- array finetune roll.yaml tasks list
ended none 2
tells none 1 'not a task of an array'
finish
