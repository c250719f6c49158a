# shellcheck shell=bash disable=SC2034,SC2154 # variables of common.sh, and for it
# What is Slurm's in a job; see common.sh.
suffix=sbatch
submit_folder=$SLURM_SUBMIT_DIR
job=$SLURM_JOB_ID restarts=${SLURM_RESTART_COUNT:-0}
task=${SLURM_ARRAY_TASK_ID:-}
threads=${SLURM_CPUS_PER_TASK:-1}
allocation="launcher=$launcher nodes=$SLURM_JOB_NUM_NODES tasks_per_node=${SLURM_TASKS_PER_NODE:-1} list=$SLURM_JOB_NODELIST"

start_ranks() { # start_ranks RANKS ARGUMENT...: RANKS may be "" for all of the job
  local ranks=${1:+-n $1}
  shift
  # shellcheck disable=SC2086 # words, or nothing
  case $launcher in
    # A rank that dies takes the others along: mpirun does so, srun after --wait seconds. (--kill-on-bad-exit would kill ranks
    # that are on their way out, and hide the exit status.)
    srun) exec srun --mpi=pmix --kill-on-bad-exit=0 --wait=5 $ranks $launcher_options "$beeline" "$@" ;;
    *) exec mpirun $ranks $launcher_options "$beeline" "$@" ;;
  esac
}

warn_ahead() { :; } # the directive --signal does

time_limit_passed() { scontrol -o show job "$job" | grep -q ' Reason=TimeLimit '; }

put_back() {
  scontrol requeue "$job" || return
  sleep 300 # Slurm ends this script
  exit 75
}
