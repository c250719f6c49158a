#!/bin/sh
# beeline inspect: models and records, and profiles of models.
. "$top_srcdir/tests/support/script.sh"

cat > denoise.yaml << 'END'
title: inspected
seed: 7
data: {file: roll.nc}
network: {kind: mlp, widths: [16, 24]}
diffusion: {schedule: sigmoid, steps: 20, beta_first: 1e-5, beta_last: 1e-2}
learner: {name: denoise, rounds: 3, batch: 16, micro_batch: 8, average: 0.5}
END
run 1 import --set import.format=swiss_roll --set import.count=64 --output roll.nc
run 1 pretrain denoise.yaml --output run
shows run/model.nc 'model, [0-9.]+ kB' 'network +mlp' 'widths +16, 24' 'diffusion +sigmoid, 20 steps, beta from 1e-05 to 0.01' \
  'rounds done +3$' '^ +model +[0-9]+ +[0-9]+ ' 'title +inspected' 'seed +7$'
shows run/record.nc 'record, ' '^ +round +1 +0 +2 +0 +2$' '^ +loss +1 '

# A profile lists every layer, and its sums are the sums of what it lists.
shows_profile() {
  file=$1
  layers=$2
  shift 2
  "$BEELINE" inspect --profile "$@" "$file" > shown 2> message ||
    complain "inspect --profile $file: $(cat message)"
  awk -v layers="$layers" '
    function near(a, b) { return a - b < 1e-2 && b - a < 1e-2 }
    /^  layer / { part = "layers" }
    /^  sum of / { part = "kinds" }
    /the largest gaps/ { part = "" }
    part != "" && /\|/ && !/GFLOP/ {
      split($0, halves, "|"); split(halves[2], f); split(halves[3], b)
      if (!near(f[5], f[1] - f[4]) || !near(b[5], b[1] - b[4])) { print "a gap is not time - roofline: " $0; bad++ }
      if ($1 == "all") { total[1] = f[1]; total[2] = f[4]; total[3] = b[1]; total[4] = b[4]; listed = $3; next }
      count[part]++
      sum[part, 1] += f[1]; sum[part, 2] += f[4]; sum[part, 3] += b[1]; sum[part, 4] += b[4]
    }
    END {
      if (count["layers"] != layers || listed != layers) { print count["layers"] " layers, expected " layers; bad++ }
      for (i = 1; i <= 4; i++)
        if (!near(sum["layers", i], total[i]) || !near(sum["kinds", i], total[i])) { print "sums do not add up: " i; bad++ }
      exit bad > 0
    }' shown || complain "$(cat shown)"
}
shows_profile run/model.nc 5 --batch 8 # lin1, softplus, lin2, softplus, lin3
grep -q 'a micro-batch of 8,' shown && grep -qE '^  lin2 +conditional dense +16x1x1 > 24x1x1' shown ||
  complain "the profile of an mlp: $(cat shown)"
shows_profile "$top_srcdir/experiments/digits/model.nc" 92 --batch 4 # sums are in the convolutions before them
for words in 'down.1.block.0.nin_shortcut +conv ' 'mid.attn_1.norm +group_norm ' '^  conv_out ' 'ms +(for|back)ward '; do
  grep -qE "$words" shown || complain "the profile of a unet lacks: $words"
done
refuse 0 '--batch' inspect --batch 8 run/model.nc
refuse 0 '--profile' pretrain --profile denoise.yaml
refuse 0 'record.nc' inspect --profile run/record.nc
test $failures -eq 0
