#!/bin/bash
# Fine-tune a model: finetune.flux CONFIG.yaml FOLDER [OPTION OF BEELINE]...
# flux: --job-name=finetune
# flux: --nodes=1
# flux: --nslots=2
# flux: --time-limit=24h
# flux: --signal=SIGUSR1@300s
# flux: --output=none # the job writes a log of its own
. "${BEELINE_JOBSCRIPTS:-jobscripts}/common.sh" flux finetune "$@"
