/** \file
 * What the command line said, on all ranks. */
#ifndef BEELINE_PARALLEL_INVOCATION_H
#define BEELINE_PARALLEL_INVOCATION_H

#include "base/options.h"

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

#endif
