#!/bin/bash
# run.sh FOLDER SECONDS SEED [TARGET...]: fuzz each target for so many seconds, from the seeds in tests/fuzz/seeds and those
# that FOLDER/seeds, the program, makes, with random numbers of SEED (0: others each time). What was found is left in
# FOLDER/found. Called by make check-fuzz.
folder=$1
seconds=$2
seed=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
test $# -gt 0 || set -- config table idx cifar10 picture folder dataset model record moments reference inspect forged
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM
mkdir -p "$folder/found" "$scratch/netcdf"
export BEELINE_SEEDS=$scratch/netcdf
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_ess_singleton_isolated=1 OMP_NUM_THREADS=1
export LSAN_OPTIONS=suppressions=$here/../support/lsan.supp:print_suppressions=0
ASAN_OPTIONS=detect_leaks=0 "$folder/seeds" "$BEELINE_SEEDS" 2>"$scratch/log" || exit 99

# Seeds that are made of files: counted parts, see the targets.
# shellcheck disable=SC2059 # the format is made here
counted() { printf "\\x$(printf %02x $(($(wc -c <"$1") / 256)))\\x$(printf %02x $(($(wc -c <"$1") % 256)))"; cat "$1"; }
word() { printf %s "$1" >"$scratch/word"; counted "$scratch/word"; }
seeds_of() { # TARGET FOLDER
  case $1 in
    config) cp "$here"/../../experiments/*/*.yaml "$2" 2>/dev/null; cp "$BEELINE_SEEDS/defaults.yaml" "$2" ;;
    table) cat "$here"/../../experiments/digits/table.yaml >"$2/digits" ;;
    idx)
      { printf '\0\0\010\003\0\0\0\002\0\0\0\003\0\0\0\003'; head -c 18 /dev/zero; } >"$scratch/images"
      printf '\0\0\010\001\0\0\0\002\001\003' >"$scratch/labels"
      { printf '\0'; counted "$scratch/images"; cat "$scratch/labels"; } >"$2/plain"
      gzip -nk "$scratch/images" "$scratch/labels"
      { printf '\001'; counted "$scratch/images.gz"; cat "$scratch/labels.gz"; } >"$2/gzip"
      rm "$scratch"/*.gz
      ;;
    cifar10)
      printf 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n' >"$scratch/names"
      { counted "$scratch/names"; head -c 6146 /dev/zero; } >"$2/two"
      ;;
    picture)
      cp "$BEELINE_SEEDS"/*.png "$BEELINE_SEEDS"/*.jpg "$2"
      printf 'II*\0\010\0\0\0\001\0\022\001\003\0\001\0\0\0\006\0\0\0\0\0\0\0' >"$2/exif"
      ;;
    folder)
      { printf '\0'; word a.png; counted "$BEELINE_SEEDS/grey.png"; word b.png; counted "$BEELINE_SEEDS/grey.png"; } >"$2/flat"
      { printf '\020'; word x/a.png; counted "$BEELINE_SEEDS/grey.png"; word y/b.png; counted "$BEELINE_SEEDS/colour.png"; } \
        >"$2/classes"
      ;;
    dataset) cp "$BEELINE_SEEDS"/images*.nc "$BEELINE_SEEDS"/points*.nc "$2" ;;
    inspect) cp "$BEELINE_SEEDS"/*.nc "$2" ;;
    forged) printf '\0' >"$2/none" ;;
    *) cp "$BEELINE_SEEDS/$1"*.nc "$2" ;;
  esac
}

failed=0
for target in "$@"; do
  corpus=$scratch/corpus-$target
  mkdir -p "$corpus"
  seeds_of "$target" "$corpus"
  dictionary=
  test ! -f "$here/$target.dict" || dictionary=-dict=$here/$target.dict
  # Open MPI leaves memory behind when it ends; what our own functions leave is counted by the targets themselves.
  case $target in table | reference | inspect | forged) leaks=0 ;; *) leaks=1 ;; esac
  if ASAN_OPTIONS=detect_leaks=$leaks "$folder/$target" -detect_leaks=$leaks -seed="$seed" -max_total_time="$seconds" -malloc_limit_mb=64 -rss_limit_mb=2048 -timeout=20 -max_len=16384 \
    -print_final_stats=1 -artifact_prefix="$folder/found/$target-" $dictionary "$corpus" </dev/null >"$scratch/log" 2>&1; then
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/log") inputs," \
      "$(sed -n 's/.*cov: \([0-9]*\) ft:.*/\1/p' "$scratch/log" | tail -n 1) edges," \
      "$(sed -n 's/^stat::peak_rss_mb: *//p' "$scratch/log") MiB: nothing found"
  else
    failed=$((failed + 1))
    cp "$scratch/log" "$folder/found/$target.log"
    echo "$target: FOUND something, see $folder/found/$target.log"
    grep -E 'ERROR|runtime error|fuzz:|SUMMARY' "$scratch/log" | head -n 4
    grep -E '^ +#[0-9]+ ' "$scratch/log" | head -n 12
  fi
done
exit $((failed > 0))
