#!/bin/bash
# Build and test in a fresh root of another Debian: check.sh SOURCES [SUITE]. SOURCES is a git checkout, whose last commit is
# taken; SUITE is the Debian that this machine is not, of 12 and 13, if not given. As root. Ends with "N passed, N failed", with
# the exit status 77 and the reason where this machine cannot have such a root.
set -u
sources=$(cd "$1" && pwd) || exit 99
own=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")
other=trixie
[ "$own" = trixie ] && other=bookworm
suite=${2:-$other}

lack() {
  echo "skipped: $*"
  exit 77
}
[ "$(id -u)" = 0 ] || lack "debootstrap needs root"
command -v debootstrap >/dev/null || lack "debootstrap is not installed (Debian debootstrap)"
unshare --mount --pid --fork true 2>/dev/null || lack "name spaces are forbidden here"

work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM
root=$work/root
echo "A root of $suite below $work"
debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" >"$work/debootstrap.log" 2>&1 </dev/null || {
  tail -n 5 "$work/debootstrap.log"
  lack "debootstrap $suite failed, see above"
}
git -c safe.directory='*' clone -q "file://$sources" "$root/root/beeline" || exit 99

# What runs inside. The whole `make check` of the machine's own Debian is the other half of CI; here the compiled tests of every
# folder, the two scripts that compare bits on 1 to 4 ranks and after interruptions, the installed library, and two rounds of the
# main job.
cat >"$root/root/inside.sh" <<'END'
set -u
export DEBIAN_FRONTEND=noninteractive HOME=/root LC_ALL=C.UTF-8
unset MAKEFLAGS MFLAGS MAKELEVEL # of the make that called this
cd /root/beeline || exit 99
apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends $(grep -v '^#' build-aux/debian-packages.txt) >/dev/null ||
  { echo "the packages of this Debian cannot be installed"; exit 77; }
. /etc/os-release && echo "$PRETTY_NAME"
failed=0
complain() {
  echo "FAILED: $*"
  failed=$((failed + 1))
}
./bootstrap >/dev/null 2>&1 && mkdir build && cd build && ../configure >configure.log || { tail -n 30 configure.log config.log; exit 1; }
grep -E '^ *(oneDNN|netCDF|compiler) ' configure.log
make -j2 >make.log 2>&1 || { tail -n 40 make.log; echo "0 passed, 1 failed"; exit 1; }
compiled=$(printf 'include Makefile\nlist: ; @echo $(TESTS)\n' | make -s -f - list | tr ' ' '\n' | grep -v '\.sh$' | tr '\n' ' ')
make -k check -j2 TESTS="$compiled tests/programs/same_bits.sh tests/programs/resume.sh" >check.log 2>&1
for result in tests/*/*.trs; do
  grep -q 'global-test-result: \(FAIL\|ERROR\|XPASS\)' "$result" || continue
  complain "$result"
  tail -n 30 "${result%.trs}.log"
done
passed=$(grep -l 'global-test-result: PASS' tests/*/*.trs | wc -l)
[ "$passed" -ge 100 ] || { complain "only $passed tests were run"; tail -n 30 check.log; }
make -s install >install.log 2>&1 && make -s installcheck >installcheck.log 2>&1 && passed=$((passed + 1)) ||
  { complain "the installed library"; tail -n 5 install.log installcheck.log; }
cd .. && OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1 \
  PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe OMPI_MCA_rmaps_base_oversubscribe=1 \
  mpirun -n 2 build/beeline finetune experiments/digits/finetune.yaml --output out/digits --set learner.rounds=2 \
  --set metrics.count=64 </dev/null >digits.log 2>&1 && [ -s out/digits/before-after.png ] && passed=$((passed + 1)) ||
  { complain "two rounds of the main job"; tail -n 5 digits.log; }
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
END

# The root, /proc, /dev and /sys mounted in a name space of their own, so that nothing stays mounted whatever happens.
cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null
# shellcheck disable=SC2016 # for the inner shell
unshare --mount --pid --fork --kill-child bash -c '
  mount --make-rprivate / && mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && mount --rbind /sys "$1/sys" || exit 77
  exec chroot "$1" /bin/bash /root/inside.sh' - "$root"
status=$?
[ $status != 77 ] || lack "the root of $suite cannot be used, see above"
exit $status
