#!/bin/sh
# A run that is there is never replaced without a word, and a resume is told by what it depends on: key by key, and by what the
# files that it reads hold, wherever they are.
. "$top_srcdir/tests/support/bits.sh"

# keeps FILE COMMAND...: the command leaves the file as it is.
keeps() {
  kept=$1
  shift
  cksum <"$kept" >before
  "$@"
  cksum <"$kept" | cmp -s - before || complain "$*: $kept is another file now"
}

# ---- Finished --------------------------------------------------------------------------------------------------------

training='pretrain roll.yaml'
run 1 $training --output roll
test -s roll/final.nc || complain "a finished run keeps no final.nc: $(ls roll)"
test -e roll/run.lock && complain 'the lock stays after the run'
keeps roll/model.nc refuse 0 'roll holds a finished run (model.nc)' $training --output roll
keeps roll/model.nc refuse 2 'roll holds a finished run (model.nc)' $training --seed 2 --output roll
keeps roll/record.nc refuse 0 'seed was 1, is now 2' $training --seed 2 --resume --output roll
keeps roll/model.nc refuse 2 'network.widths was [24, 24], is now [24, 32]' $training --set 'network.widths=[24, 32]' --resume --output roll
said 'roll/model.nc: made with another configuration'
said 'by --overwrite'
keeps roll/model.nc refuse 0 'learner.rounds was 12, is now 11' $training --set learner.rounds=11 --resume --output roll
keeps roll/model.nc run 1 $training --resume --output roll
said 'finished already'

# Longer: from the last checkpoint, with the bits of a run that was as long from the start.
run 1 $training --set learner.rounds=20 --output long
cp -r roll longer
run 2 $training --set learner.rounds=20 --resume --output longer
said 'resuming from longer/final.nc'
said 'of a run of fewer rounds'
same longer long 'pretrain, longer'
run 1 $training --set checkpoint.final=false --output short
test -e short/final.nc && complain 'checkpoint.final=false: final.nc is there'
keeps short/model.nc refuse 0 'no checkpoint is there to go on from' $training --set learner.rounds=20 --resume --output short
run 1 $training --set checkpoint.final=false --set checkpoint.milestones=5 --output stones
run 1 $training --set learner.rounds=20 --resume --output stones
said 'resuming from stones/kept-000010.nc'
same stones long 'pretrain, longer, from a milestone'
run 1 $training --set checkpoint.stop=7 --output half
run 1 $training --set learner.rounds=20 --resume --output half
same half long 'pretrain, longer, from a checkpoint'

# --overwrite says otherwise.
cp -r roll over
echo mine >over/notes.txt
run 1 $training --seed 2 --set checkpoint.stop=7 --overwrite --output over
test -e over/model.nc && complain "what is replaced stays beside the new run: $(ls over)"
test -e over/notes.txt || complain '--overwrite deleted a file that is of no run'
run 1 $training --seed 2 --resume --overwrite --output over
said 'resuming from over/checkpoint-000007.nc'
run 1 $training --seed 2 --resume --overwrite --output over
said 'finished already'
run 1 $training --resume --overwrite --output over
said 'seed was 2, is now 1'
said 'replaced, as --overwrite asks'
same over roll 'pretrain, over another run'
run 1 $training --overwrite --output fresh
same fresh roll 'pretrain, --overwrite where nothing is'

# A damaged model is made again from the last checkpoint, or refused.
cp -r roll bad
printf 'damaged!' | dd of=bad/model.nc bs=1 seek=2000 conv=notrunc 2>dd.log
run 1 $training --resume --output bad
said 'model.nc.damaged'
same bad roll 'pretrain, a damaged model'
rm bad/final.nc
printf 'damaged!' | dd of=bad/model.nc bs=1 seek=2000 conv=notrunc 2>dd.log
keeps bad/model.nc refuse 0 'a finished run is not trained anew without a word' $training --resume --output bad

# ---- Not measured yet ------------------------------------------------------------------------------------------------

tuning="finetune roll.yaml $roll_tuning --set checkpoint.every=0"
run 1 $tuning --set metrics.count=64 --output tuned
grep 'after fine-tuning' tuned/summary.txt >expected
run 1 $tuning --set metrics.count=300000 --set checkpoint.final=false --output whole &
rest=$!
kill_at measured/model.nc $tuning --set metrics.count=300000 --output measured
wait $rest
test -e measured/summary.txt && complain 'the measurement was over too soon for this test'
run 2 $tuning --set metrics.count=300000 --resume --output measured
test -s measured/summary.txt && test -s measured/before-after.png || complain "no measurement: $(ls measured)"
grep 'after fine-tuning' measured/summary.txt >found
grep 'after fine-tuning' whole/summary.txt | cmp -s - found || complain "another measurement: $(cat found whole/summary.txt)"
# Of an earlier version: no checkpoint either.
rm measured/summary.txt measured/before-after.png measured/final.nc
keeps measured/model.nc run 1 $tuning --set metrics.count=300000 --resume --output measured
said 'this run is finished but for its last measurement'
grep 'after fine-tuning' measured/summary.txt | cmp -s - found || complain "another measurement: $(cat measured/summary.txt)"

# ---- What it reads ---------------------------------------------------------------------------------------------------

run 1 $tuning --set checkpoint.stop=3 --output moved
mkdir elsewhere
cp roll.nc elsewhere/same.nc
run 1 $tuning --resume --set checkpoint.stop=1 --set "data.file=$PWD/elsewhere/same.nc" --output moved
mkdir -p other/place
cp roll.yaml roll.nc other/place && cp -r roll other/place
run 1 finetune other/place/roll.yaml ${tuning#finetune roll.yaml} --resume --output moved
same moved tuned 'finetune, with its inputs moved'
run 1 $tuning --set checkpoint.stop=3 --output data
run 1 import --set import.format=swiss_roll --set import.count=200 --seed 5 --output elsewhere/others.nc
refuse 0 "the content of data.file (elsewhere/others.nc)" $tuning --resume --set data.file=elsewhere/others.nc --output data
cp roll.nc kept.nc
cp elsewhere/others.nc roll.nc
refuse 2 'the content of data.file (roll.nc)' $tuning --resume --output data
cp -r roll kept
cp long/model.nc roll/model.nc
cp kept.nc roll.nc
refuse 0 'the content of model.file (roll/model.nc)' $tuning --resume --output data
cp kept/model.nc roll/model.nc
# The same points again, imported another time.
run 1 import --set import.format=swiss_roll --set import.count=200 --output roll.nc
run 1 $tuning --resume --output data
same data tuned 'finetune, with its data imported again'

# ---- What computes it ------------------------------------------------------------------------------------------------

run 1 $tuning --set checkpoint.stop=3 --output threads
OMP_NUM_THREADS=3 launch 0 $tuning --resume --output threads || complain "three threads: $(cat said)"
said '1 thread a rank'
said 'goes on on'
"$BEELINE" inspect threads/model.nc | grep 'machine' >said
said '; after round 3: '
cat >ranks.sh <<'END'
#!/bin/sh
rank=${OMPI_COMM_WORLD_RANK:-$PMI_RANK}
test "$rank" = 0 || OMP_NUM_THREADS=2
OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export OMP_NUM_THREADS
exec "$@"
END
chmod +x ranks.sh
unset OMP_NUM_THREADS
$MPIEXEC $MPIEXEC_FLAGS -n 2 ./ranks.sh "$BEELINE" $training --output unlike >said 2>&1 </dev/null || complain "unlike ranks: $(cat said)"
said '1 of 2 ranks compute otherwise than rank 0'
finish
