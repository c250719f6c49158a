#!/bin/bash
# Stand-ins for OpenPBS's qsub, qstat, qrerun, qdel and qsig, by the name that it is called by: the options and the environment that
# the manual pages tell, one node with the cores that are asked for. qrerun is for operators, unless $allow_qrerun is set.
. "$(dirname "$(realpath "$0")")/stand_in.sh"
die() {
  echo "${0##*/}: $*" >&2
  exit 2
}
number_of() { # JOB: 12.server or 12[3].server
  local number=${1%%.*}
  [ ! -e "$cluster/${number//[\[\]]/_}" ] || number=${number//[\[\]]/_}
  [ -d "$cluster/$number" ] || die "Unknown Job Id $1"
  echo "$number"
}

start_job() {
  local job=$cluster/$1 name ranks variables=() variable
  name=$(cat "$job/name")
  ranks=$(sed -n 's/.*mpiprocs=\([0-9]*\).*/\1/p' "$job/select")
  for variable in $(seq "${ranks:-1}"); do hostname; done >"$job/nodes"
  while IFS= read -r -d '' variable; do variables+=("$variable"); done <"$job/variables"
  for variable in $(of_the_machine); do variables+=("$variable=${!variable}"); done
  [ ! -e "$job/index" ] || variables+=("PBS_ARRAY_INDEX=$(cat "$job/index")" "PBS_ARRAY_ID=${1%%_*}[].server")
  mkdir -p "$job/tmp"
  cd "$job/home" || exit 1
  # As long as a job runs PBS keeps its output on the node.
  exec setsid env -i PATH="$bin:/usr/bin:/bin" HOME="$job/home" USER="$(id -un)" LOGNAME="$(id -un)" SHELL=/bin/bash TMPDIR="$job/tmp" \
    PBS_ENVIRONMENT=PBS_BATCH ENVIRONMENT=BATCH PBS_JOBID="$(cat "$job/id")" PBS_JOBNAME="$name" PBS_QUEUE=workq \
    PBS_NODEFILE="$job/nodes" PBS_JOBDIR="$job/home" PBS_O_WORKDIR="$(cat "$job/workdir")" PBS_O_HOST="$(hostname)" PBS_O_QUEUE=workq \
    NCPUS="$(cat "$job/threads")" OMP_NUM_THREADS="$(cat "$job/threads")" "${variables[@]}" \
    bash "$job/script" >>"$(cat "$job/workdir")/$name.o${1//_/.}" 2>&1
}

submit() {
  local options=() words name='' select=1:ncpus=1 walltime='' depend='' range='' list='' script number index
  # Directives are the lines "#PBS ..." before the first command; options on the command line win.
  script=${*: -1}
  [ -f "$script" ] || die "script file:: No such file or directory: $script (no arguments may follow a script)"
  while IFS= read -r words; do
    [ -z "$words" ] || case $words in
      '#PBS '*) eval "options+=(${words#'#PBS '})" ;;
      '#'*) ;;
      *) break ;;
    esac
  done <"$script"
  set -- "${options[@]}" "${@:1:$#-1}"
  while [ $# -gt 0 ]; do
    [ $# -gt 1 ] || die "an option without a value: $1"
    case $1 in
      -N) name=$2 ;;
      -S | -r | -j | -q | -A) ;;
      -l) case $2 in select=*) select=${2#select=} ;; walltime=*) walltime=${2#walltime=} ;; *) die "illegal -l value $2" ;; esac ;;
      -W) case $2 in depend=afterok:*) depend=${2#depend=afterok:} ;; *) die "illegal -W value $2" ;; esac ;;
      -J) range=$2 ;;
      -v) list=$2 ;;
      *) die "illegal option $1" ;;
    esac
    shift 2
  done
  number=$(new_job)
  cp "$script" "$cluster/$number/script"
  mkdir "$cluster/$number/home"
  echo "${name:-${script##*/}}" >"$cluster/$number/name"
  echo "$select" >"$cluster/$number/select"
  [[ $select =~ ompthreads=([0-9]+) || $select =~ ncpus=([0-9]+) ]]
  echo "${BASH_REMATCH[1]}" >"$cluster/$number/threads"
  echo "$walltime" >"$cluster/$number/walltime"
  echo "$walltime" | awk -F : 'NF { print ($1 * 60 + $2) * 60 + $3 }' >"$cluster/$number/limit"
  pwd >"$cluster/$number/workdir"
  for index in ${list//,/ }; do
    case $index in *=*) die 'the stand-in takes names for -v, no values' ;; esac
    printf '%s\0' "$index=${!index?}"
  done >"$cluster/$number/variables"
  for index in ${depend//:/ }; do number_of "$index" || exit; done >"$cluster/$number/after"
  echo "$number.server" >"$cluster/$number/id"
  if [ -z "$range" ]; then
    enqueue "$number"
    echo "$number.server"
    return
  fi
  [ "${range%-*}" -lt "${range#*-}" ] || die "illegal -J value $range"
  for index in $(seq "${range%-*}" "${range#*-}"); do
    cp -r "$cluster/$number" "$cluster/${number}_${index}_"
    echo "$index" >"$cluster/${number}_${index}_/index"
    echo "${number}[$index].server" >"$cluster/${number}_${index}_/id"
    enqueue "${number}_${index}_"
  done
  echo "${number}[].server"
}

case ${0##*/}/${1:-} in
  */--live) live "$2" ;;
  qsub/*) submit "$@" ;;
  qstat/-f)
    number=$(number_of "$2") || exit
    printf 'Job Id: %s\n    Job_Name = %s\n    job_state = R\n' "$2" "$(cat "$cluster/$number/name")"
    printf '    Resource_List.select = %s\n' "$(cat "$cluster/$number/select")"
    [ ! -s "$cluster/$number/limit" ] || printf '    Resource_List.walltime = %s\n' "$(cat "$cluster/$number/walltime")"
    printf '    substate = 42\n'
    ;;
  qrerun/*)
    number=$(number_of "$1") || exit
    [ -n "${allow_qrerun:-}" ] || { echo "qrerun: Unauthorized Request  $1" >&2; exit 159; }
    end_job "$number" rerun
    ;;
  qdel/*) for number in "$@"; do end_job "$(number_of "$number")" cancel; done ;;
  qsig/-s) signal_job "$(number_of "$3")" "${2#SIG}" ;;
  *) die "not in the stand-in: $*" ;;
esac
