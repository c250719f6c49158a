#!/bin/sh
# A run that was interrupted, stopped or killed, and went on with --resume on other ranks has the bits of one that was not:
# the same model and the same record. And what --resume refuses.
. "$top_srcdir/tests/support/bits.sh"

# begin FOLDER RANKS ARGUMENT...: begin a run that stops early.
begin() {
  folder=$1
  shift
  ranks=$1
  shift
  run "$ranks" "$@" --output "$folder" && said 'go on with --resume'
  test ! -e "$folder/model.nc" || complain "$folder: a stopped run wrote model.nc"
}

# ---- Stopped ---------------------------------------------------------------------------------------------------------

run 1 pretrain roll.yaml --output roll
begin pretrained 3 pretrain roll.yaml --set checkpoint.stop=7
run 2 pretrain roll.yaml --resume --roles 1:0:2 --output pretrained
said 'resuming from pretrained/checkpoint-000007.nc'
same pretrained roll 'pretrain, stopped after 7 steps'

# A row of a long run stands for several steps: a stop in the middle of them loses none.
long='pretrain roll.yaml --set learner.rounds=3000 --set checkpoint.every=0'
run 1 $long --output long
begin between 2 $long --set checkpoint.stop=7
run 1 $long --resume --set checkpoint.stop=1 --output between
run 1 $long --resume --output between
same between long 'pretrain, stopped between two rows'

tuning="finetune roll.yaml $roll_tuning"
run 1 $tuning --output tuned
begin stopped 2 $tuning --set checkpoint.stop=1
run 4 $tuning --resume --set checkpoint.stop=2 --roles 2:2:1 --output stopped
run 3 $tuning --resume --output stopped
same stopped tuned 'finetune, stopped twice'
ls stopped | grep -q checkpoint && complain "a finished run keeps checkpoints: $(ls stopped)"

run 1 $tuning --resume --output stopped
said 'finished already'
said '6 rounds'
same stopped tuned 'finetune, resumed when finished'

run 1 pretrain roll.yaml --output teacher
distilling='distill roll.yaml --set learner.name=distill --set learner.rounds=1500 --set distill.first=4 --set distill.last=1
  --set model.file=teacher/model.nc --set checkpoint.every=0'
run 1 $distilling --output distilled
begin student 1 $distilling --set checkpoint.stop=1601
run 1 $distilling --resume --output student
same student distilled 'distill, stopped between two rows'

# f and V go on from a checkpoint that another run kept: learning that moves nothing leaves them as they were there.
judges_of() { "$BEELINE" inspect "$1" 2>&1 | sed -n 's/^  \(critic\|value\) .* \([0-9a-f]\{8\}\)$/\1 \2/p'; }
still='--set critic.optimiser.rate.first=1e-30 --set value.optimiser.rate.first=1e-30 --set checkpoint.stop=1'
run 1 $tuning --set checkpoint.milestones=4 --output stones
begin fresh 1 $tuning $still
for ranks in 1 3; do
  begin "from-$ranks" $ranks $tuning $still --set critic.start=stones/kept-000004.nc
  test "$(judges_of "from-$ranks/checkpoint-000001.nc")" = "$(judges_of stones/kept-000004.nc)" ||
    complain "critic.start on $ranks ranks: $(judges_of "from-$ranks/checkpoint-000001.nc"), expected $(judges_of stones/kept-000004.nc)"
done
test "$(judges_of fresh/checkpoint-000001.nc | wc -l)" = 2 || complain "no f and V in $(ls fresh)"
test "$(judges_of fresh/checkpoint-000001.nc)" = "$(judges_of stones/kept-000004.nc)" && complain 'fresh f and V are those of another run'

# ---- Killed ----------------------------------------------------------------------------------------------------------

# A run long enough to be killed in the middle: as soon as it has a checkpoint, which stays, and some rows after it.
killed="finetune roll.yaml $roll_tuning --set learner.rounds=600 --set checkpoint.every=25 --set checkpoint.keep=30
  --set learner.optimiser.rate.decay=linear --set learner.optimiser.start_decay=20"
run 1 $killed --output whole
kill_at killed/checkpoint-000100.nc $killed --output killed
test -e killed/model.nc && complain "the run ended before it was killed"
refuse 0 'go on with --resume, or choose another folder' $killed --output killed
run 3 $killed --resume --roles 2:1:2 --output killed
said 'resuming from'
same killed whole 'finetune, killed'
ls -A killed | grep -q partial && complain "left behind: $(ls -A killed)"

# Killed between model.nc and the table: the model is there, and the checkpoints still are.
begin measured 1 $tuning --set checkpoint.stop=5
cp tuned/model.nc measured/model.nc
run 2 $tuning --resume --output measured
said 'resuming from measured/checkpoint-000005.nc'
test -s measured/summary.txt || complain "a run that was killed while measuring has no table"
same measured tuned 'finetune, killed while measuring'

# ---- Damaged ---------------------------------------------------------------------------------------------------------

# damage FILE: other bytes in the middle.
damage() {
  size=$(wc -c <"$1")
  printf 'damaged!' | dd of="$1" bs=1 seek=$((size / 2)) conv=notrunc 2>dd.log || complain "dd: $(cat dd.log)"
}

for how in middle cut empty; do
  begin damaged 1 $tuning --set checkpoint.stop=5
  newest=damaged/checkpoint-000005.nc
  case $how in
    middle) damage $newest ;;
    cut) head -c 3000 $newest >part && mv part $newest ;;
    empty) : >$newest ;;
  esac
  run 2 $tuning --resume --output damaged
  said 'looking for the checkpoint before it'
  said 'resuming from damaged/checkpoint-000004.nc'
  same damaged tuned "newest checkpoint damaged ($how)"
  rm -r damaged
done
begin damaged 1 $tuning --set checkpoint.stop=5
for file in damaged/checkpoint-*.nc; do damage "$file"; done
refuse 0 'none of its 2 checkpoints is intact' $tuning --resume --output damaged

# ---- No room for a checkpoint ----------------------------------------------------------------------------------------

# A limit of the size of files stands for a full disk. MPI's own files must not need it: no launcher, no shared memory.
begin full 1 $tuning --set checkpoint.stop=3
(ulimit -f 100 && PMIX_MCA_gds=hash OMPI_MCA_ess_singleton_isolated=1 OMPI_MCA_btl=self "$BEELINE" $tuning --resume --output full) >said 2>&1 </dev/null
test $? -eq 74 || complain "a checkpoint without room: $(cat said)"
said 'bytes are needed'
test "$(cd full && echo *.nc)" = 'checkpoint-000002.nc checkpoint-000003.nc record.nc' || complain "no room: $(ls full)"
run 1 $tuning --resume --output full
said 'resuming from full/checkpoint-000003.nc'
same full tuned 'after a checkpoint without room'

# ---- Another configuration -------------------------------------------------------------------------------------------

begin other 1 $tuning --set checkpoint.stop=3
refuse 0 'made with another configuration' $tuning --resume --set learner.n_critic=2 --output other
refuse 0 'made with another configuration' $tuning --resume --set seed=2 --output other
run 1 $tuning --resume --output other
same other tuned 'after a refused configuration'
finish
