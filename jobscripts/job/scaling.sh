# shellcheck shell=bash disable=SC2154 # variables of common.sh
# How fast rounds are on more and more ranks: CONFIG.yaml FOLDER RANKS... [-- OPTION OF BEELINE...]
usage 3 'CONFIG.yaml FOLDER RANKS... [-- --set KEY=VALUE...]' "$@"
# One fine-tuning a number of ranks, in turn on the nodes of this job, which must have tasks for the largest. What is there
# already is not computed again. Ends with scaling.csv: ranks, samples a second in the fastest round, speed-up and efficiency
# against the first number, and a checksum of the model, which must be the same for all.
config=$1 folder=$2 counts=''
shift 2
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  counts="$counts $1"
  shift
done
[ "${1:-}" != -- ] || shift
for ranks in $counts; do
  output=$folder/ranks-$ranks
  run finetune "$config" --output "$output" --resume --set metrics.count=0 "$@"
done

first='' same=''
echo 'ranks,samples_per_second,speed_up,efficiency,model' >"$folder/scaling.csv.new"
for ranks in $counts; do
  output=$folder/ranks-$ranks
  speed=$("$beeline" inspect "$output/record.nc" | awk '$1 == "speed" { print $6 }')
  model=$("$beeline" inspect "$output/model.nc" | awk '$1 == "model" && $NF ~ /^[0-9a-f]+$/ { print $NF }')
  [ -n "$speed" ] && [ -n "$model" ] || { echo "$output: no speed or no model in its files" >&2; exit 1; }
  first=${first:-$ranks $speed}
  same=${same:-$model}
  echo "$ranks $speed $first $model" |
    awk '{ s = $2 / $4; printf "%d,%g,%.3f,%.3f,%s\n", $1, $2, s, s * $3 / $1, $5 }' >>"$folder/scaling.csv.new"
  [ "$model" = "$same" ] || { echo "$output: other bits than the first" >&2; exit 1; }
done
mv -f "$folder/scaling.csv.new" "$folder/scaling.csv" && cat "$folder/scaling.csv"
