# shellcheck shell=bash disable=SC2034,SC2154 # variables of common.sh, and for it
# What is Flux's in a job; see common.sh. The script runs inside an instance of its own, whose job number FLUX_ENCLOSING_ID is.
suffix=flux
submit_folder=$PWD
job=${FLUX_ENCLOSING_ID/ƒ/f}
task=${BEELINE_TASK:-}
threads=${OMP_NUM_THREADS:-1} # of the shell that submitted

# A job that submits itself again goes on in the same log.
export BEELINE_LOG=${BEELINE_LOG:-$name-$job.log}
exec >>"$BEELINE_LOG" 2>&1
restarts=$(grep -c ' requeue=yes ' "$BEELINE_LOG")
cores=$(flux resource list -s up -n -o '{ncores}')
allocation="launcher=flux nodes=$(flux resource list -s up -n -o '{nnodes}') cores=$cores list=$(flux resource list -s up -n -o '{nodelist}')"

start_ranks() { # start_ranks RANKS ARGUMENT...: RANKS may be "" for all of the job, one for each core
  local ranks=${1:-$((cores / threads))}
  shift
  # A rank that dies takes the others along, after exit-timeout.
  # shellcheck disable=SC2086 # words, or nothing
  exec flux run -n "$ranks" -c "$threads" -o exit-timeout=5s $launcher_options "$beeline" "$@"
}

warn_ahead() { :; } # the directive --signal does

left=$(flux job timeleft) # a great number if there is no limit
deadline=$(($(date +%s) + ${left:-4294967295}))
time_limit_passed() { [ "$(date +%s)" -ge $((deadline - 10)) ]; }

# Flux does not put a running job back: it submits itself again, to the instance that runs it.
put_back() {
  [ -n "${BEELINE_SUBMITTED:-}" ] || return
  eval "parent=--parent bash \"\$here/submit.sh\" $BEELINE_SUBMITTED" && exit 75
}
