#!/bin/bash
# The job scripts on a private Slurm: completion, arrays, a chain, signals, time limits, pre-emption and lost ranks, nodes and
# daemons, with the bits of runs that nothing disturbed. Run by `make check-slurm`, inside tests/slurm/cluster.sh.
set -u
scratch=$(mktemp -d -p "$cluster") || exit 99 # vanishes with the cluster, even if this is killed
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 99
export BEELINE_JOBSCRIPTS=$top_srcdir/jobscripts
checks=0 failures=0
patience=${PATIENCE:-150} # seconds until a job has done something; more on busy cores
began=$SECONDS

complain() {
  echo "FAIL: $*" >&2
  failures=$((failures + 1))
  [ -z "${STOP:-}" ] || exit 1 # at the first failure
}
pass() {
  checks=$((checks + 1))
  echo "  $((SECONDS - began)) s: $*"
}

# ---- What is learned: small, and the same without Slurm ------------------------------------------------------------------

alone() { "$BEELINE" "$@" >said 2>&1 </dev/null || complain "beeline $*: $(cat said)"; }
alone import --set import.format=swiss_roll --set import.count=200 --output roll.nc
cat >pretrain.yaml <<END
data: {file: roll.nc}
network: {kind: mlp, widths: [24, 24]}
diffusion: {schedule: sigmoid, steps: 6, beta_first: 1e-5, beta_last: 1e-2}
learner: {name: denoise, rounds: 12, batch: 40, micro_batch: 8, average: 0.9, optimiser: {rate: {first: 1e-3}, clip: 1}}
END
cat >finetune.yaml <<END
data: {file: roll.nc}
model: {file: pretrained/model.nc}
sampler: {name: ddpm, grid: full, steps: 6, variance: large, final_sigma: -1}
learner: {rounds: 6, batch: 40, micro_batch: 8, log_density: sum, n_critic: 2, n_generator: 2, optimiser: {rate: {first: 1e-3}}}
critic: {widths: [24]}
value: {widths: [24]}
checkpoint: {every: 2}
metrics: {count: 0}
moments: {count: 20}
END
cat >table.yaml <<END
title: a small roll
set: [data.file=roll.nc, learner.micro_batch=8, sampler.grid=linear]
columns: [4]
seeds: [1, 2]
samples: 100
rows:
  - name: DDPM
    model: chained/pretrain/model.nc
    set: [sampler.name=ddpm, sampler.final_sigma=-1]
  - name: Analytic-DPM
    model: chained/pretrain/model.nc
    set: [sampler.name=analytic, sampler.moments=chained/moments.nc]
  - name: SFT-PG (B)
    model: chained/finetune/model.nc
    columns: [6]
    set: [sampler.name=ddpm, sampler.grid=full, sampler.variance=large, sampler.final_sigma=-1]
END
# Long enough to be disturbed: a second and a half at full speed.
long=(--set learner.rounds=$((${ROUNDS:-240})) --set checkpoint.every=5)
for launcher in mpirun srun; do
  sed "s|^beeline=.*|beeline=$BEELINE|; s|^launcher=.*|launcher=$launcher|" "$top_srcdir/jobscripts/site.conf" >$launcher.conf
done
export BEELINE_SITE=$scratch/mpirun.conf

# Checksums of the parts of a model.
parts() { "$BEELINE" inspect "$1/model.nc" 2>&1 | sed -n 's/^  \([a-z_]*\) .* \([0-9a-f]\{8\}\)$/\1 \2/p'; }
same() { # FOLDER EXPECTED WHAT
  [ -n "$(parts "$2")" ] || complain "$2: no checksums"
  [ "$(parts "$1")" = "$(parts "$2")" ] || complain "$3: other bits than without Slurm: $(parts "$1"), $(parts "$2")"
}

# ---- Jobs ----------------------------------------------------------------------------------------------------------------

