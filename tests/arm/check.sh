#!/bin/bash
# check.sh FOLDER: compile FOLDER/source for 64-bit Arm in a Debian 13 of its own, and run tests there under qemu.
# Debian is made by debootstrap in ARM_ROOT (FOLDER/root), once; the compiler and the launcher of ranks in it are this
# machine's, the libraries and all ranks are Arm's. Figures are in tests/README.md. 77 with a reason where that is not possible.
#   ARM_CPU      the processor of qemu (neoverse-n1: NEON alone)
#   ARM_FOLDERS  whose tests run on it
#   ARM_TESTS    tests of other folders that run on it
#   ARM_SVE_CPU  another processor (neoverse-v1: SVE of 256 bits), whose vectors qemu emulates ten times as slowly
#   ARM_SVE      tests that run on that one
set -u

: "${ARM_CPU=neoverse-n1}" "${ARM_FOLDERS=base parallel engine layer network diffusion sampler}"
: "${ARM_TESTS=tests/structure/ranks_n4 tests/programs/same_bits.sh}"
layers=(attention concat dense dropout elementwise exponential group_norm patch time_embedding upsample winograd_transform)
: "${ARM_SVE_CPU=neoverse-v1}" "${ARM_SVE=tests/base/threads tests/parallel/exact_sum_n2 tests/network/unet $(printf 'tests/layer/%s ' "${layers[@]}")}"

lack() {
  echo "check-arm is skipped: $*"
  exit 77
}

# The libraries of build-aux/debian-packages.txt, Arm's; headers alone are for any machine.
list_libraries() {
  sed -n 's/^\(lib.*-dev\)$/\1:arm64/p' "$1/build-aux/debian-packages.txt" | sed 's/^\(librandom123-dev\):arm64$/\1/'
}

# ---- Outside -------------------------------------------------------------------------------------------------------------

if [ "${1:-}" != --inside ]; then
  [ "$(uname -m)" != aarch64 ] || lack 'this machine is an Arm: make check'
  [ "$(id -u)" = 0 ] || lack 'debootstrap needs root'
  PATH=$PATH:/usr/sbin:/sbin
  command -v debootstrap >/dev/null || lack 'no debootstrap (Debian package debootstrap)'
  spaces='--mount --pid --fork --kill-child'
  # shellcheck disable=SC2086 # several words
  unshare $spaces true 2>/dev/null || lack 'name spaces are forbidden here (unshare failed)'
  folder=$(cd "$1" && pwd) || exit 99
  root=${ARM_ROOT:-$folder/root}
  # shellcheck disable=SC2086
  exec unshare $spaces bash "$0" --inside "$folder" "$root"
fi

# ---- Inside name spaces: mounts vanish with them -------------------------------------------------------------------------

folder=$2 root=$3
log=$folder/log
mount --make-rprivate /

enter() { # COMMAND...: in the root
  env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} chroot "$root" "$@"
}

install() {
  enter apt-get install -y -q --no-install-recommends "$@" >>"$log" 2>&1 </dev/null
}

mount_all() {
  mkdir -p "$root/beeline"
  { mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && mount --rbind /sys "$root/sys" &&
    mount --bind "$folder" "$root/beeline"; } || lack 'cannot mount in a name space'
}

# The compiler comes before Arm's packages and is held, since Arm's own would satisfy what depends on it.
make_root() {
  rm -rf "$root" && mkdir -p "$root"
  debootstrap --variant=minbase trixie "$root" >"$log" 2>&1 </dev/null ||
    lack "debootstrap failed: $(tail -n 1 "$log")"
  mount_all
  install ca-certificates gcc gcc-aarch64-linux-gnu make openmpi-bin pkgconf qemu-user || lack "apt-get failed, see $log"
  enter sh -c "dpkg-query -W -f='\${Package}\n' '*aarch64-linux-gnu*' | xargs apt-mark hold" >>"$log" 2>&1
  { enter dpkg --add-architecture arm64 && enter apt-get update -q; } >>"$log" 2>&1 || lack "apt-get failed, see $log"
  # shellcheck disable=SC2046
  install $(list_libraries "$folder/source") || lack "apt-get failed, see $log"
  touch "$root/made"
}

build() {
  # shellcheck disable=SC2016 # that shell expands it
  enter bash -c 'set -e; mkdir -p /beeline/build; cd /beeline/build
    test -f Makefile || ../source/configure --host=aarch64-linux-gnu --enable-warnings-as-errors
    make -j"$(nproc)"' >"$log" 2>&1
}

# A launcher and ranks of different machines: values of PMIx go by messages, since its shared memory holds pointers.
check() { # CPU ARGUMENT OF make...
  enter env PMIX_MCA_gds=hash OMPI_MCA_btl=self,sm TEST_WRAPPER="qemu-aarch64 -cpu $1" TEST_TIMEOUT=3600 \
    make -k -C /beeline/build -j"$(nproc)" "${@:2}" >"$log" 2>&1
  grep -E '^(PASS|FAIL|SKIP|XPASS|ERROR):' "$log" | sed "s/^/$1 /" | tee -a "$folder/results"
  sed -nE 's/^(FAIL|XPASS|ERROR): //p' "$log" | while read -r test; do
    printf -- '--- %s\n' "$test"
    tail -n 30 "$folder/build/$test.log"
  done
}

count() {
  grep -cE "^[^ ]+ ($1):" "$folder/results"
}

rm -f "$folder/results"
if [ -e "$root/made" ]; then mount_all; else make_root; fi
if ! build; then
  tail -n 40 "$log"
  echo "check-arm: the build for Arm failed, see $log"
  exit 1
fi
[ -z "$ARM_FOLDERS" ] || check "$ARM_CPU" check-folders FOLDERS="$ARM_FOLDERS"
[ -z "$ARM_TESTS" ] || check "$ARM_CPU" check TESTS="$ARM_TESTS"
[ -z "$ARM_SVE" ] || check "$ARM_SVE_CPU" check TESTS="$ARM_SVE"
printf '%d passed, %d failed, %d skipped\n' "$(count PASS)" "$(count 'FAIL|XPASS|ERROR')" "$(count SKIP)"
[ "$(count 'FAIL|XPASS|ERROR')" = 0 ] && [ "$(count PASS)" -gt 0 ]
