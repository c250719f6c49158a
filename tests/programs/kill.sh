#!/bin/sh
# Runs that are killed (SIGKILL) again and again, half of the times at a random moment and half of the times while a checkpoint
# is being written, on one rank and on two of which one is killed: each job ends within seconds, each can go on, and what comes
# out has the bits of a run that was left alone. KILLS says how many.
. "$top_srcdir/tests/support/bits.sh"
kills=${KILLS:-100}
tuning="finetune roll.yaml $roll_tuning --set learner.rounds=40 --set checkpoint.every=1 --set learner.optimiser.rate.decay=linear"
run 1 pretrain roll.yaml --output roll
run 1 $tuning --output whole

random() { # random BELOW
  echo $(($(od -An -N2 -tu2 /dev/urandom) % $1))
}

writing() { # whether a checkpoint is being written in a folder
  set -- "$1"/checkpoint-*.partial
  test -e "$1"
}

# wait_until SECONDS COMMAND...: until the command succeeds or the process is gone.
wait_until() {
  end=$(($(date +%s) + $1))
  shift
  while ! "$@" && kill -0 "$victim" 2>/dev/null && test "$(date +%s)" -lt $end; do sleep 0.002; done
}

killed=0
within=0
runs=0
lost=0
number=0
slowest=0
while test $killed -lt "$kills"; do
  number=$((number + 1))
  folder=run$number
  resume=
  # One run, killed until it is finished or there were kills enough.
  while test ! -e "$folder/model.nc" || ls "$folder" | grep -q '^checkpoint'; do
    if test $killed -ge "$kills"; then
      run 2 $tuning $resume --output "$folder" || lost=$((lost + 1))
      break
    fi
    ranks=$((1 + killed % 2))
    test $((killed / 2 % 2)) = 0 || rm -f "$folder"/*.partial # of earlier kills
    if test $ranks = 1; then
      "$BEELINE" $tuning $resume --output "$folder" >said 2>&1 </dev/null &
    else
      $MPIEXEC $MPIEXEC_FLAGS -n 2 "$BEELINE" $tuning $resume --output "$folder" >said 2>&1 </dev/null &
    fi
    victim=$!
    test $((killed / 2 % 2)) = 0 || wait_until 20 writing "$folder"
    test $((killed / 2 % 2)) = 1 || sleep "$(random 2).$(random 9)$(random 9)"
    target=$victim
    if test $ranks = 2; then
      target=$(pgrep -P $victim -f finetune | sed -n "$((1 + $(random 2)))p")
      target=${target:-$victim}
    fi
    during=0
    writing "$folder" && during=1
    if kill -9 "$target" 2>/dev/null; then
      killed=$((killed + 1))
      within=$((within + during))
    fi
    began=$(date +%s)
    wait $victim 2>/dev/null
    status=$?
    took=$(($(date +%s) - began))
    test $took -le $slowest || slowest=$took
    # A run that could not go on, rather than one that was killed, is lost.
    if test $status -eq 2; then
      complain "$folder cannot go on: $(cat said)"
      lost=$((lost + 1))
      break
    fi
    resume=
    set -- "$folder"/checkpoint-*.nc
    test ! -e "$1" || resume=--resume
  done
  runs=$((runs + 1))
  same "$folder" whole "run $number"
  echo "run $number: $killed kills so far, $within of them while a checkpoint was written; $failures failures"
  rm -rf "$folder"
done
echo "$killed kills, $within of them while a checkpoint was written; $runs runs, $lost lost; the slowest end took $slowest s"
test $within -gt 0 || complain 'no kill met a checkpoint that was being written'
finish
