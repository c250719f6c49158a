/** \file
 * The command line of `beeline`, read. For main.c. */
#ifndef BEELINE_PROGRAMS_COMMAND_LINE_H
#define BEELINE_PROGRAMS_COMMAND_LINE_H

#include "base/status.h"

#include <stdbool.h>

enum { BL_COMMAND_SETS = 256, BL_COMMAND_FILES = 256, BL_COMMAND_BATCH = 65536 };

/** What was asked for. All text is borrowed from argv. */
typedef struct bl_command_line {
  const char *command; /**< "finetune"; NULL when none was given */
  int file_count;
  const char *files[BL_COMMAND_FILES]; /**< the configuration, or files to inspect, average and so on */
  int set_count;
  char *sets[BL_COMMAND_SETS]; /**< "key=value" or "--seed=3", as bl_options_load takes them; owned */
  bool resume;
  bool overwrite;
  bool once;
  bool profile;
  int batch; /**< 0 when none was given */
  bool help;
  bool version;
  bool defaults;
} bl_command_line;

/** Read argv. Not collective. \param [out] line  the caller's; release with bl_command_line_destroy, also after a failure.
 * Returns BL_ERROR_USAGE for an unknown option, a missing argument, a batch that is no whole number above 0, or more
 * files than there is room for. */
bl_status bl_command_line_read(bl_command_line *line, int argc, char **argv);

/** Release what bl_command_line_read allocated. Not collective. */
void bl_command_line_destroy(bl_command_line *line);

#endif
