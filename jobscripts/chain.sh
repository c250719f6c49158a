#!/bin/bash
# Submit five jobs, each of which begins when those that it needs have succeeded:
#
#   pre-train ─┬─► moments ──┬─► table ─► report
#              └─► fine-tune ┘
#
#   bash jobscripts/chain.sh CONFIGURATIONS FOLDER [OPTION OF SBATCH]...
#
# CONFIGURATIONS is a folder with pretrain.yaml, finetune.yaml and table.yaml. Results go into FOLDER/pretrain, moments.nc,
# finetune, table and report; the rows of table.yaml name them by paths relative to its own folder. Prints the job numbers.
set -u
[ $# -ge 2 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
from=$1 to=$2
shift 2
for name in pretrain finetune table; do
  [ -r "$from/$name.yaml" ] || { echo "$from/$name.yaml: cannot be read" >&2; exit 2; }
done
submit() { # submit NAME DEPENDENCY ARGUMENT...
  local name=$1 after=$2
  shift 2
  bash "$here/submit.sh" --parsable ${after:+--dependency=$after --kill-on-invalid-dep=yes} "${options[@]}" \
    "$here/$name.sbatch" "$@" | cut -d ';' -f 1
}
options=("$@")
model=model.file=$to/pretrain/model.nc
pretrain=$(submit pretrain '' "$from/pretrain.yaml" "$to/pretrain") && [ -n "$pretrain" ] || exit 1
moments=$(submit moments "afterok:$pretrain" "$from/finetune.yaml" "$to/moments.nc" --set "$model")
finetune=$(submit finetune "afterok:$pretrain" "$from/finetune.yaml" "$to/finetune" --set "$model")
[ -n "$moments" ] && [ -n "$finetune" ] || { scancel "$pretrain" $moments $finetune; exit 1; }
table=$(submit table "afterok:$moments:$finetune" "$from/table.yaml" "$to/table")
[ -n "$table" ] || { scancel "$pretrain" "$moments" "$finetune"; exit 1; }
report=$(submit report "afterok:$table" "$to/finetune" "$to/table" "$to/report") && [ -n "$report" ] || exit 1
echo "pretrain=$pretrain moments=$moments finetune=$finetune table=$table report=$report"
