# shellcheck shell=bash disable=SC2154 # variables of common.sh
# Draw samples: CONFIG.yaml SAMPLES.nc [OPTION OF BEELINE]...
usage 2 'CONFIG.yaml SAMPLES.nc [--set KEY=VALUE]...' "$@"
config=$1 output=$2
shift 2
run sample "$config" --output "$output" --resume "$@"
