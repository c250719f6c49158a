# shellcheck shell=bash disable=SC2154 # variables of common.sh
# Fine-tune a model: CONFIG.yaml FOLDER [OPTION OF BEELINE]...
usage 2 'CONFIG.yaml FOLDER [--set KEY=VALUE]... [--roles SPLIT]' "$@"
config=$1 output=$2
shift 2
run finetune "$config" --output "$output" --resume "$@"
