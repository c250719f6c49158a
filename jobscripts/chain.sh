#!/bin/bash
# Submit five jobs, each of which begins when those that it needs have succeeded:
#
#   pre-train ─┬─► moments ──┬─► table ─► report
#              └─► fine-tune ┘
#
#   bash jobscripts/chain.sh CONFIGURATIONS FOLDER [OPTION OF THE SCHEDULER]...
#
# CONFIGURATIONS is a folder with pretrain.yaml, finetune.yaml and table.yaml. Results go into FOLDER/pretrain, moments.nc,
# finetune, table and report; the rows of table.yaml name them by paths relative to its own folder. Prints the job numbers.
set -u
[ $# -ge 2 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=jobscripts/site.conf
. "${BEELINE_SITE:-$here/site.conf}" || exit 2
from=$1 to=$2
shift 2
for name in pretrain finetune table; do
  [ -r "$from/$name.yaml" ] || { echo "$from/$name.yaml: cannot be read" >&2; exit 2; }
done
options=("$@") cancel='' tried="${scripts:-sbatch pbs flux}"
for suffix in $tried; do
  case $suffix in
    sbatch) command -v sbatch >/dev/null && cancel="scancel" options+=(--parsable) && break ;;
    pbs) command -v qsub >/dev/null && cancel="qdel" && break ;;
    flux) command -v flux >/dev/null && cancel='flux cancel' && break ;;
  esac
done
[ -n "$cancel" ] || { echo "no scheduler here for scripts of: $tried (site.conf, scripts=)" >&2; exit 2; }

submit() { # submit NAME AFTER ARGUMENT...
  local name=$1 after=$2
  shift 2
  bash "$here/submit.sh" ${after:+--after "$after"} "${options[@]}" "$here/$name.$suffix" "$@" | cut -d ';' -f 1
}
submitted=()
stop() { # those that are in the queue already would wait, or work, for nothing
  [ ${#submitted[@]} = 0 ] || $cancel "${submitted[@]}"
  exit 1
}
model=model.file=$to/pretrain/model.nc
pretrain=$(submit pretrain '' "$from/pretrain.yaml" "$to/pretrain") && [ -n "$pretrain" ] || stop
submitted+=("$pretrain")
moments=$(submit moments "$pretrain" "$from/finetune.yaml" "$to/moments.nc" --set "$model") && [ -n "$moments" ] || stop
submitted+=("$moments")
finetune=$(submit finetune "$pretrain" "$from/finetune.yaml" "$to/finetune" --set "$model") && [ -n "$finetune" ] || stop
submitted+=("$finetune")
table=$(submit table "$moments:$finetune" "$from/table.yaml" "$to/table") && [ -n "$table" ] || stop
submitted+=("$table")
report=$(submit report "$table" "$to/finetune" "$to/table" "$to/report") && [ -n "$report" ] || stop
echo "pretrain=$pretrain moments=$moments finetune=$finetune table=$table report=$report"
