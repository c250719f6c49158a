#!/bin/bash
# Stand-in for Flux's command: batch, run, cancel, job timeleft, job kill, resource list, with the options and the environment that
# its manual pages tell, on one node with the cores that are asked for.
. "$(dirname "$(realpath "$0")")/stand_in.sh"
die() {
  echo "flux: $*" >&2
  exit 1
}
seconds() { # of 2h, 3m, 40s, or minutes
  case $1 in
    *h) echo $((${1%h} * 3600)) ;;
    *m) echo $((${1%m} * 60)) ;;
    *s) echo "${1%s}" ;;
    *) echo $(($1 * 60)) ;;
  esac
}
number_of() {
  [ -d "$cluster/${1#[ƒf]}" ] || die "unknown job id $1"
  echo "${1#[ƒf]}"
}

start_job() {
  local job=$cluster/$1 variables=() variable arguments=()
  while IFS= read -r -d '' variable; do variables+=("$variable"); done <"$job/environment"
  while IFS= read -r -d '' variable; do arguments+=("$variable"); done <"$job/arguments"
  date +%s >"$job/began"
  cd "$(cat "$job/workdir")" || exit 1
  exec setsid env -i "${variables[@]}" FLUX_URI="local://$job/socket" FLUX_ENCLOSING_ID="ƒ$1" \
    bash "$job/script" "${arguments[@]}" >>"$(cat "$job/output")" 2>&1
}

batch() {
  local options=() after=() number words script nodes='' slots='' limit='' warning='' output='flux-{{id}}.out'
  [ -z "${FLUX_ENCLOSING_ID:-}" ] || [ -n "$parent" ] || die 'batch: this would go into the instance of the job itself'
  while [ $# -gt 0 ]; do
    case $1 in -*=*) options+=("$1") ;; -*) options+=("$1=$2") && shift ;; *) break ;; esac
    shift
  done
  script=$1
  shift
  words=$(sed -n 's/^# flux: \([^#]*\).*/\1/p' "$script")
  # Directives must be together.
  [ "$(sed -n '/^# flux:/,$p' "$script" | grep -c -m 2 -n '^# flux:' -v)" -le 2 ] || die 'batch: directives are not together'
  eval "options=($words \"\${options[@]}\")"
  for words in "${options[@]}"; do
    case $words in
      --job-name=* | --queue=* | --bank=*) ;;
      --nodes=* | -N=*) nodes=${words#*=} ;;
      --nslots=* | -n=*) slots=${words#*=} ;;
      --time-limit=* | -t=*) limit=$(seconds "${words#*=}") ;;
      --signal=*@*) warning=${words#*=SIG} && warning="${warning%@*} $(seconds "${warning#*@}")" ;;
      --output=*) output=${words#*=} ;;
      --dependency=afterok:*) after+=("$(number_of "${words##*:}")") || exit ;;
      *) die "batch: unrecognized arguments: $words" ;;
    esac
  done
  [ -n "$nodes$slots" ] || die 'batch: a number of slots or nodes is required'
  number=$(new_job)
  cp "$script" "$cluster/$number/script"
  echo "${slots:-$nodes}" >"$cluster/$number/cores"
  echo "$limit" >"$cluster/$number/limit"
  echo "$warning" >"$cluster/$number/warning"
  echo "${after[*]}" >"$cluster/$number/after"
  case $output in none | kvs) output=$cluster/$number/kvs ;; esac
  echo "${output//\{\{id\}\}/f$number}" >"$cluster/$number/output"
  pwd >"$cluster/$number/workdir"
  env -0 -u FLUX_URI -u FLUX_ENCLOSING_ID >"$cluster/$number/environment"
  : >"$cluster/$number/arguments"
  [ $# = 0 ] || printf '%s\0' "$@" >"$cluster/$number/arguments"
  enqueue "$number"
  echo "ƒ$number"
}

parent=
if [ "$1" = --parent ]; then
  parent=yes
  shift
fi
[ -z "${FLUX_ENCLOSING_ID:-}" ] || self=$cluster/${FLUX_ENCLOSING_ID#ƒ}
case "$1 ${2:-}" in
  '--live '*) live "$2" ;;
  'batch '*) batch "${@:2}" ;;
  'cancel '*) for number in "${@:2}"; do end_job "$(number_of "$number")" cancel; done ;;
  'job kill')
    [ "$3" = -s ] || die "job kill: $3"
    signal_job "$(number_of "$5")" "${4#SIG}"
    ;;
  'job timeleft') # in the batch script: what is left of its instance
    limit=$(cat "$self/limit")
    [ -n "$limit" ] || { echo 4294967295; exit; }
    left=$(($(cat "$self/began") + limit - $(date +%s)))
    echo $((left > 0 ? left : 0))
    ;;
  'resource list')
    case $* in
      *'-s up -n -o {ncores}') cat "$self/cores" ;;
      *'-s up -n -o {nnodes}') echo 1 ;;
      *'-s up -n -o {nodelist}') hostname ;;
      *) die "resource list: $*" ;;
    esac
    ;;
  'run '*)
    shift
    ranks=1
    while [ $# -gt 0 ]; do
      case $1 in
        -n) ranks=$2 ;;
        -c | -o) ;;
        -*) die "run: $1" ;;
        *) break ;;
      esac
      shift 2
    done
    [ "$ranks" -le "$(cat "$self/cores")" ] || die 'run: unsatisfiable request'
    # shellcheck disable=SC2086 # flags are words
    exec $MPIEXEC $MPIEXEC_FLAGS -n "$ranks" "$@"
    ;;
  *) die "not in the stand-in: $*" ;;
esac