# submit NAME SBATCH-OPTIONS... -- SCRIPT ARGUMENT...: the job's number is in job[NAME], its log in NAME.log. By as_user if
# that is in $as.
declare -A job
submit() {
  local name=$1 options=()
  shift
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  local script=$1
  shift
  job[$name]=$(${as:-} bash "$BEELINE_JOBSCRIPTS/submit.sh" --parsable -o "$name.log" "${options[@]}" "$BEELINE_JOBSCRIPTS/$script.sbatch" "$@")
  [ -n "${job[$name]}" ] || complain "sbatch refuses $name"
}
field() { scontrol -o show job "$1" 2>/dev/null | tr ' ' '\n' | sed -n "s/^$2=//p"; } # JOB FIELD: one a line for an array
# await SECONDS WHAT COMMAND...: until the command succeeds.
await() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    if [ $SECONDS -ge $end ]; then
      complain "waited in vain for: $what"
      return 1
    fi
    sleep "${pause:-0.2}"
  done
}
over() { ! field "$1" JobState | grep -qvE '^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL|OUT_OF_MEMORY)$'; }
there() { compgen -G "$1" >/dev/null; }
# ended NAME STATE: wait for the end of a job, which must be this one.
ended() {
  await "$patience" "the end of $1 (now $(field "${job[$1]}" JobState | sort -u), $(field "${job[$1]}" Reason))" over "${job[$1]}"
  local state
  state=$(field "${job[$1]}" JobState | sort -u)
  [ "$state" = "$2" ] || complain "$1 is $state, expected $2: $(tail -n 15 "$1".log)"
}
restarted() { # NAME TIMES
  [ "$(field "${job[$1]}" Restarts)" -ge "$2" ] || complain "$1 was put back $(field "${job[$1]}" Restarts) times, expected $2"
}
ranks_left() { pgrep -f "$BEELINE.* --output $1" | wc -l; }
none_left() { [ "$(ranks_left "$1")" = 0 ]; }
# The rounds here last milliseconds. A job whose ranks are stopped after a checkpoint is one in a round that lasts.
hold() { # NAME [FILES]: stop its ranks where these are first there, its checkpoints by default
  pause=0.01 await "$patience" "the work of $1" there "${2:-$1/checkpoint-*.nc}"
  pkill -STOP -f "^$BEELINE.* --output $1( |\$)" || complain "$1 was over before it was disturbed: $(tail -n 15 "$1".log)"
}
release() { pkill -CONT -f "^$BEELINE.* --output $1( |\$)"; }
said_at() { date -d "$(grep -m 1 "$2" "$1".log | cut -c 1-19)" +%s; } # NAME WHAT: the time of the line in the log

# ---- Simple jobs, and those whose nodes will be lost -------------------------------------------------------------------------

submit pretrained -N 2 --ntasks-per-node=1 -- pretrain pretrain.yaml pretrained
alone pretrain pretrain.yaml --output alone-pretrained
ended pretrained COMPLETED
same pretrained alone-pretrained 'pretrain.sbatch'
pass 'pretrain.sbatch on 2 nodes'
alone finetune finetune.yaml --output alone-tuned
alone finetune finetune.yaml "${long[@]}" --output alone-long

# What takes long by Slurm's own waiting begins first, on nodes with no other work.
one=(-n 1 --ntasks-per-node=1) two=(-N 2 --ntasks-per-node=1)
submit timed -w n3 "${one[@]}" --time=6 -- finetune finetune.yaml timed "${long[@]}"
hold timed
{ await 90 'the signal before the time limit' grep -q 'signal=USR1' timed.log && release timed; } &
submit overdue -w n3 "${one[@]}" --time=1 -- finetune finetune.yaml overdue "${long[@]}"
hold overdue
submit headless -x 'n[1-4,8-9]' "${two[@]}" -- finetune finetune.yaml headless "${long[@]}"
hold headless
kill_node 5
beheaded=$(date +%s)

submit lost -N 2 -w 'n[3-4]' --ntasks-per-node=1 -- finetune finetune.yaml lost "${long[@]}"
await "$patience" 'a checkpoint of lost' there 'lost/checkpoint-*.nc'
kill_node 4
killed=$SECONDS

