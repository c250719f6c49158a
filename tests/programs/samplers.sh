#!/bin/sh
# Every sampler through the programs: what beeline moments measures is the same on any number of ranks, all of them draw, the
# evaluations of the network are counted, and fine-tuning takes those with a log-density only.
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
failures=0
complain() {
  echo "FAIL: $*" >&2
  failures=$((failures + 1))
}

run() { # run ranks arguments...: quietly, show what was said when it fails
  ranks=$1
  shift
  $MPIEXEC $MPIEXEC_FLAGS -n "$ranks" "$BEELINE" "$@" >"$folder/said" 2>&1 </dev/null && return 0
  cat "$folder/said" >&2
  complain "beeline $* on $ranks ranks"
}

# refuse 'words of the message' arguments...
refuse() {
  words=$1
  shift
  "$BEELINE" "$@" >"$folder/said" 2>&1 </dev/null
  status=$?
  test $status -eq 2 || complain "beeline $*: exit status $status, expected 2"
  grep -qF -- "$words" "$folder/said" || complain "beeline $*: \"$words\" is not in: $(cat "$folder/said")"
}

same=$(cd "$top_builddir" && pwd)/tests/support/same_values

cat >"$folder/digits.yaml" <<YAML
data: {file: $top_srcdir/experiments/digits/digits.nc}
network: {kind: unet, base_channels: 32, multipliers: [1], blocks: 1, attention: [], dropout: 0}
diffusion: {steps: 100, beta_last: 0.1}
learner: {name: denoise, rounds: 2, batch: 16, micro_batch: 16, optimiser: {rate: {first: 1e-3}}}
model: {file: digits/model.nc}
sampler: {steps: 5, grid: linear, count: 20, moments: moments1.nc}
moments: {count: 20}
YAML
run 1 pretrain "$folder/digits.yaml" --output "$folder/digits"
for ranks in 1 3; do
  run $ranks moments "$folder/digits.yaml" --output "$folder/moments$ranks.nc"
  grep -q '100 steps, 20 samples at each' "$folder/said" || complain "moments says: $(cat "$folder/said")"
done
$same "$folder/moments1.nc" "$folder/moments3.nc" >/dev/null || complain "3 ranks measure other moments than 1"
run 1 inspect "$folder/moments1.nc"
grep -q gamma "$folder/said" && grep -q configuration "$folder/said" || complain "inspect of moments: $(cat "$folder/said")"

for sampler in ddpm ddim analytic dpm_solver dpm_solver_pp unipc; do
  for ranks in 1 2; do
    run $ranks sample "$folder/digits.yaml" --set sampler.name=$sampler --output "$folder/$sampler$ranks.nc"
    grep -q 'NFE *5 network evaluations' "$folder/said" || complain "$sampler counts $(grep NFE "$folder/said")"
  done
  $same "$folder/${sampler}1.nc" "$folder/${sampler}2.nc" >/dev/null || complain "$sampler: 2 ranks draw other images than 1"
  run 1 inspect "$folder/${sampler}2.nc"
  grep -q 'NFE of each sample *5$' "$folder/said" || complain "$sampler: the file lacks its NFE"
done
cmp -s "$folder/ddim1.png" "$folder/unipc1.png" && complain "two samplers draw the same picture"
for nfe in 1 7; do
  run 1 sample "$folder/digits.yaml" --set sampler.name=dpm_solver --set sampler.grid=log_snr --set sampler.steps=$nfe \
    --output "$folder/fast$nfe.nc"
  grep -q "NFE *$nfe network evaluations" "$folder/said" || complain "fast at $nfe counts $(grep NFE "$folder/said")"
done

refuse 'with a log-density for fine-tuning' finetune "$folder/digits.yaml" --set learner.name=sft_pg \
  --set sampler.name=unipc --output "$folder/no"
refuse 'expected moments' sample "$folder/digits.yaml" --set sampler.name=analytic --set sampler.moments="$folder/digits/model.nc" \
  --output "$folder/no.nc"
refuse 'data.file' moments "$folder/digits.yaml" --set data.file= --output "$folder/no.nc"
refuse 'output' moments "$folder/digits.yaml"
test -e "$folder/no.nc" && complain "a refused run wrote its output"
test $failures -eq 0
