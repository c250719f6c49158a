#!/bin/bash
# cluster.sh [-n NODES] [-c CPUS] COMMAND...: COMMAND inside a private Slurm of virtual nodes n1, n2, ..., in name spaces of
# its own (processes, mounts, network, host names), each node with its own host name and /dev/shm. Returns what COMMAND
# returned; everything dies and vanishes with it. 77 with a reason where that is not possible.
# COMMAND finds the cluster's folder in $cluster, the functions start_node N [-c] and kill_node N, and as_user COMMAND...,
# which does it as an ordinary user whom only these name spaces know; $ordinary is that user's name, empty without root.
# Jobs of the partition urgent push those of main off their nodes, after $grace seconds.
set -u

lack() {
  echo "skipped: $*"
  exit 77
}

# ---- Outside -------------------------------------------------------------------------------------------------------------

if [ "${1:-}" != --inside ]; then
  nodes=4 cpus=2
  while getopts n:c: option; do
    case $option in
      n) nodes=$OPTARG ;;
      c) cpus=$OPTARG ;;
      *) exit 99 ;;
    esac
  done
  shift $((OPTIND - 1))
  PATH=$PATH:/usr/sbin:/sbin
  for program in slurmctld slurmd munged sbatch unshare setpriv ip mpirun; do
    command -v $program >/dev/null || lack "no $program (Debian packages slurm-wlm munge iproute2 util-linux openmpi-bin)"
  done
  spaces='--mount --pid --fork --kill-child --net --ipc --uts --mount-proc'
  [ "$(id -u)" = 0 ] || spaces="--map-current-user --keep-caps $spaces"
  unshare $spaces true 2>/dev/null || lack 'name spaces are forbidden here (unshare failed)'
  cluster=$(mktemp -d "${TMPDIR:-/tmp}/slurm.XXXXXX") || exit 99
  export cluster nodes cpus
  setpriv --pdeathsig KILL unshare $spaces bash "$0" --inside "$@" &
  child=$!
  trap 'kill -KILL $child' TERM INT HUP # unshare --fork ignores SIGTERM
  wait $child
  status=$?
  rm -rf "$cluster"
  exit $status
fi

# ---- Inside, as the first process of the name spaces --------------------------------------------------------------------

shift
mount --make-rprivate /
# getaddrinfo takes a machine with no address but 127.0.0.1 for one without IPv4.
ip link set lo up && ip addr add 127.0.0.2/8 dev lo && hostname ctl || lack 'no network in a name space'
# Open MPI 5 crashes in a Slurm job on a machine that has no interface but lo (PRRTE 3.0.8, prte_check_host_is_local).
ip link add wire type veth peer name end && ip addr add 10.255.255.1/24 dev wire && ip link set wire up && ip link set end up
cd "$cluster" && mkdir etc munge state spool log run tmp home && chmod 755 . munge || exit 99
{
  echo '127.0.0.1 localhost ctl'
  for i in $(seq "$nodes"); do echo "127.0.0.1 n$i"; done
} >etc/hosts
mount --bind etc/hosts /etc/hosts || lack 'cannot mount in a name space'
export ordinary=
if [ "$(id -u)" = 0 ]; then
  ordinary=ordinary user=54321
  while getent passwd $user || getent group $user; do user=$((user + 1)); done >/dev/null
  { cat /etc/passwd && echo "$ordinary:x:$user:$user::$cluster/home:/bin/bash"; } >etc/passwd
  { cat /etc/group && echo "$ordinary:x:$user:"; } >etc/group
  chown $user:$user home && mount --bind etc/passwd /etc/passwd && mount --bind etc/group /etc/group || exit 99
