#!/bin/bash
# Standard output that is full or closed fails with a message; a reader that goes away ends nothing; text of files cannot
# command a terminal; watch draws on any terminal; Ctrl-C once keeps the step, twice ends at once.
. "$top_srcdir/tests/support/bits.sh"

run 1 pretrain roll.yaml --output roll
run 0 sample roll.yaml --set sampler.count=50 --output drawn.nc

# ---- Lost output -----------------------------------------------------------------------------------------------------

# lost STATUS: the command that ran last ended so, with a line on standard error.
lost() {
  status=$?
  test $status -eq 1 || complain "$*: exit status $status, expected 1"
  grep -q 'standard output cannot be written, and what was printed is lost: ' errors || complain "$*: no line: $(cat errors)"
}

number=0
while read -r arguments; do
  number=$((number + 1))
  if test -w /dev/full; then
    "$BEELINE" ${arguments//OUT/full$number} >/dev/full 2>errors </dev/null
    lost "$arguments, full"
  fi
  "$BEELINE" ${arguments//OUT/closed$number} >&- 2>errors </dev/null
  lost "$arguments, closed"
done <<'END'
--help
--version
--defaults
inspect --help
inspect roll.nc
inspect roll/model.nc
inspect roll/record.nc
watch roll/record.nc
evaluate --set data.file=roll.nc --set metrics.samples=drawn.nc --output OUT.nc
sample roll.yaml --set sampler.count=50 --output OUT.nc
import --set import.format=swiss_roll --set import.count=20 --output OUT.nc
average roll/model.nc roll/model.nc --output OUT.nc
moments roll.yaml --set moments.count=20 --output OUT.nc
pretrain roll.yaml --output OUT
END
# The work is done all the same, and nothing was printed into its files.
for file in closed*.nc; do
  "$BEELINE" inspect "$file" >shown 2>&1 || complain "$file: $(cat shown)"
done
same closed$number roll 'pretrain, standard output closed'

# ---- Readers that go away --------------------------------------------------------------------------------------------

for arguments in --defaults 'inspect roll/model.nc' 'watch roll/record.nc'; do
  { "$BEELINE" $arguments 2>errors; echo $? >ended; } | true
  test "$(cat ended)" -eq 0 || complain "$arguments | true: exit status $(cat ended)"
  test ! -s errors || complain "$arguments | true: says $(cat errors)"
done
for ranks in 0 2; do
  launcher=
  test $ranks = 0 || launcher="$MPIEXEC $MPIEXEC_FLAGS -n $ranks"
  { $launcher "$BEELINE" pretrain roll.yaml --output piped$ranks 2>&1 </dev/null; echo $? >ended; } | head -n 1 >first
  test $ranks != 0 || test "$(cat ended)" -eq 0 || complain "pretrain | head: exit status $(cat ended)"
  test $ranks != 0 || same piped$ranks roll 'pretrain | head'
done

# ---- Text of files -----------------------------------------------------------------------------------------------------

# harmless FILE: no control character but line feeds, and none that turns text.
harmless() {
  LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]' "$1" &&
    complain "$2: a terminal obeys this: $(cat -v "$1")"
}

evil=$'a\033[2J\302\233b\342\200\256\nc\r'
mkdir -p "folder/$evil" folder/plain
cp "$top_srcdir/experiments/digits/before-after.png" "folder/$evil/1.png"
cp "$top_srcdir/experiments/digits/before-after.png" folder/plain/1.png
"$BEELINE" import --set import.format=folder --set import.images=folder --set import.resize=8 --output evil.nc >said 2>&1 ||
  complain "import: $(cat said)"
harmless said import
shows evil.nc 'a\\x1b\[2J\\u009bb\\u202e\\nc\\r$'
harmless shown 'inspect, names of classes'
cp roll.nc "$evil.nc"
"$BEELINE" inspect "$evil.nc" >shown 2>&1 || complain "inspect: $(cat shown)"
harmless shown 'inspect, name of a file'
printf '%s' "$evil" >broken.nc
for arguments in "inspect broken.nc" "inspect $evil" "pretrain roll.yaml --set learner.name=$evil" "pretrain $evil" "$evil" \
  "pretrain roll.yaml --set $evil=1" "pretrain roll.yaml --roles $evil" "pretrain roll.yaml --set data.file=$evil"; do
  IFS=' ' read -r -d '' -a words <<<"$arguments"
  "$BEELINE" "${words[@]}" >said 2>&1 && complain "$arguments: works"
  harmless said "message of: $arguments"
done
printf 'learner: {name: "b\\u202Ec"}\n' >evil.yaml
"$BEELINE" pretrain evil.yaml >said 2>&1 && complain 'pretrain evil.yaml: works'
harmless said 'value in YAML'
said 'b\u202ec'

# ---- Terminals ---------------------------------------------------------------------------------------------------------

for columns in 20 40 80; do
  COLUMNS=$columns "$BEELINE" watch roll/record.nc >picture 2>&1 || complain "watch, $columns columns: $(cat picture)"
  awk -v most=$columns 'length($0) > most { exit 1 }' picture || complain "watch, $columns columns: $(cat picture)"
  grep -q '[*]' picture || complain "watch, $columns columns: no curves: $(cat picture)"
done
if command -v script >/dev/null; then
  script -qec "stty cols 20 rows 24; TERM=dumb '$BEELINE' watch roll/record.nc" typescript >picture 2>&1 </dev/null ||
    complain "watch, TERM=dumb: $(cat picture)"
  grep -q "$(printf '\033')" picture && complain "watch, TERM=dumb: $(cat -v picture)"
  tr -d '\r' <picture | awk 'length($0) > 20 { exit 1 }' || complain "watch, 20 columns: $(cat -v picture)"
fi

# ---- Ctrl-C ------------------------------------------------------------------------------------------------------------

# begin ARGUMENT...: a run in the background that has made a checkpoint; $victim.
begin() {
  "$BEELINE" "$@" >said 2>&1 </dev/null &
  victim=$!
  tries=0
  while ! ls "$folder"/checkpoint-* >files 2>&1 && test $tries -lt 1200 && kill -0 $victim 2>/dev/null; do
    sleep 0.05
    tries=$((tries + 1))
  done
}
folder=once
begin pretrain roll.yaml --set learner.rounds=1000000 --set checkpoint.every=100 --output once
kill -INT $victim
wait $victim
status=$?
test $status -eq 75 || complain "pretrain: exit status $status after Ctrl-C, expected 75: $(tail -n 5 said)"
said 'Ctrl-C once more ends at once'
said 'go on with --resume'
# A step of half a minute.
"$BEELINE" pretrain roll.yaml --set 'network.widths=[4096, 4096]' --set learner.batch=200 --set learner.micro_batch=200 \
  --set learner.rounds=1000000 --output twice >said 2>&1 </dev/null &
victim=$!
tries=0
while test ! -e twice && test $tries -lt 1200 && kill -0 $victim 2>/dev/null; do
  sleep 0.05
  tries=$((tries + 1))
done
sleep 0.5
kill -INT $victim
sleep 0.1
kill -INT $victim || complain "nobody was left for the second Ctrl-C: $(tail -n 5 said)"
wait $victim
status=$?
test $status -eq 130 || complain "pretrain: exit status $status after Ctrl-C twice, expected 130: $(tail -n 5 said)"
finish
