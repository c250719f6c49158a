#!/bin/bash
# One run a task, over seeds or configurations: BEELINE_TASK=1 ... array.flux COMMAND CONFIG.yaml FOLDER [LIST]
# flux: --job-name=array
# flux: --nodes=1
# flux: --nslots=2
# flux: --time-limit=24h
# flux: --signal=SIGUSR1@300s
# flux: --output=none # the job writes a log of its own
. "${BEELINE_JOBSCRIPTS:-jobscripts}/common.sh" flux array "$@"
