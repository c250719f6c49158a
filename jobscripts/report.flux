#!/bin/bash
# What a chain of jobs gave: report.flux FINETUNE_FOLDER TABLE_FOLDER FOLDER
# flux: --job-name=report
# flux: --nodes=1
# flux: --nslots=1
# flux: --time-limit=10m
# flux: --output=none # the job writes a log of its own
. "${BEELINE_JOBSCRIPTS:-jobscripts}/common.sh" flux report "$@"
