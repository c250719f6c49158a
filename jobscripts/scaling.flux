#!/bin/bash
# How fast rounds are on more and more ranks: scaling.flux CONFIG.yaml FOLDER RANKS... [-- OPTION OF BEELINE...]
# flux: --job-name=scaling
# flux: --nodes=1
# flux: --nslots=2
# flux: --time-limit=4h
# flux: --signal=SIGUSR1@120s
# flux: --output=none # the job writes a log of its own
. "${BEELINE_JOBSCRIPTS:-jobscripts}/common.sh" flux scaling "$@"
