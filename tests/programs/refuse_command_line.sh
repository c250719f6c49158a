#!/bin/sh
# Refusals of the command line and of the configuration.
. "$top_srcdir/tests/support/refuse.sh"

refused 0 'no command is given'
refused 0 'there is no command finetun, expected one of' finetun
refused 0 'there is no option --sed' finetune --sed=3
refused 0 '--set needs a value' finetune --set
refused 0 'one word too many: b; expected finetune FILE and options' finetune a b c
refused 0 'one word too many: --set; expected finetune FILE and options' finetune -- a.yaml --set
refused 0 'no file is given' inspect
refused 0 '--resume continues pretrain, finetune, distill, sample and table' evaluate --resume
refused 2 'there is no option --bar' pretrain --bar

# Each rank with a seed of its own, by the launcher's number of it: mpiexec A : B crashes in Open MPI 5.0.7.
real=$(readlink "$beeline")
# shellcheck disable=SC2016 # for the script
printf '#!/bin/sh\nexec "%s" "$@" --seed $((${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-0}} + 1))\n' "$real" > "$scratch/own_seed"
chmod +x "$scratch/own_seed"
ln -sf "$scratch/own_seed" "$beeline"
refused 2 'the command line of rank 1 is "evaluate --seed 2", that of rank 0 is "evaluate --seed 1"' evaluate
ln -sf "$real" "$beeline"

bad() { # bad TEXT: a configuration with that text
  printf '%b' "$1" > bad.yaml
}
bad 'learner:\n  round: 3\n'
refused 0 'bad.yaml:2: there is no key learner.round; did you mean learner.rounds?' pretrain bad.yaml
refused 4 'bad.yaml:2: there is no key learner.round; did you mean learner.rounds?' pretrain bad.yaml
bad 'learner:\n  rounds: many\n'
refused 0 'bad.yaml:2: learner.rounds is many, expected an integer' finetune bad.yaml
bad 'learner:\n\trounds: 3\n'
refused 0 'bad.yaml:2: not valid YAML' sample bad.yaml
refused 0 'cannot open the configuration missing.yaml: No such file' evaluate missing.yaml
refused 2 'cannot open the configuration missing.yaml: No such file' evaluate missing.yaml
mkdir folder
refused 0 'folder is a folder' import folder
printf '\211HDF\r\n' > data.nc
refused 0 'data.nc:1: byte 0 is not text' import data.nc
refused 0 '--set learner.rounds=x: learner.rounds is x, expected an integer' finetune --set learner.rounds=x
refused 0 '--seed=x: seed is x' finetune --seed x

finish
