#!/bin/sh
# What one does who has Beeline installed: compile the example, which is installed too, by pkg-config with the shared and with the
# static library, and run it on one rank and on two. Run by `make installcheck`, with the folders of the installation in `bindir`,
# `libdir`, `exampledir`, and pkg-config, told where it is, in `PKG_CONFIG`.
# shellcheck disable=SC2046 # what pkg-config says is words
. "$top_srcdir/tests/support/script.sh" || exit 99
command -v "${PKG_CONFIG%% *}" >/dev/null || { echo 'the example is not compiled: there is no pkg-config'; exit 0; }
BEELINE=$bindir/beeline

for seed in 1 2; do
  run 0 import --set import.format=swiss_roll --set import.count=500 --seed $seed --output roll$seed.nc
done
run 0 import --set import.format=swiss_roll --set import.count=400 --set import.noise=8 --seed 3 --output noisy.nc

# build PROGRAM LIBRARY...: as a user would.
build() {
  program=$1
  shift
  $CC -std=c11 -Wall -Wextra -Werror -o $program "$exampledir/distance_example.c" $($PKG_CONFIG --cflags beeline) "$@" -lm >said 2>&1 ||
    complain "$program is not built: $(cat said)"
}

# distance RANKS PROGRAM FILE FILE: what it prints.
distance() {
  ranks=$1
  shift
  LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} $MPIEXEC $MPIEXEC_FLAGS -n $ranks "$@" 2>&1 </dev/null | grep 'energy distance'
}

builds=static
build static $($PKG_CONFIG --static --libs beeline | sed 's/-lbeeline/-l:libbeeline.a/g')
if test -e "$libdir/libbeeline.so"; then
  builds="static shared"
  build shared $($PKG_CONFIG --libs beeline)
  LD_LIBRARY_PATH=$libdir ldd shared | grep -q 'libbeeline\.so.* => /' || complain "the shared library is not found: $(ldd shared)"
fi
ldd static | grep libbeeline && complain 'static is linked to the shared library'

for program in $builds; do
  for ranks in 1 2; do
    distance $ranks ./$program roll1.nc roll2.nc
  done
done >close
for program in $builds; do
  distance 1 ./$program roll1.nc noisy.nc
done >far
test "$(wc -l <close)" -eq "$(echo $builds $builds | wc -w)" && test "$(sort -u close | wc -l)" -eq 1 || complain "not the same bits: $(cat close)"
test "$(sort -u far | wc -l)" -eq 1 || complain "not the same bits: $(cat far)"
cat close far | awk '{ d[NR] = $3 } END { exit !(d[1] > 0 && d[1] < 0.2 && d[NR] > 2 * d[1]) }' ||
  complain "another sample of the roll is to be nearer than a noisy one: $(cat close far)"
distance 1 ./static roll1.nc roll1.nc | grep -q 'distance 0 ' || complain "a set has a distance to itself"
test $failures -eq 0 && echo "the example, $builds, on 1 and 2 ranks: $(sort -u close)"
