/** \file
 * Fine-tuning as a part of another program. */
#ifndef BEELINE_PROGRAMS_FINETUNE_H
#define BEELINE_PROGRAMS_FINETUNE_H

#include "programs/program.h"

/** Refuse what `beeline finetune` would refuse before it starts to learn, and write nothing: files, data, sampler, roles,
 * the output folder. To run it, call bl_program_finetune.run. Collective over the ranks of the invocation. */
bl_status bl_finetune_check(const bl_invocation *invocation);

#endif