BEELINE_SITE=$scratch/srun.conf submit tuned -N 2 -w 'n[1-2]' --ntasks-per-node=1 -- finetune finetune.yaml tuned
submit seeds -w n1 -n 1 --ntasks-per-node=1 --array=1-2 -- array finetune finetune.yaml seeds
printf -- '--seed 1\n--seed 2 --set learner.n_critic=2\n' >list
submit listed -w n2 -n 1 --ntasks-per-node=1 --array=2 -- array finetune finetune.yaml listed list
submit samples -w n2 -n 1 --ntasks-per-node=1 -- sample finetune.yaml samples.nc
bash "$BEELINE_JOBSCRIPTS/chain.sh" . chained -x 'n[3-9]' -n 1 --ntasks-per-node=1 >chain 2>&1 || complain "chain.sh: $(cat chain)"
job[report]=$(sed -n 's/.*report=//p' chain)
bash "$BEELINE_JOBSCRIPTS/submit.sh" -N 99 "$BEELINE_JOBSCRIPTS/finetune.sbatch" finetune.yaml many >refused 2>&1 &&
  complain "a job on 99 nodes is taken: $(cat refused)"
grep -qi 'submission failed' refused || complain "a job on 99 nodes: $(cat refused)"
[ ! -e many ] || complain 'a refused job wrote something'
pass 'a job that asks for 99 nodes is refused'

ended tuned COMPLETED
same tuned alone-tuned 'finetune.sbatch by srun'
pass 'finetune.sbatch by srun on 2 nodes'
ended seeds COMPLETED
same seeds/seed-1 alone-tuned 'array.sbatch, seed 1'
[ "$(parts seeds/seed-2)" != "$(parts seeds/seed-1)" ] || complain 'seeds 1 and 2 learn the same'
ended listed COMPLETED
same listed/run-2 seeds/seed-2 'array.sbatch with a list'
pass 'arrays over seeds and over a list'
ended samples COMPLETED
[ -s samples.nc ] || complain "sample.sbatch: no samples: $(cat samples.log)"
pass 'sample.sbatch'

# ---- Pre-emption ---------------------------------------------------------------------------------------------------------------

# preempt NAME: a job on n8 and n9, pushed off them by one that needs both whole.
preempt() {
  submit "$1" -w 'n[8-9]' "${two[@]}" -- finetune finetune.yaml "$1" "${long[@]}"
  hold "$1"
  submit "urgent-$1" -p urgent --exclusive -w 'n[8-9]' "${two[@]}" -- pretrain pretrain.yaml "urgent-$1"
}
preempt warned
await "$grace" 'the signal of pre-emption' grep -q 'signal=USR1' warned.log
release warned

# ---- An ordinary user ----------------------------------------------------------------------------------------------------------

chmod a+rx .
if [ -z "$ordinary" ]; then
  echo '  skipped: an ordinary user: all jobs here are already those of one'
elif ! as_user test -x "$BEELINE" || ! as_user test -r "$BEELINE_JOBSCRIPTS/common.sh" || ! as_user test -r finetune.yaml; then
  echo "  skipped: an ordinary user cannot read one of $BEELINE, $BEELINE_JOBSCRIPTS, $scratch"
else
  mkdir homework && touch homework.log && chown $ordinary homework homework.log
  as=as_user submit homework -w 'n[1-2]' "${two[@]}" -- finetune finetune.yaml homework "${long[@]}"
  hold homework
  [ -n "$(pgrep -u $ordinary -f "$BEELINE.* --output homework ")" ] || complain "homework: the ranks are not those of $ordinary"
  as_user scancel -b -s USR1 "${job[homework]}"
  await 20 'the signal of homework' grep -q 'signal=USR1' homework.log
  release homework
fi

# ---- Signals, cancelling, lost ranks ---------------------------------------------------------------------------------------

