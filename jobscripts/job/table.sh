# shellcheck shell=bash disable=SC2154 # variables of common.sh
# Compute a whole table of methods, fine-tunings included: TABLE.yaml FOLDER [OPTION OF BEELINE]...
usage 2 'TABLE.yaml FOLDER [--set KEY=VALUE]...' "$@"
table=$1 output=$2
shift 2
run table "$table" --output "$output" "$@"
