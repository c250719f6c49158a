/** \file
 * The subcommands of `beeline`, one file each, and what main hands them. */
#ifndef BEELINE_PROGRAMS_PROGRAM_H
#define BEELINE_PROGRAMS_PROGRAM_H

#include "base/options.h"
#include "base/status.h"

#include <mpi.h>
#include <stdbool.h>

/** What the command line said. */
typedef struct bl_invocation {
  const bl_options *options; /**< borrowed */
  int argument_count;        /**< files, where they are no configuration (`average`, `inspect`, `table`, `watch`); else 0 */
  const char *const *arguments; /**< (argument_count) borrowed */
  int set_count;                /**< overrides, which are in the options as well, for a program that makes more options */
  const char *const *sets;      /**< (set_count) as bl_options_load takes them; borrowed */
  bool resume;                  /**< --resume */
  bool overwrite;               /**< --overwrite */
  bool once;                    /**< --once */
  bool profile;                 /**< --profile */
  int batch;                    /**< --batch, 0 when it was not given */
  MPI_Comm comm;                /**< all ranks */
  int argc;                     /**< for the history attribute of files */
  char **argv;
} bl_invocation;

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
extern const bl_program bl_program_inspect;
extern const bl_program bl_program_watch;

#endif
