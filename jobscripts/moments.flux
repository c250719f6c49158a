#!/bin/bash
# Measure what Analytic-DPM's variances are made of: moments.flux CONFIG.yaml MOMENTS.nc [OPTION OF BEELINE]...
# flux: --job-name=moments
# flux: --nodes=1
# flux: --nslots=2
# flux: --time-limit=4h
# flux: --signal=SIGUSR1@60s
# flux: --output=none # the job writes a log of its own
. "${BEELINE_JOBSCRIPTS:-jobscripts}/common.sh" flux moments "$@"
