#!/bin/sh
# beeline inspect: models and records.
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 99
cat > denoise.yaml << 'END'
title: inspected
seed: 7
data: {file: roll.nc}
network: {kind: mlp, widths: [16, 24]}
diffusion: {schedule: sigmoid, steps: 20, beta_first: 1e-5, beta_last: 1e-2}
learner: {name: denoise, rounds: 3, batch: 16, micro_batch: 8, average: 0.5}
END
{ "$BEELINE" import --set import.format=swiss_roll --set import.count=64 --output roll.nc &&
  "$BEELINE" pretrain denoise.yaml --output run; } > log 2>&1 || { cat log; exit 1; }
failures=0
shows() {
  file=$1
  shift
  "$BEELINE" inspect "$file" > shown 2> message || { echo "FAIL: inspect $file: $(cat message)" >&2; failures=$((failures + 1)); }
  for words in "$@"; do
    grep -qE -- "$words" shown || { echo "FAIL: inspect $file lacks: $words" >&2; cat shown >&2; failures=$((failures + 1)); }
  done
}
shows run/model.nc 'model, [0-9.]+ kB' 'network +mlp' 'widths +16, 24' 'diffusion +sigmoid, 20 steps, beta from 1e-05 to 0.01' \
  'rounds done +3$' '^ +model +[0-9]+ +[0-9]+ ' 'title +inspected' 'seed +7$'
shows run/record.nc 'record, ' '^ +round +1 +0 +2 +0 +2$' '^ +loss +1 '
test $failures -eq 0
