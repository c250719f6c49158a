#!/bin/bash
# Draw samples: sample.flux CONFIG.yaml SAMPLES.nc [OPTION OF BEELINE]...
# flux: --job-name=sample
# flux: --nodes=1
# flux: --nslots=2
# flux: --time-limit=4h
# flux: --signal=SIGUSR1@120s
# flux: --output=none # the job writes a log of its own
. "${BEELINE_JOBSCRIPTS:-jobscripts}/common.sh" flux sample "$@"