fi
as_user() { setpriv --reuid $ordinary --regid $ordinary --clear-groups env HOME="$cluster/home" USER=$ordinary "$@"; }
(umask 077 && head -c 128 /dev/urandom >munge/key)
# A folder of its own for each job: in a common one Open MPI fails when a job ends, and removes it, while another begins.
cat >etc/prolog <<END
#!/bin/sh
mkdir -p $cluster/tmp/\$SLURMD_NODENAME/\$SLURM_JOB_ID
echo export OMPI_MCA_orte_tmpdir_base=$cluster/tmp/\$SLURMD_NODENAME/\$SLURM_JOB_ID
echo export PRTE_MCA_prte_tmpdir_base=$cluster/tmp/\$SLURMD_NODENAME/\$SLURM_JOB_ID
END
chmod +x etc/prolog
cat >etc/slurm.conf <<END
ClusterName=test
SlurmctldHost=ctl(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
CredType=cred/munge
# A job that was put back waits until its credentials have expired: 120 s by default.
AuthInfo=socket=$cluster/munge/sock,cred_expire=5
SlurmctldPort=6817
SrunPortRange=20000-20999
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool/%n
TmpFS=$cluster/tmp/%n
SlurmctldPidFile=$cluster/run/slurmctld.pid
SlurmdPidFile=$cluster/run/slurmd.%n.pid
SlurmctldLogFile=$cluster/log/slurmctld.log
SlurmdLogFile=$cluster/log/slurmd.%n.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
TaskProlog=$cluster/etc/prolog
JobAcctGatherType=jobacct_gather/linux
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SwitchType=switch/none
MpiDefault=pmix
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=10
KillWait=5
MinJobAge=600
MessageTimeout=10
BatchStartTimeout=10
TCPTimeout=2
JobRequeue=1
EnforcePartLimits=ALL
SlurmdParameters=config_overrides
PropagateResourceLimits=NONE
NodeName=DEFAULT CPUs=$cpus Boards=1 SocketsPerBoard=1 CoresPerSocket=$cpus ThreadsPerCore=1 RealMemory=1000 State=UNKNOWN
END
for i in $(seq "$nodes"); do echo "NodeName=n$i NodeHostname=n$i NodeAddr=127.0.0.1 Port=$((6820 + i))"; done >>etc/slurm.conf
export grace=30
cat >>etc/slurm.conf <<END
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
# What warns of a time limit warns of this too; otherwise the script hears nothing before the end of the grace time.
SlurmctldParameters=preempt_send_user_signal
PartitionName=main Nodes=n[1-$nodes] Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=$grace
PartitionName=urgent Nodes=n[1-$nodes] MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
END
echo CgroupPlugin=cgroup/v1 >etc/cgroup.conf
export SLURM_CONF=$cluster/etc/slurm.conf
# Many ranks on few cores, all of them on one machine.
export OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo

start_node() { # N [-c]: with -c it forgets jobs that it had
  mkdir -p "$cluster/tmp/n$1" "$cluster/spool/n$1"
  chmod 1777 "$cluster/tmp/n$1" # for every user's temporary files
  unshare --mount --uts sh -c "hostname n$1; mount -t tmpfs -o size=512m tmpfs /dev/shm; exec slurmd -f $SLURM_CONF -N n$1 ${2:-}"
}
# All processes with the host name of the node, and all at once: none may live to report the death of another.
kill_node() { # N
  local space victims=()
  space=$(readlink "/proc/$(cat "$cluster/run/slurmd.n$1.pid")/ns/uts")
  for entry in /proc/[0-9]*; do
    [ "$(readlink "$entry/ns/uts" 2>/dev/null)" = "$space" ] && victims+=("${entry#/proc/}")
  done
  kill -STOP "${victims[@]}" 2>/dev/null
  kill -KILL "${victims[@]}" 2>/dev/null
}
export -f start_node kill_node as_user

fail() {
  echo "the cluster does not start: $*" >&2
  tail -n 5 log/*.log >&2
  exit 99
}
munged --force --key-file="$cluster/munge/key" --socket="$cluster/munge/sock" --pid-file="$cluster/munge/pid" \
  --log-file="$cluster/munge/log" --seed-file="$cluster/munge/seed" || fail munged
slurmctld -f "$SLURM_CONF" -c -i || fail slurmctld
for i in $(seq "$nodes"); do start_node "$i" -c || fail "slurmd of n$i"; done
idle() { sinfo -h -N -p main -t idle -o %N 2>/dev/null | wc -l; }
for _ in $(seq 100); do
  [ "$(idle)" = "$nodes" ] && break
  sleep 0.1
done
[ "$(idle)" = "$nodes" ] || fail "$(idle) of $nodes nodes are idle"
cd / || exit 99
"$@" &
wait $!
exit $?
