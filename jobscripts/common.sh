# shellcheck shell=bash
# The core of all job scripts, whatever the scheduler. A script (finetune.sbatch, .pbs, .flux) has directives and one line: it
# sources this file with the names of the scheduler and of the job and with the job's arguments. Here are the settings of the
# site, and `run`, which launches beeline on the ranks of the job, hands signals on, and puts the job back into the queue when it
# is worth it. What the job does is in job/<name>.sh. What differs between schedulers is in scheduler/<name>.sh, which sets
#   suffix               of its scripts
#   submit_folder        where the job was submitted
#   job, restarts        the job's number, and how often it was put back so far
#   task                 its number in an array, or empty
#   threads              cores of a rank
#   allocation           launcher, nodes and tasks, for the log
#   start_ranks          replaces this shell by the launcher of the ranks
#   warn_ahead           called as a run begins: sends SIGUSR1 ahead of the time limit, if the scheduler does not
#   time_limit_passed    after SIGTERM: was it the time limit? If not, somebody cancelled the job
#   put_back             puts the job back into the queue and ends this script; returns if it cannot
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
name=$2
# shellcheck source=jobscripts/site.conf
. "${BEELINE_SITE:-$here/site.conf}" || exit 2
# shellcheck source=jobscripts/scheduler/slurm.sh
. "$here/scheduler/$1.sh" || exit 2
shift 2
if [ -n "$modules" ]; then
  module purge
  # shellcheck disable=SC2086 # several names
  module load $modules || exit 2
fi
[ -n "$beeline" ] || beeline=$submit_folder/build/beeline
[ -x "$beeline" ] || beeline=$(command -v beeline) ||
  { echo "no program beeline: build it, load a module that has it, or name it in $here/site.conf" >&2; exit 2; }
export OMP_NUM_THREADS=$threads
export LC_ALL=C # numbers have a point as decimal mark, whatever the language of the user
crashes_allowed=3 # restarts in a row without anything new

say() { echo "$(date '+%F %T') job=$job restart=$restarts $*"; }

usage() { # usage COUNT TEXT ARGUMENT...: stop unless there are COUNT arguments
  local count=$1 text=$2
  shift 2
  [ $# -ge "$count" ] || { echo "usage: bash jobscripts/submit.sh [OPTION OF THE SCHEDULER]... jobscripts/$name.$suffix $text" >&2; exit 2; }
}

requeue() { # requeue REASON
  say "requeue=yes reason=\"$1\""
  put_back
  say "requeue=refused: submit the same job again, it goes on"
  exit 75 # BL_EXIT_INTERRUPTED of framework/base/exit_status.h
}

# Whether this session wrote a checkpoint, a cell, samples or a model.
progressed() { [ -n "$(find "$output" "${output%.nc}.part.nc" -name '*.nc' ! -name record.nc -newermt "@$started" 2>/dev/null | head -n 1)" ]; }

# Whether the program itself ended: its lock file would stay behind. mpirun of Open MPI 5.0 returns 0 when a node is lost.
ended_itself() { [ -z "$(find "$output" "$output.lock" -maxdepth 1 -name '*.lock' 2>/dev/null)" ]; }

run() { # run ARGUMENT...: beeline with these on all ranks, or on $ranks; returns when it is done, else ends the script
  local status asked='' why='ranks or a node were lost'
  trap 'asked=USR1; say signal=USR1; kill -USR1 $launched 2>/dev/null' USR1
  trap 'asked=TERM; say signal=TERM; kill -USR1 $launched 2>/dev/null' TERM
  started=$(date +%s)
  say "beeline $* ($allocation)"
  start_ranks "${ranks:-}" "$@" </dev/null &
  launched=$!
  warn_ahead
  # A signal ends the wait, not what is waited for.
  while wait $launched; [ $? -gt 128 ] && kill -0 $launched 2>/dev/null; do :; done
  wait $launched
  status=$?
  trap - USR1 TERM
  say "exit=$status${asked:+ asked=$asked}"
  case $status/$asked in
    0/*) ended_itself && return 0 ;;
    */TERM)
      # Cancelled, or the scheduler itself puts the job back; but not one that outlasted its time in spite of the warning.
      time_limit_passed || exit $status
      why='the time limit passed'
      ;;
    75/*) why='stopped by a signal' ;; # after a step and its checkpoint
    74/*) why='the disk was full or lost, or a rank was silent' ;; # may be well again
    1/USR1 | 2/USR1) exit $status ;;
    */USR1) why='a signal came' ;; # too early to be handled, or to a command that starts anew; not for ever
    1/ | 2/) exit $status ;; # the work, or what was asked for, is wrong: again would be the same
  esac
  # Anything else is not of the program's making: a rank or a node died, or the time was too short. Whatever it is, a job that
  # gets nothing new done does not come back for ever.
  if progressed || [ "$restarts" -lt $crashes_allowed ]; then
    requeue "$why"
  fi
  say "requeue=no: $restarts restarts, and nothing new in the last"
  exit $((status > 0 ? status : 1))
}

# shellcheck source=jobscripts/job/finetune.sh
. "$here/job/$name.sh"
