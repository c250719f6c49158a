# For the job scripts, which source it: settings of the site, and `run`, which launches beeline on the ranks of the job,
# hands signals on, and puts the job back into the queue when it is worth it.

here=${BEELINE_JOBSCRIPTS:-${SLURM_SUBMIT_DIR:-.}/jobscripts}
. "${BEELINE_SITE:-$here/site.conf}" || exit 2
if [ -n "$modules" ]; then
  module purge
  module load $modules || exit 2
fi
[ -n "$beeline" ] || beeline=$SLURM_SUBMIT_DIR/build/beeline
[ -x "$beeline" ] || beeline=$(command -v beeline) ||
  { echo "no program beeline: build it, load a module that has it, or name it in $here/site.conf" >&2; exit 2; }
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
crashes_allowed=3 # restarts in a row without anything new

say() { echo "$(date '+%F %T') job=$SLURM_JOB_ID restart=${SLURM_RESTART_COUNT:-0} $*"; }

usage() { # usage COUNT TEXT ARGUMENT...: stop unless there are COUNT arguments
  local count=$1 text=$2
  shift 2
  [ $# -ge "$count" ] || { echo "usage: sbatch [OPTIONS OF SBATCH] jobscripts/$text" >&2; exit 2; }
}

launch() { # launch RANKS ARGUMENT...: replaces this shell; RANKS may be "" for all of the job
  local ranks=${1:+-n $1}
  shift
  case $launcher in
    # A rank that dies takes the others along: mpirun does so, srun after --wait seconds. (--kill-on-bad-exit would kill ranks
    # that are on their way out, and hide the exit status.)
    srun) exec srun --mpi=pmix --kill-on-bad-exit=0 --wait=5 $ranks $launcher_options "$beeline" "$@" ;;
    *) exec mpirun $ranks $launcher_options "$beeline" "$@" ;;
  esac
}

requeue() { # requeue REASON
  say "requeue=yes reason=\"$1\""
  scontrol requeue "$SLURM_JOB_ID" || { say "requeue=refused: submit the same job again, it goes on"; exit 75; }
  sleep 300 # Slurm ends this script
  exit 75
}

# Whether this sitting wrote a checkpoint, a cell, samples or a model.
progressed() { [ -n "$(find "$output" "${output%.nc}.part.nc" -name '*.nc' ! -name record.nc -newermt "@$started" 2>/dev/null | head -n 1)" ]; }

run() { # run ARGUMENT...: beeline with these on all ranks, or on $ranks; returns when it is done, else ends the script
  local status asked= why='ranks or a node were lost'
  trap 'asked=USR1; say signal=USR1; kill -USR1 $launched 2>/dev/null' USR1
  trap 'asked=TERM; say signal=TERM; kill -USR1 $launched 2>/dev/null' TERM
  started=$(date +%s)
  say "beeline $* (launcher=$launcher nodes=$SLURM_JOB_NUM_NODES tasks_per_node=${SLURM_TASKS_PER_NODE:-1} list=$SLURM_JOB_NODELIST)"
  launch "${ranks:-}" "$@" </dev/null &
  launched=$!
  # A signal ends the wait, not what is waited for.
  while wait $launched; [ $? -gt 128 ] && kill -0 $launched 2>/dev/null; do :; done
  wait $launched
  status=$?
  trap - USR1 TERM
  say "exit=$status${asked:+ asked=$asked}"
  case $status/$asked in
    0/*) return 0 ;;
    */TERM)
      # Cancelled, or Slurm itself puts the job back; but not one that outlasted its time in spite of the warning.
      scontrol -o show job "$SLURM_JOB_ID" | grep -q ' Reason=TimeLimit ' || exit $status
      why='the time limit passed'
      ;;
    75/*) requeue "stopped by a signal" ;;
    1/USR1 | 2/USR1) exit $status ;;
    */USR1) why='a signal came' ;; # too early to be handled, or to a command that starts anew; not for ever
    1/ | 2/) exit $status ;; # the work, or what was asked for, is wrong: again would be the same
  esac
  # Anything else is not of the program's making: a rank or a node died, or the time was too short.
  if progressed || [ "${SLURM_RESTART_COUNT:-0}" -lt $crashes_allowed ]; then
    requeue "$why"
  fi
  say "requeue=no: $SLURM_RESTART_COUNT restarts, and nothing new in the last"
  exit $status
}
