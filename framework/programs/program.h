/** \file
 * The subcommands of `beeline`, one file each, and what main hands them. */
#ifndef BEELINE_PROGRAMS_PROGRAM_H
#define BEELINE_PROGRAMS_PROGRAM_H

#include "parallel/invocation.h"

/** A row of the table in main.c. */
typedef struct bl_program {
  const char *name;
  const char *summary; /**< for `beeline --help` */
  const char *help;    /**< for `beeline NAME --help`: usage, keys that matter, an example */
  bool resumes;        /**< whether --resume means something */
  bool takes_argument; /**< whether FILE is handed over as it is, not read as a configuration */
  bool takes_many;     /**< and whether there may be more than one */
  bl_status (*run)(const bl_invocation *invocation); /**< Collective; all ranks return the same status */
} bl_program;

extern const bl_program bl_program_import;
extern const bl_program bl_program_pretrain;
extern const bl_program bl_program_finetune;
extern const bl_program bl_program_moments;
extern const bl_program bl_program_distill;
extern const bl_program bl_program_sample;
extern const bl_program bl_program_evaluate;
extern const bl_program bl_program_table;
extern const bl_program bl_program_average;
extern const bl_program bl_program_export;
extern const bl_program bl_program_inspect;
extern const bl_program bl_program_watch;

#endif
