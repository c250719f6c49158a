#!/bin/sh
# Refusals of beeline table: file, line and key, before anything is computed or written.
. "$top_srcdir/tests/support/refuse.sh"
. "$top_srcdir/tests/support/refuse_files.sh"

prepare
cat >good.yaml <<'END'
set: [data.file=roll.nc, model.file=model/model.nc, learner.micro_batch=8]
columns: [4]
seeds: [1]
samples: 20
rows:
  - name: DDPM
    set:
      - sampler.name=ddpm
      - sampler.grid=linear
  - name: SFT-PG
    finetune: finetune.yaml
END
# table RANKS WORDS SED-COMMAND ARGUMENT...: good.yaml, changed, is refused with these words.
table() {
  ranks=$1
  words=$2
  sed "$3" good.yaml >table.yaml
  shift 3
  refused "$ranks" "$words" table table.yaml --output new "$@"
}
works table good.yaml --output old
table 0 'table.yaml:2: there is no key columms, expected one of title, output' 's/columns/columms/'
table 4 'table.yaml:2: there is no key columms, expected one of title, output' 's/columns/columms/'
mark=$(printf '\357\273\277')
table 0 'table.yaml:2: there is no key columms, expected one of title, output' "1s/^/$mark/;s/columns/columms/"
table 0 'table.yaml: is text in UTF-16BE, expected UTF-8' "1s/.*/$(printf '\376\377')/"
table 0 'table.yaml: is empty, expected the keys of a table' d
table 0 'table.yaml:6: rows: there is no key nmae, expected one of name, set' 's/name: DDPM/nmae: DDPM/'
table 0 'table.yaml:6: rows: the key name is missing' 's/name: DDPM/columns: [4]/'
# shellcheck disable=SC2016 # $d is sed's
table 0 'there are no rows' '/^rows/,$d'
table 0 'table.yaml:5: rows is empty, expected a list of methods' '/^  /d'
table 0 'the key samples is missing' '/^samples/d'
table 0 'table.yaml:4: samples: found many, expected a whole number' 's/samples: 20/samples: many/'
table 0 'table.yaml:4: samples is 1, expected at least 2' 's/samples: 20/samples: 1/'
table 0 'table.yaml:5: the key seeds is missing' '/^seeds/d'
table 0 'table.yaml:2: columns: 4 is there twice' 's/columns: .*/columns: [4, 4]/'
table 0 'table.yaml:2: columns: found -1, expected' 's/columns: .*/columns: [-1]/'
table 0 'table.yaml:3: seeds is 1, expected a list' 's/seeds: .*/seeds: 1/'
table 0 'table.yaml:10: rows: the names DDPM and ddpm! are the same' 's/name: SFT-PG/name: ddpm!/'
table 0 'table.yaml:8: sampler.name is "ddom"' 's/=ddpm/=ddom/'
table 3 'table.yaml:8: sampler.name is "ddom"' 's/=ddpm/=ddom/'
table 0 '(row DDPM, 4 steps)' 's/=ddpm/=ddom/'
table 0 'table.yaml:9: sampler.grid is "cubic"' 's/=linear/=cubic/'
table 0 'table.yaml:9: there is no key sampler.girds' 's/sampler.grid=linear/sampler.girds=linear/'
table 0 'table.yaml:9: set: found linear, expected KEY=VALUE' 's/sampler.grid=linear/linear/'
table 0 'table.yaml:2: sampler.steps is 40, expected 1 to 20' 's/columns: .*/columns: [4, 40]/'
table 0 'table.yaml:9: sampler.steps=3 is not set here: the table' 's/sampler.grid=linear/sampler.steps=3/'
table 0 'table.yaml:9: metrics.projections=3 is not set for one row' 's/sampler.grid=linear/metrics.projections=3/'
table 0 'sampler.grid is "var_quadratic" (the default), expected' '/sampler.grid/d'
table 0 'table.yaml:11: finetune: cannot open the configuration missing.yaml' 's/finetune.yaml/missing.yaml/'
table 0 'table.yaml:11: model.weights is "best"' 's/name: SFT-PG/name: SFT-PG\n    set: [model.weights=best]/'
table 0 'finetune.yaml:7: learner.batch is 16' 's/name: SFT-PG/name: SFT-PG\n    set: [learner.micro_batch=5]/'
table 0 'table.yaml:11: sampler.kappa is 0' 's/name: SFT-PG/name: SFT-PG\n    set: [sampler.kappa=0]/'
table 0 'table.yaml:1: data.file: missing.nc' 's/roll.nc/missing.nc/'
table 0 'images.nc holds 1 × 8 × 8' 's/roll.nc/images.nc/'
table 0 'table.yaml:1: model.file: words: not a netCDF file' 's/model.model.nc/words/'
table 0 'metrics: there is no metric hope, expected one of fid' '1s/^/metrics: [hope]\n/'
table 0 'table.yaml:1: metrics: fid is of images' '1s/^/metrics: [fid]\n/'
table 0 'not valid YAML' 's/rows:/rows: [/'
table 0 '--seed=3: seed is 3' '' --seed 3
table 0 '--set sampler.steps=5: sampler.steps is 5' '' --set sampler.steps=5
cp good.yaml table.yaml
refused 0 'the key output is missing' table table.yaml
refused 0 'words' table table.yaml --output words
refused 0 'no file is given, expected beeline table FILE' table
refused 0 'cannot open the configuration missing.yaml' table missing.yaml --output new

finish
