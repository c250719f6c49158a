# shellcheck shell=bash disable=SC2154 # variables of common.sh
# Measure what Analytic-DPM's variances are made of: CONFIG.yaml MOMENTS.nc [OPTION OF BEELINE]...
usage 2 'CONFIG.yaml MOMENTS.nc [--set KEY=VALUE]...' "$@"
config=$1 output=$2
shift 2
run moments "$config" --output "$output" "$@"
