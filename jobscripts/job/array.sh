# shellcheck shell=bash disable=SC2154 # variables of common.sh
# One run a task, over seeds or configurations: COMMAND CONFIG.yaml FOLDER [LIST]
usage 3 'pretrain|finetune|distill CONFIG.yaml FOLDER [LIST]' "$@"
# Task i runs with seed i into FOLDER/seed-i; with a LIST, with the options in its line i into FOLDER/run-i.
[ -n "$task" ] || { echo "not a task of an array: see jobscripts/README.md" >&2; exit 2; }
output=$3/seed-$task options="--seed $task"
if [ -n "${4:-}" ]; then
  output=$3/run-$task options=$(sed -n "${task}p" "$4")
  [ -n "$options" ] || { echo "$4: has no line $task" >&2; exit 2; }
fi
set -f # the options are words, not names of files
# shellcheck disable=SC2086
run "$1" "$2" --output "$output" --resume $options
