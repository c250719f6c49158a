# shellcheck shell=bash disable=SC2154 # variables of common.sh
# What a chain of jobs gave: FINETUNE_FOLDER TABLE_FOLDER FOLDER
usage 3 'FINETUNE_FOLDER TABLE_FOLDER FOLDER' "$@"
# report.md holds the table and the result of the fine-tuning; with Python (numpy, netCDF4, matplotlib), two figures beside it.
tuned=$1 table=$2 folder=$3
analysis=$here/../analysis
mkdir -p "$folder" || exit 1
{
  cat "$table/table.md" || exit 1
  printf '\nFine-tuning\n\n'
  sed 's/^/    /' "$tuned/summary.txt" || exit 1
} >"$folder/report.new" || { rm -f "$folder/report.new"; exit 1; }
mv "$folder/report.new" "$folder/report.md" || exit 1
if python3 -c 'import numpy, netCDF4, matplotlib' 2>/dev/null && [ -d "$analysis" ]; then
  python3 "$analysis/learning_curves.py" "$folder/learning.png" "fine-tuning=$tuned/record.nc"
  python3 "$analysis/quality_against_nfe.py" "$folder/quality.png" "$table/table.nc"
else
  say "no figures: Python's numpy, netCDF4 or matplotlib is missing"
fi
say "report=$folder/report.md"
