# shellcheck shell=bash
# For pbs.sh and flux.sh, which source it: tiny runs submitted by the job scripts, unchanged, to a stand-in for the scheduler.
# They define suffix, of the scripts; stand_in, which puts its commands into $bin; submit NAME OPTIONS... -- SCRIPT ARGUMENT..., which
# sets number[NAME] and log[NAME]; limited NAME SECONDS WARNING -- SCRIPT ARGUMENT...; signal NAME SIGNAL; and cancel NAME.
. "$top_srcdir/tests/support/bits.sh"
export cluster=$scratch/cluster bin=$scratch/bin kill_delay=5
export BEELINE_JOBSCRIPTS=$top_srcdir/jobscripts BEELINE_SITE=$scratch/site.conf
unset "${!SLURM_@}" "${!PBS_@}" "${!FLUX_@}" BEELINE_LOG BEELINE_SUBMITTED BEELINE_TASK BEELINE_WARNING
mkdir "$cluster" "$bin"
sed "s|^beeline=.*|beeline=$BEELINE|; s|^scripts=.*|scripts=$suffix|" "$top_srcdir/jobscripts/site.conf" >site.conf
cat >"$bin/mpirun" <<SH
#!/bin/bash
exec $MPIEXEC $MPIEXEC_FLAGS "\$@"
SH
chmod +x "$bin/mpirun"
PATH=$bin:$PATH
stand_in
patience=${PATIENCE:-150}
declare -A number log

await() { # await WHAT COMMAND...: until the command succeeds
  local what=$1 end=$((SECONDS + patience))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || { complain "waited in vain for: $what"; return 1; }
    sleep "${pause:-0.1}"
  done
}
there() { compgen -G "$1" >/dev/null; }
# A job that submits itself again goes on under another number, which the log tells.
folder_of() {
  local now
  now=$(sed -n 's/.* job=f*\([^ ]*\) restart=.*/\1/p; s/^ƒ\([0-9]*\)$/\1/p; s/^\([0-9]*\)\.server$/\1/p' "${log[$1]}" 2>/dev/null | tail -n 1)
  [ -n "$now" ] || now=${number[$1]}
  echo "$cluster/${now//[\[\]]/_}"
}
# A job that goes on under another number tells so before it ends: look again once it has ended.
over() {
  local folder
  folder=$(folder_of "$1")
  [ -e "$folder/state" ] && [ "$folder" = "$(folder_of "$1")" ]
}
ended() { # ended NAME STATE: an exit status, cancelled, or an expression for it
  await "the end of $1" over "$1" || { cat "${log[$1]}" "$cluster/log"; return; }
  local state
  state=$(cat "$(folder_of "$1")/state")
  echo "  $SECONDS s: the end of $1"
  [[ $state =~ ^($2)$ ]] || complain "$1 ended with $state, expected $2: $(cat "${log[$1]}")"
}
tells() { # tells NAME TIMES WORDS: at least so many lines of its log have these words, or for 0 none
  local lines
  lines=$(grep -c -- "$3" "${log[$1]}")
  { [ "$lines" -ge "$2" ] && [ $((lines > 0)) = $(($2 > 0)) ]; } || complain "$1: expected \"$3\" $2 times: $(cat "${log[$1]}")"
}
# A job whose ranks stand still after a checkpoint is one in a round that lasts.
ranks_of() { # FOLDER
  local process
  # shellcheck disable=SC2013 # numbers
  for process in $(grep -l -a -z -x -F -e "$1" /proc/[0-9]*/cmdline 2>/dev/null | cut -d / -f 3); do
    [ "$(readlink "/proc/$process/exe")" != "$(realpath "$BEELINE")" ] || echo "$process"
  done
}
hold() { # FOLDER
  pause=0.01 await "a checkpoint in $1" there "$1/checkpoint-*.nc"
  # shellcheck disable=SC2046 # numbers
  kill -STOP $(ranks_of "$1") || complain "$1 was over before it was disturbed"
}
# shellcheck disable=SC2046 # numbers
release() { kill -CONT $(ranks_of "$1"); }

cp roll.yaml pretrain.yaml
run 1 pretrain pretrain.yaml --output roll
tuning=(--set learner.name=sft_pg --set learner.log_density=sum --set learner.n_critic=3 --set learner.n_generator=4)
long=("${tuning[@]}" --set learner.rounds=200 --set checkpoint.every=2 --set checkpoint.keep=2)
run 1 finetune roll.yaml "${long[@]}" --output alone
run 1 finetune roll.yaml "${tuning[@]}" --set learner.rounds=2 --seed 2 --output second

# ---- What any scheduler must do ------------------------------------------------------------------------------------------

# Arguments with spaces, commas and quotes arrive as they are.
submit pretrained -- pretrain pretrain.yaml "$scratch/it's one, \"two\"" --set 'network.widths=[24, 24]'
ended pretrained 0
tells pretrained 0 requeue
same "it's one, \"two\"" roll 'pretrain'

# Exit status 2, what was asked for is wrong: again would be the same.
submit wrong -- finetune roll.yaml wrong --set learner.rounds=none
ended wrong 2
tells wrong 1 'exit=2$'
tells wrong 0 requeue