submit signalled -N 2 -w 'n[1-2]' --ntasks-per-node=1 -- finetune finetune.yaml signalled "${long[@]}"
await "$patience" 'a checkpoint of signalled' there 'signalled/checkpoint-*.nc'
scancel -b -s USR1 "${job[signalled]}"
await 30 'signalled to be put back' grep -q 'requeue=yes' signalled.log
grep -q 'exit=75 asked=USR1' signalled.log || complain "signalled: $(cat signalled.log)"
# It goes on with one rank.
resize() { scontrol update JobId="${job[signalled]}" ReqNodeList=n1 NumNodes=1 NumTasks=1 >resized 2>&1; }
await 20 'a job that waits to take another number of ranks' resize || cat resized

ended report COMPLETED
grep -q 'SFT-PG (B)' chained/report/report.md && same chained/pretrain alone-pretrained 'the chain' ||
  complain "the chain: $(cat chain) $(tail -n 5 table-*.log report-*.log)"
same chained/finetune alone-tuned 'the fine-tuning of the chain'
pass 'chain.sh: pretrain, moments, finetune, table, report'

submit cancelled -w n2 -n 1 --ntasks-per-node=1 -- finetune finetune.yaml cancelled "${long[@]}" --set learner.rounds=100000
await "$patience" 'a checkpoint of cancelled' there 'cancelled/checkpoint-*.nc'
scancel "${job[cancelled]}"
ended cancelled CANCELLED
await 10 'the ranks of a cancelled job to end' none_left cancelled
grep -q 'requeue=yes' cancelled.log && complain 'a cancelled job was put back'
pass 'scancel'

sed 's/seeds: .*/seeds: [1, 2, 3, 4]/; s/samples: .*/samples: 15000/' table.yaml >long.yaml
submit table -w n2 -n 2 --ntasks-per-node=2 -- table long.yaml table
hold table 'table/cells/*.nc'
scancel -b -s USR1 "${job[table]}"
await 10 'table to hear the signal' grep -q 'signal=USR1' table.log
release table
submit killed -w n1 -n 2 --ntasks-per-node=2 -- finetune finetune.yaml killed "${long[@]}"
await "$patience" 'a checkpoint of killed' there 'killed/checkpoint-*.nc'
kill -KILL "$(pgrep -f "^$BEELINE.* --output killed" | head -n 1)" || complain 'no rank to kill'
await 20 'a job whose rank was killed to be put back' grep -q 'requeue=yes' killed.log

ended signalled COMPLETED
restarted signalled 1
grep -q ' on 1 rank,' signalled/summary.txt || complain "signalled did not go on with one rank: $(cat signalled/summary.txt; grep launcher= signalled.log)"
same signalled alone-long 'a signal, then other ranks'
pass 'signal, checkpoint, back into the queue, on with one rank instead of two'

# The daemon of a node away for a while: the job does not notice.
submit daemon -w n1 -n 1 --ntasks-per-node=1 -- finetune finetune.yaml daemon "${long[@]}"
await "$patience" 'a checkpoint of daemon' there 'daemon/checkpoint-*.nc'
kill -KILL "$(cat "$cluster/run/slurmd.n1.pid")"
sleep 1
start_node 1
ended daemon COMPLETED
same daemon alone-long 'a node daemon that was killed and came back'
pass 'a killed node daemon that comes back'

ended killed COMPLETED
restarted killed 1
same killed alone-long 'a killed rank'
pass 'a killed rank'
ended table COMPLETED
restarted table 1
alone table long.yaml --output alone-table
[ "$(sed 's/,[^,]*$//' table/table.csv)" = "$(sed 's/,[^,]*$//' alone-table/table.csv)" ] ||
  complain "the table after a signal: $(diff table/table.csv alone-table/table.csv)"
pass 'table.sbatch, interrupted'

submit scaling -w n1 -n 2 --ntasks-per-node=2 -- scaling finetune.yaml scaling 1 2
ended scaling COMPLETED
[ "$(wc -l <scaling/scaling.csv)" = 3 ] || complain "scaling.sbatch: $(cat scaling.log)"
pass 'scaling.sbatch'

