#!/bin/sh
# Programs that a launcher started as one job, and that MPI takes for jobs of their own, stop at once, say what to do and leave
# nothing; what looks like it and is legitimate runs.
. "$top_srcdir/tests/support/script.sh"

# of_launcher "VARIABLE=VALUE..." RANKS ARGUMENT...: as `launch`, in such an environment.
of_launcher() {
  variables=$1
  shift
  # shellcheck disable=SC2163 # NAME=VALUE words
  (export $variables && launch "$@")
}

import='import --set import.format=swiss_roll --set import.count=20'
for variables in 'PMI_SIZE=2' 'SLURM_STEP_NUM_TASKS=2 SLURM_NTASKS=2' 'PALS_RANKID=1' 'FLUX_JOB_SIZE=2' 'MPI_LOCALNRANKS=2' \
  'OMPI_COMM_WORLD_SIZE=2 PMIX_RANK=0'; do
  began=$(date +%s)
  of_launcher "$variables" 0 $import --output refused.nc
  status=$?
  test $status -eq 2 || complain "$variables: exit status $status, expected 2: $(cat said)"
  said 'but MPI says 1: they are not ranks of one job'
  said "(${variables%% *})"
  said 'the mpirun that belongs to '
  test $(($(date +%s) - began)) -le 20 || complain "$variables: refused after $(($(date +%s) - began)) s"
  test ! -e refused.nc || complain "$variables: a file was written"
done

# Two of them at once in one folder, as srun without PMIx starts them: neither writes.
cat >roll.yaml <<YAML
data: {file: roll.nc}
network: {kind: mlp, widths: [8]}
learner: {name: denoise, rounds: 2, batch: 8, micro_batch: 8}
YAML
run 0 $import --output roll.nc
for number in 0 1; do
  SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=$number "$BEELINE" pretrain roll.yaml --output run >said.$number 2>&1 </dev/null &
  last=$!
done
wait $last
test $? -eq 2 || complain "pretrain as one of two: $(cat said.1)"
wait
test ! -e run || complain "two programs in one folder: $(ls run)"

# The hint helps, an allocation is no launch, and commands that only print text need no MPI.
export SLURM_STEP_NUM_TASKS=2
env -u SLURM_STEP_NUM_TASKS "$BEELINE" inspect roll.nc >said 2>&1 || complain "inspect, as the message says: $(cat said)"
"$BEELINE" --help >said 2>&1 || complain "--help: $(cat said)"
unset SLURM_STEP_NUM_TASKS
of_launcher 'SLURM_JOB_ID=7 SLURM_NTASKS=64 SLURM_NPROCS=64 SLURM_PROCID=0 PBS_NP=64' 0 inspect roll.nc ||
  complain "by hand in an allocation: $(cat said)"
# A rank of mpirun in the step of its daemons; two ranks of four tasks.
of_launcher SLURM_STEP_NUM_TASKS=4 1 inspect roll.nc || complain "mpirun -n 1 in a step of 4: $(cat said)"
of_launcher SLURM_STEP_NUM_TASKS=4 2 inspect roll.nc || complain "mpirun -n 2 in a step of 4: $(cat said)"

# A process that is alone starts no other one.
if command -v strace >/dev/null && strace -o calls true 2>/dev/null; then
  strace -f -e trace=execve -o calls "$BEELINE" inspect roll.nc >said 2>&1 || complain "inspect below strace: $(cat said)"
  test "$(grep -c execve calls)" -eq 1 || complain "inspect starts other programs: $(cat calls)"
else
  echo 'whether a process that is alone starts others: not seen, without strace'
fi
test $failures -eq 0
