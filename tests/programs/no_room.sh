#!/bin/bash
# Short of address space or of inodes: one line that names what is short, and no crash in a library.
. "$top_srcdir/tests/support/bits.sh"
export OMP_NUM_THREADS=1
run 0 pretrain roll.yaml --output roll
tried=0

# within KIB ARGUMENT...: it works, or says what memory is short of, in one line and before a minute is over.
within() {
  size=$1
  shift
  (ulimit -v "$size" && exec timeout 60 "$BEELINE" "$@") >output 2>said </dev/null
  status=$?
  tried=$((tried + 1))
  test $status -ne 0 || return 0
  test $status -eq 1 || complain "beeline $* in $size KiB: exit status $status: $(cat said)"
  test "$(grep -c 'out of memory.*the address space of a process is limited to' said)" = 1 || complain "beeline $* in $size KiB: $(cat said)"
}

# A program with the sanitizers has terabytes of addresses; what libraries alone take differs from system to system.
least=$( (for size in 150000 200000 250000 300000 400000 500000; do
  (ulimit -v $size && exec timeout 20 "$BEELINE" --version) >output 2>&1 && echo $size && break
done) 2>/dev/null)
if test -n "$least"; then
  for more in 0 30000 80000 130000 180000 230000 300000 400000; do
    within $((least + more)) inspect roll.nc
    within $((least + more)) sample roll.yaml --set sampler.count=8 --output few.nc
    within $((least + more)) pretrain roll.yaml --set learner.rounds=2 --output short
    rm -rf short
  done
  # Short only when a checkpoint is made, in memory.
  for more in 330000 360000 390000 420000 450000 480000 510000; do
    within $((least + more)) pretrain roll.yaml --set 'network.widths=[2000, 2000]' --set learner.rounds=1 --output short
    rm -rf short
  done
  within "$least" inspect roll.nc
  said '256 MiB'
  export OMP_NUM_THREADS=4 # OpenBLAS starts threads before us
  within 300000 inspect roll.nc
  export OMP_NUM_THREADS=1
else
  echo 'no limit to the address space was tried: the program does not start with any'
fi

cat >inodes.sh <<'END'
mount -t tmpfs -o nr_inodes=14,size=20m tmpfs disk || exit 20
mkdir disk/run || exit 21
number=0
while test $number -lt 40 && touch disk/file$number 2>/dev/null; do
  number=$((number + 1))
done
try() {
  where=$1
  shift
  "$BEELINE" "$@" >said 2>&1 </dev/null
  status=$?
  test $status -eq 74 || { echo "$* with $where inodes: exit status $status: $(cat said)"; exit 1; }
  grep -q 'No space left on device: the file system has no inodes left (df -i)' said || { echo "$* with $where inodes: $(cat said)"; exit 1; }
}
try 0 import --set import.format=swiss_roll --output disk/new.nc
try 0 import --set import.format=swiss_roll --output disk/new/new.nc
try 0 sample roll.yaml --set sampler.count=8 --output disk/few.nc
try 0 pretrain roll.yaml --output disk/run
try 0 pretrain roll.yaml --output disk/more
rm disk/file0
try 1 import --set import.format=swiss_roll --output disk/new.nc
try 1 pretrain roll.yaml --output disk/run
END
mkdir disk
unshare -rm true 2>/dev/null && unshare -rm sh inodes.sh >inodes.log 2>&1
status=$?
if test $status -eq 0; then
  tried=$((tried + 7))
elif test $status -eq 20 || ! test -s inodes.log; then
  echo 'a disk without inodes was not tried: no name space of our own'
else
  complain "step $status: $(cat inodes.log)"
fi
echo "$tried commands tried"
test $failures -eq 0
