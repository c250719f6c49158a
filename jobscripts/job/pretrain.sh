# shellcheck shell=bash disable=SC2154 # variables of common.sh
# Pre-train a diffusion model or a classifier: CONFIG.yaml FOLDER [OPTION OF BEELINE]...
usage 2 'CONFIG.yaml FOLDER [--set KEY=VALUE]...' "$@"
config=$1 output=$2
shift 2
run pretrain "$config" --output "$output" --resume "$@"
