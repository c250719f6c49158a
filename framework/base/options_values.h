/** \file
 * The values behind a bl_options: one a row of the table, merged from the defaults, the file and the overrides, with where
 * each came from. For the files of options. */
#ifndef BEELINE_BASE_OPTIONS_VALUES_H
#define BEELINE_BASE_OPTIONS_VALUES_H

#include "base/options_table.h"

typedef enum bl_options_source { BL_SOURCE_DEFAULT, BL_SOURCE_FILE, BL_SOURCE_ARGUMENT } bl_options_source;

/** The value of a row; nothing for a section. */
typedef struct bl_options_slot {
  char *text; /**< as YAML: 20, true, "text", [1, 2]; owned */
  bl_options_source source;
  int line;             /**< of the file */
  const char *argument; /**< of the command line, or the place of a setting; owned by bl_options_loaded */
  const char *relative; /**< file in whose folder a path begins; NULL: the working folder; likewise */
} bl_options_slot;

/** What stands behind a bl_options. */
typedef struct bl_options_loaded {
  bl_options options; /**< first, so that a bl_options is a bl_options_loaded */
  bl_options_slot slots[BL_OPTIONS_ROWS];
  char *path;  /**< of the file; "" when there is none; owned */
  bool stored; /**< an earlier version may have written it: removed keys with their defaults are passed over */
  int argument_count;
  char **arguments;     /**< (argument_count) "--set key=value", or a place; owned */
  char **folders;       /**< (argument_count) files in whose folders the paths of a setting begin, NULL for none; owned */
  const char *relative; /**< of what is being read, see bl_options_slot */
  char *text;           /**< all as YAML; owned, from malloc */
  char digest[BL_OPTIONS_DIGEST];
} bl_options_loaded;

/** What stands behind \a options. Not collective. Borrowed. */
const bl_options_loaded *bl_options_behind(const bl_options *options);

/** Give every row its default. Not collective. */
bl_status bl_options_set_defaults(bl_options_loaded *loaded);

/** Merge YAML text over the values. Not collective.
 * \param [in] name  for messages: the path of the file, or the argument; borrowed, kept for an argument.
 * \param [in] text, size  the YAML; need not end with a zero byte.
 * \param [in] row  index of what the text is a value of; -1 for a whole file.
 * Returns BL_ERROR_USAGE or BL_ERROR_INPUT with a message that names the place, what was found and what was expected. */
bl_status bl_options_read(bl_options_loaded *loaded, bl_options_source source, const char *name, const char *text,
                          size_t size, int row);

/** Give the members of bl_options their values, paths resolved. Not collective. */
bl_status bl_options_fill(bl_options_loaded *loaded);

/** Release the values and members. Not collective. */
void bl_options_release(bl_options_loaded *loaded);

/** Whether two values of a row are the same; numbers count by value. Not collective. */
bool bl_options_same(const bl_option *row, const char *a, const char *b);

/** The configuration of \a loaded as YAML text. Not collective. Returns BL_ERROR_SYSTEM when memory is short. */
bl_status bl_options_write(bl_options_loaded *loaded);

#endif
