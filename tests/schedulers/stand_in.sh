# shellcheck shell=bash
# What the stand-ins for OpenPBS and Flux have in common; each sources it. A job is a folder $cluster/<number> with the files
#   script        as it was at submission
#   after         numbers of the jobs that must succeed first
#   limit         its time limit in seconds, or empty
#   warning       "SIGNAL SECONDS": the signal that comes so long before the limit, or empty
#   session       the first process of its session, while it runs
#   wish          cancel or rerun, once somebody wants that
#   runs          how often it was started
#   state         its exit status, or cancelled, once it has ended
# The stand-in defines start_job NUMBER, which replaces this shell by the script with the environment that the scheduler gives.
: "${cluster:?}" # the folder, from the test
kill_delay=${kill_delay:-5}

new_job() { # prints a number
  local number=1
  until mkdir "$cluster/$number" 2>/dev/null; do number=$((number + 1)); done
  touch "$cluster/$number/after" "$cluster/$number/limit" "$cluster/$number/warning"
  echo 0 >"$cluster/$number/runs"
  echo $number
}

# Signals go to all processes of a job, and a job is a session.
signal_job() { # NUMBER SIGNAL [SESSION]: with SESSION only if it is still that one
  local session stat line
  session=$(cat "$cluster/$1/session" 2>/dev/null) && [ "${3:-$session}" = "$session" ] || return
  for stat in /proc/[0-9]*/stat; do
    read -r line 2>/dev/null <"$stat" || continue
    # shellcheck disable=SC2086 # fields: state, parent, group, session
    set -- "$1" "$2" ${line##*) }
    [ "$6" != "$session" ] || kill "-$2" "${line%% *}" 2>/dev/null
  done
}
end_job() { # NUMBER WISH
  local session
  session=$(cat "$cluster/$1/session" 2>/dev/null)
  [ -e "$cluster/$1/session" ] || { [ -e "$cluster/$1/state" ] || echo cancelled >"$cluster/$1/state"; return; }
  echo "$2" >"$cluster/$1/wish"
  signal_job "$1" TERM
  (sleep "$kill_delay" && signal_job "$1" KILL "$session") </dev/null >/dev/null 2>&1 &
}

# The life of a job, from the queue to its end.
live() { # NUMBER
  local job=$cluster/$1 before status keeper
  # shellcheck disable=SC2013 # numbers
  for before in $(cat "$job/after"); do
    until [ -e "$cluster/$before/state" ]; do sleep 0.1; done
    [ "$(cat "$cluster/$before/state")" = 0 ] || { echo cancelled >"$job/state"; return; }
  done
  while [ ! -e "$job/state" ]; do
    echo $(($(cat "$job/runs") + 1)) >"$job/runs"
    (start_job "$1") </dev/null &
    echo $! >"$job/session"
    keeper=
    [ -z "$(cat "$job/limit")" ] || { watch "$1" & keeper=$!; }
    wait "$(cat "$job/session")"
    status=$?
    [ -z "$keeper" ] || kill "$keeper" 2>/dev/null
    signal_job "$1" KILL # a scheduler leaves nothing behind
    rm "$job/session"
    case $(cat "$job/wish" 2>/dev/null) in
      rerun) rm "$job/wish" ;;
      cancel) echo cancelled >"$job/state" ;;
      *) echo $status >"$job/state" ;;
    esac
  done
}
watch() { # NUMBER: the clock
  local limit warning signal
  limit=$(cat "$cluster/$1/limit")
  read -r signal warning <"$cluster/$1/warning"
  if [ -n "${signal:-}" ]; then
    sleep $((limit - warning))
    limit=$warning
    signal_job "$1" "$signal"
  fi
  sleep "$limit"
  signal_job "$1" TERM
  sleep "$kill_delay"
  signal_job "$1" KILL
}
enqueue() { # NUMBER: without a place in the environment, session or files of the one who submits
  setsid bash "$0" --live "$1" </dev/null >>"$cluster/log" 2>&1 &
}
# Names of variables of this test and its MPI, which a machine of its own would have by itself.
of_the_machine() { compgen -e | grep -E '^(cluster|kill_delay|allow_qrerun|bin|MPIEXEC|OMPI_|PRTE_|MPIR_|LD_LIBRARY|[A-Z]*SAN_OPTIONS)'; }
