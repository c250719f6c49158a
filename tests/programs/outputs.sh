#!/bin/sh
# An output never replaces what the same command reads, by whatever name, nor a thing that is no regular file.
. "$top_srcdir/tests/support/bits.sh"
run 1 pretrain roll.yaml --output roll
drawing='sample roll.yaml --set sampler.count=8'
run 1 $drawing --output drawn.nc
cp roll.yaml mine.yaml
mkdir other pictures
ln -s . here
count=0

# stays FILE WORDS ARGUMENT...: "beeline ARGUMENT..." is refused, and the file is as before.
stays() {
  kept=$1
  words=$2
  shift 2
  cksum <"$kept" >before
  refuse 0 "$words" "$@"
  cksum <"$kept" | cmp -s - before || complain "beeline $*: $kept was replaced"
  count=$((count + 1))
}
would='which this command reads'
for name in model.nc ./other/../model.nc "$PWD/model.nc" here/model.nc hard.nc soft.nc; do
  cp roll/model.nc model.nc
  ln -f model.nc hard.nc
  ln -sf model.nc soft.nc
  stays model.nc "$would" $drawing --set model.file=model.nc --output "$name"
  stays model.nc "$would" average model.nc roll/model.nc --output "$name"
  stays model.nc "$would" moments roll.yaml --set model.file=model.nc --output "$name"
done
stays mine.yaml "$would" sample mine.yaml --output mine.yaml
stays roll.nc "$would" $drawing --set sampler.moments=roll.nc --output roll.nc
cp roll.nc roll.part.nc
stays roll.part.nc "$would" $drawing --set model.file=roll.part.nc --output roll.nc
rm roll.part.nc
stays drawn.nc "$would" evaluate roll.yaml --set metrics.samples=drawn.nc --output here/drawn.nc
stays roll.nc "$would" evaluate roll.yaml --set metrics.samples=drawn.nc --output roll.nc
printf '\0\0\010\003\0\0\0\002\0\0\0\002\0\0\0\002abcdefgh' >images.idx
printf '\0\0\010\001\0\0\0\002\0\001' >labels.idx
stays images.idx "$would" import --set import.images=images.idx --output images.idx
stays labels.idx "$would" import --set import.images=images.idx --set import.labels=labels.idx --output other/../labels.idx
cp drawn.nc pictures/a.png
stays pictures/a.png 'would replace a file of import.images' import --set import.format=folder --set import.images=pictures --output pictures/a.png

# Folders of runs.
tuning="finetune roll.yaml $roll_tuning"
cp -r roll own
stays own/model.nc "$would" $tuning --set model.file=own/model.nc --output own
stays own/model.nc "$would" $tuning --set model.file=own/model.nc --overwrite --output ./other/../own
rm own/model.nc
stays own/final.nc "$would" $tuning --set model.file=own/final.nc --overwrite --output own
mkdir linked
ln -s ../roll/model.nc linked/model.nc
stays roll/model.nc "$would" $tuning --overwrite --output linked
stays roll/model.nc "$would" distill roll.yaml --set learner.name=distill --set distill.first=4 --overwrite --output linked
stays roll/model.nc "$would" pretrain roll.yaml --set network.start=roll/model.nc --overwrite --output roll
stays roll/model.nc "$would" moments roll.yaml --set moments.head=sn --overwrite --output roll
cat >table.yaml <<YAML
base: roll.yaml
set: [data.file=table.nc]
columns: [6]
seeds: [1]
samples: 8
rows:
  - name: DDPM
    set: [sampler.name=ddpm]
YAML
cp roll.nc table.nc
stays table.nc "$would" table table.yaml --output .
cp table.yaml other/table.md
cp roll.yaml roll.nc other && cp -r roll other
stays other/table.md "$would" table other/table.md --set data.file=roll.nc --output other

# ---- No regular file -------------------------------------------------------------------------------------------------

mkfifo pipe
for name in /dev/null pipe other; do
  refuse 0 "$name: is a" $drawing --output $name
  refuse 0 "$name: is a" import --set import.format=swiss_roll --output $name
done
test -c /dev/null || complain '/dev/null is no device any more'
test -p pipe || complain 'a pipe was replaced'
mkdir -p "a folder/run"
ln -s /dev/null "a folder/run/model.nc"
refuse 0 'model.nc: is a device' pretrain roll.yaml --output "a folder/run" --overwrite
ln -s ../elsewhere.nc other/link.nc
run 0 $drawing --output other/link.nc
test -L other/link.nc && test -s elsewhere.nc || complain 'a link was not written through'
chmod 640 elsewhere.nc
run 0 $drawing --output other/link.nc
test "$(stat -c %a elsewhere.nc)" = 640 || complain "permissions became $(stat -c %a elsewhere.nc)"
# ---- What was there is told ------------------------------------------------------------------------------------------

# replaces ARGUMENT...: nothing is said of a new file, and one line when it is there.
replaces() {
  rm -f twice.nc
  run 0 "$@" --output twice.nc
  if grep -q 'is replaced' said; then
    complain "beeline $*: of a new file: $(cat said)"
  fi
  run 0 "$@" --output twice.nc
  test "$(grep -c '^twice.nc was there and is replaced$' said)" = 1 || complain "beeline $* replaced a file: $(cat said)"
}
replaces $drawing
run 0 $drawing --output twice.nc --resume
if grep -q 'is replaced' said; then
  complain "--resume of a finished file: $(cat said)"
fi
replaces import --set import.format=swiss_roll --set import.count=20
replaces average roll/model.nc roll/model.nc
replaces moments roll.yaml
echo "$count outputs refused"
finish
