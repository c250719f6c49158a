#!/bin/bash
# Submit a job script with the options of the site, by the command that its suffix tells (sbatch, qsub, flux batch):
#   submit.sh [--after JOB[:JOB]...] [OPTION OF THAT COMMAND]... SCRIPT ARGUMENT...
# --after waits until those jobs have succeeded.
here=$(cd "$(dirname "$0")" && pwd)
export BEELINE_JOBSCRIPTS=${BEELINE_JOBSCRIPTS:-$here}
# shellcheck source=jobscripts/site.conf
. "${BEELINE_SITE:-$here/site.conf}" || exit 2
[ -z "${BEELINE_SITE:-}" ] || BEELINE_SITE=$(realpath "$BEELINE_SITE")
after=
if [ "${1:-}" = --after ]; then
  after=$2
  shift 2
fi
# A job that submits itself again, as Flux's do, repeats these words.
export BEELINE_SUBMITTED="${*@Q}"
options=()
while [ $# -gt 0 ]; do
  case $1 in
    *.sbatch | *.pbs | *.flux) break ;;
    -J) [ -z "${BEELINE_TASK:-}" ] || { shift 2; continue; } ;; # one task of an array of PBS, again
  esac
  options+=("$1")
  shift
done
# shellcheck disable=SC2086 # submit_options are words, or nothing
case ${1:-} in
  *.sbatch) exec sbatch ${after:+--dependency=afterok:$after --kill-on-invalid-dep=yes} $submit_options "${options[@]}" "$@" ;;
  *.pbs)
    # A script of PBS gets no arguments; they come in a variable, as do all that a job is to have of this environment.
    script=$1
    shift
    export BEELINE_ARGUMENTS="${*@Q}"
    exec qsub ${after:+-W depend=afterok:$after} $submit_options "${options[@]}" \
      -v "$(compgen -e BEELINE_ | paste -s -d ,)" "$script"
    ;;
  *.flux)
    IFS=:
    for job in $after; do options+=("--dependency=afterok:$job"); done
    unset IFS
    exec flux ${parent:+--parent} batch $submit_options "${options[@]}" "$@"
    ;;
  *)
    sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