if [ -n "${job[homework]:-}" ]; then
  ended homework COMPLETED
  restarted homework 1
  grep -q 'exit=75 asked=USR1' homework.log || complain "homework: $(grep job= homework.log)"
  same homework alone-long 'a job of an ordinary user'
  foreign=$(find homework homework.log ! -user $ordinary)
  [ -z "$foreign" ] || complain "the job of $ordinary wrote files of others: $foreign"
  pass 'an ordinary user submits; the job puts itself back after a signal'
fi

ended urgent-warned COMPLETED
ended warned COMPLETED
restarted warned 1
grep -q 'exit=75 asked=USR1' warned.log || complain "warned: $(grep job= warned.log)"
same warned alone-long 'pre-emption'
pass "pre-emption with a signal: checkpoint in the grace time, $(($(said_at urgent-warned job=) - $(said_at warned signal=))) s until the urgent job begins"

# On a site that does not send the signal: Slurm terminates the step on n9, and the script hears nothing of it.
sed -i '/preempt_send_user_signal/d' "$SLURM_CONF"
scontrol reconfigure
preempt unwarned
await $((grace + 30)) 'unwarned to be put back' grep -q 'requeue=yes' unwarned.log # its ranks are stopped until Slurm ends them
ended urgent-unwarned COMPLETED
ended unwarned COMPLETED
restarted unwarned 1
grep -q signal=USR1 unwarned.log && complain "a signal came: $(grep job= unwarned.log)"
same unwarned alone-long 'pre-emption without a signal'
pass 'pre-emption without a signal'

# ---- Lost nodes -----------------------------------------------------------------------------------------------------------

grep -q 'requeue=yes reason="ranks or a node were lost"' lost.log || complain "lost did not put itself back: $(cat lost.log)"
echo "  node n4 was lost $((SECONDS - killed)) s ago"
move() { scontrol update JobId="${job[lost]}" ReqNodeList=n3 NumNodes=1 NumTasks=1 >moved 2>&1; }
await 60 'the job that lost a node to take another' move || cat moved
ended lost COMPLETED
restarted lost 1
same lost alone-long 'a lost node'
pass 'a node that is lost under mpirun'

ended headless COMPLETED
restarted headless 1
grep -q 'list=n\[6-7\]' headless.log || complain "headless did not go on with n6 and n7: $(grep job= headless.log)"
same headless alone-long 'a lost batch node'
pass "the node of the batch script is lost: on with others $(($(said_at headless restart=1) - beheaded)) s later"

# ---- Time limits -------------------------------------------------------------------------------------------------------------

ended timed COMPLETED
restarted timed 1
grep -q 'exit=75 asked=USR1' timed.log || complain "timed: $(grep job= timed.log)"
warning=$((6 * 60 - $(said_at timed signal=) + $(said_at timed job=)))
# Slurm looks every 30 s whose time comes before its next look.
[ "$warning" -ge 285 ] && [ "$warning" -le 335 ] || complain "the signal came $warning s before the time limit, not about 300"
same timed alone-long 'a time limit'
pass "a time limit: signal $warning s before it, checkpoint, back into the queue"

ended overdue COMPLETED
grep -q 'requeue=yes reason="the time limit passed"' overdue.log || complain "overdue: $(grep job= overdue.log)"
same overdue alone-long 'a time limit that passed'
pass 'a round that outlasts the time limit'

# ---- Nothing stays -------------------------------------------------------------------------------------------------------------

none_left '' || complain "ranks are left: $(pgrep -af "$BEELINE")"
left=$(find /tmp "${TMPDIR:-/tmp}" -maxdepth 1 -newer "$cluster/etc/slurm.conf" \( -name 'ompi.n[1-9].*' -o -name 'ompi.ctl.*' -o -name 'spmix*' \) 2>/dev/null)
[ -z "$ordinary" ] || left+=$(find /tmp /dev/shm /var/tmp -maxdepth 1 -user $ordinary)
[ -z "$left" ] || complain "files are left: $left"
echo "$checks checks, $failures failures, $((SECONDS - began)) s"
[ $failures = 0 ]
