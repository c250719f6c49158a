#!/bin/sh
# table.sh [STEPS...]: peak memory and gradient norm of a fine-tuning of the digits model against the steps T' of its chain, by
# back-propagation through all steps (activations kept, or only the states) and by policy gradient. BEELINE: the program.
# Prints a table in Markdown; the runs are left in ${OUT:-out/backprop}. Further settings: SETTINGS="--set key=value ...".
beeline=${BEELINE:-beeline}
here=$(dirname "$0")
out=${OUT:-out/backprop}
mkdir -p "$out" || exit 1
test $# -gt 0 || set -- 2 4 8 12 16 20
echo "| T' | learner | keeps | activations, MiB | peak memory, MiB | gradient norm: first round | least | most | samples/s |"
echo "|---|---|---|---|---|---|---|---|---|"
for steps in "$@"; do
  for way in activations states sft_pg; do
    learner=backprop_chain keep=$way
    test $way = sft_pg && learner=sft_pg keep=states
    run=$out/$way-$steps
    rm -rf "$run"
    # shellcheck disable=SC2086 # SETTINGS are words
    $beeline finetune "$here/finetune.yaml" --set sampler.steps="$steps" --set learner.name=$learner --set learner.keep=$keep \
      $SETTINGS --output "$run" > "$run.log" 2>&1 || { cat "$run.log" >&2; exit 1; }
    activations=$(sed -n 's/.*backprop_chain: \([0-9.]*\) MiB.*/\1/p' "$run.log")
    $beeline inspect "$run/record.nc" | awk -v steps="$steps" -v learner=$learner -v keep=$keep -v activations="$activations" '
      $1 == "peak_memory" { peak = $NF } $1 == "gradient_norm" { first = $3; least = $5; most = $6 } $1 == "speed" { speed = $4 }
      END { printf "| %d | %s | %s | %s | %.1f | %.3g | %.3g | %.3g | %.0f |\n", steps, learner, learner == "sft_pg" ? "" : keep,
                   activations, peak, first, least, most, speed }'
  done
done
