# shellcheck shell=bash disable=SC2034,SC2154 # variables of common.sh, and for it
# What is OpenPBS's in a job; see common.sh. qsub hands no arguments to a script, so they come in BEELINE_ARGUMENTS (submit.sh).
suffix=pbs
submit_folder=$PBS_O_WORKDIR
cd "$submit_folder" || exit 1
eval "set -- \"\$1\" \"\$2\" ${BEELINE_ARGUMENTS:-}"
job=${PBS_JOBID%%.*}
task=${BEELINE_TASK:-${PBS_ARRAY_INDEX:-}}

# A log of our own: PBS keeps its on the node until the job ends. A job that submits itself again goes on in the same.
export BEELINE_LOG=${BEELINE_LOG:-$PBS_JOBNAME-$(echo "$job" | tr '[' - | tr -d ']').log}
exec >>"$BEELINE_LOG" 2>&1
restarts=$(grep -c ' requeue=yes ' "$BEELINE_LOG")

# OMP_NUM_THREADS is all cores of a chunk, whatever its ranks, unless the job asks for ompthreads.
asked_for=$(qstat -f "$PBS_JOBID" 2>&1 | tr -d '\n\t')
case $asked_for in
  *ompthreads=*) threads=${OMP_NUM_THREADS:-1} ;;
  *) threads=1 ;;
esac
allocation="launcher=mpirun nodes=$(sort -u "$PBS_NODEFILE" | wc -l) ranks=$(wc -l <"$PBS_NODEFILE") list=$(sort -u "$PBS_NODEFILE" | paste -s -d ,)"

start_ranks() { # start_ranks RANKS ARGUMENT...: RANKS may be "" for all of the job, one for each line of PBS_NODEFILE
  local ranks=${1:-$(wc -l <"$PBS_NODEFILE")}
  shift
  # shellcheck disable=SC2086 # words, or nothing
  exec mpirun -n "$ranks" --hostfile "$PBS_NODEFILE" $launcher_options "$beeline" "$@"
}

# PBS warns of nothing: at the time limit come SIGTERM and, after kill_delay (10 s by default), SIGKILL.
walltime=$(echo "$asked_for" | sed -n 's/.*Resource_List\.walltime = \([0-9:]*\).*/\1/p' | awk -F : '{ print ($1 * 60 + $2) * 60 + $3 }')
deadline=$(($(date +%s) + ${walltime:-0}))
warn_ahead() {
  [ -z "${timer:-}" ] || return 0
  [ -n "$walltime" ] || { say 'no signal ahead of the time limit: qstat does not tell it'; return; }
  local left=$((deadline - $(date +%s) - BEELINE_WARNING))
  (
    trap 'kill $!; exit' TERM
    trap '' USR1 # of qsig, to all processes
    sleep $((left > 0 ? left : 0)) &
    wait $!
    kill -USR1 $$
  ) </dev/null >/dev/null 2>&1 &
  timer=$!
  trap 'kill $timer 2>/dev/null' EXIT
}

time_limit_passed() { [ -n "$walltime" ] && [ "$(date +%s)" -ge $((deadline - 10)) ]; }

put_back() {
  [ -z "${timer:-}" ] || kill "$timer" 2>/dev/null
  # Most sites allow qrerun to operators only.
  if qrerun "$PBS_JOBID"; then
    sleep 300 # PBS ends this script
    exit 75
  fi
  [ -n "${BEELINE_SUBMITTED:-}" ] || return
  say 'qrerun is refused: the job submits itself again'
  eval "BEELINE_TASK=$task bash \"\$here/submit.sh\" $BEELINE_SUBMITTED" && exit 75
}
