#!/bin/bash
# Compute a whole table of methods, fine-tunings included: table.flux TABLE.yaml FOLDER [OPTION OF BEELINE]...
# flux: --job-name=table
# flux: --nodes=1
# flux: --nslots=2
# flux: --time-limit=24h
# flux: --signal=SIGUSR1@300s
# flux: --output=none # the job writes a log of its own
. "${BEELINE_JOBSCRIPTS:-jobscripts}/common.sh" flux table "$@"
