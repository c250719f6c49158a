#!/bin/bash
# sbatch with the options of the site: submit.sh [OPTION OF SBATCH]... SCRIPT.sbatch ARGUMENT...
here=$(cd "$(dirname "$0")" && pwd)
export BEELINE_JOBSCRIPTS=${BEELINE_JOBSCRIPTS:-$here}
. "${BEELINE_SITE:-$here/site.conf}" || exit 2
exec sbatch $sbatch_options "$@"