submit usage -- finetune roll.yaml
ended usage 2
tells usage 1 "jobscripts/finetune.$suffix CONFIG.yaml FOLDER"

# The time limit: a signal ahead of it, and a round that outlasts it.
limited warned 40 25 -- finetune roll.yaml warned "${long[@]}"
hold warned
{ await 'the signal ahead of the time limit' grep -q signal=USR1 "${log[warned]}" && release warned; } &
limited overdue 15 5 -- finetune roll.yaml overdue "${long[@]}"
hold overdue

submit cancelled -- finetune roll.yaml cancelled "${long[@]}" --set learner.rounds=100000
await 'a checkpoint of cancelled' there 'cancelled/checkpoint-*.nc'
cancel cancelled
ended cancelled cancelled
tells cancelled 0 requeue
tells cancelled 1 asked=TERM
no_ranks() { [ -z "$(ranks_of "$1")" ]; }
await 'the end of the ranks of a cancelled job' no_ranks cancelled

# A signal by hand, long before the limit.
submit signalled -- finetune roll.yaml signalled "${long[@]}"
hold signalled
signal signalled USR1
await 'the signal' grep -q signal=USR1 "${log[signalled]}"
release signalled
ended signalled 0
tells signalled 1 'exit=75 asked=USR1'
tells signalled 1 'requeue=yes'
same signalled alone 'a signal'

# What dies at once, again and again.
mkdir crashes
printf '#!/bin/sh\nkill -9 $$\n' >crashes/beeline
chmod +x crashes/beeline
sed "s|^beeline=.*|beeline=$scratch/crashes/beeline|" site.conf >crashes.conf
BEELINE_SITE=$scratch/crashes.conf submit crashing -- finetune roll.yaml crashing
ended crashing '[1-9][0-9]*'
tells crashing 3 'requeue=yes reason="ranks or a node were lost"'
tells crashing 1 'requeue=no: 3 restarts, and nothing new in the last'

# A signal and a full disk put a job back, but not for ever when nothing new gets done; numbers are in the C locale.
for status in 74 75; do
  # shellcheck disable=SC2016 # for the inner shell
  printf '#!/bin/sh\necho "locale=$LC_ALL" >>%s\nexit %s\n' "$scratch/locales" $status >crashes/beeline
  LC_ALL=xx_YY BEELINE_SITE=$scratch/crashes.conf submit idle$status -- finetune roll.yaml idle$status
  ended idle$status $status
  tells idle$status 3 'requeue=yes reason='
  tells idle$status 1 'requeue=no: 3 restarts, and nothing new in the last'
done
# A launcher that says 0 although ranks were lost: the lock of the program is still there.
printf '#!/bin/sh\nmkdir -p lost0\n: >lost0/run.lock\n' >crashes/beeline
BEELINE_SITE=$scratch/crashes.conf submit lost0 -- finetune roll.yaml lost0
ended lost0 1
tells lost0 3 'requeue=yes reason="ranks or a node were lost"'
test "$(sort -u locales)" = locale=C || complain "another locale: $(sort -u locales)"

mkdir chained
sed "s|roll.nc|$scratch/roll.nc|; s/^model: .*/moments: {count: 20}/; s/name: denoise, rounds: 12/name: sft_pg, log_density: sum, rounds: 2/" roll.yaml >chained/finetune.yaml
sed "s|roll.nc|$scratch/roll.nc|; /^model: /d" roll.yaml >chained/pretrain.yaml
cat >chained/table.yaml <<YAML
title: a small roll
set: [data.file=$scratch/roll.nc, learner.micro_batch=8, sampler.grid=linear]
columns: [4]
seeds: [1]
samples: 100
rows:
  - name: Analytic-DPM
    model: ../chain/pretrain/model.nc
    set: [sampler.name=analytic, sampler.moments=../chain/moments.nc]
  - name: SFT-PG (B)
    model: ../chain/finetune/model.nc
    columns: [6]
    set: [sampler.name=ddpm, sampler.grid=full, sampler.variance=large, sampler.final_sigma=-1]
YAML
bash "$BEELINE_JOBSCRIPTS/chain.sh" chained chain >chain.out 2>&1 || complain "chain.sh: $(cat chain.out)"

ended warned 0
tells warned 1 'exit=75 asked=USR1'
tells warned 1 'requeue=yes reason="stopped by a signal"'
same warned alone 'a time limit'
ended overdue 0
tells overdue 1 'requeue=yes reason="the time limit passed"'
same overdue alone 'a time limit that passed'

number[report]=$(sed -n 's/.*report=ƒ*\([0-9]*\).*/\1/p' chain.out) log[report]=chain.out
ended report 0
grep -q 'SFT-PG (B)' chain/report/report.md || complain "the chain: $(cat chain.out table-*.log report-*.log)"

submit scaling -- scaling roll.yaml scaling 1 2 -- "${tuning[@]}" --set learner.rounds=2
ended scaling 0
[ "$(wc -l <scaling/scaling.csv)" = 3 ] || complain "scaling: $(cat "${log[scaling]}")"
