/** \file
 * What other programs let `pretrain` do. */
#ifndef BEELINE_PROGRAMS_PRETRAIN_H
#define BEELINE_PROGRAMS_PRETRAIN_H

#include "programs/program.h"

/** Train the head moments.head of the model that the section `model` names, which stays as it is, into the folder `output`
 * as pre-training does: checkpoints, record, model.nc. Collective; all ranks return the same status. */
bl_status bl_pretrain_head(const bl_invocation *invocation);

#endif
