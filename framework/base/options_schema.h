/** \file
 * The keys of the configuration as libcyaml's schema, and what their values may be. For options.c and options_read.c. */
#ifndef BEELINE_BASE_OPTIONS_SCHEMA_H
#define BEELINE_BASE_OPTIONS_SCHEMA_H

#include "base/options.h"

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <stddef.h>

enum { BL_OPTIONS_SLOTS = 192, BL_OPTIONS_KEY = 64, BL_OPTIONS_FIELDS = 32 };

/** Where a value came from. */
typedef enum bl_options_source { BL_SOURCE_NONE, BL_SOURCE_DEFAULT, BL_SOURCE_FILE, BL_SOURCE_ARGUMENT } bl_options_source;

/** One key that holds a value ("learner.rounds"). */
typedef struct bl_options_slot {
  char key[BL_OPTIONS_KEY];
  const cyaml_schema_value_t *type;
  char *value;    /**< as YAML: 20, true, "text", [1, 2]; owned */
  char *standard; /**< that of defaults.yaml; owned */
  bl_options_source source;
  int line;             /**< of the file */
  const char *argument; /**< of the command line, or the place of a setting; owned by bl_options_merge */
  const char
      *relative; /**< file in whose folder a relative path of an input begins; NULL: the working folder; as argument */
} bl_options_slot;

/** The defaults, the file and the overrides, merged, before libcyaml reads them; kept for provenance and messages. */
typedef struct bl_options_merge {
  int slot_count;
  bl_options_slot slots[BL_OPTIONS_SLOTS]; /**< in the order of the schema */
  char *path;                              /**< of the file; "" when there is none; owned */
  int argument_count;
  char **arguments;     /**< (argument_count) "--set key=value", or a place; owned */
  char **folders;       /**< (argument_count) files in whose folders the paths of a setting begin, NULL for none; owned */
  const char *relative; /**< of what is being read, see the slots */
  char *text;           /**< all as YAML; owned, from malloc */
  char digest[BL_OPTIONS_DIGEST];
} bl_options_merge;

/** What stands behind a bl_options. */
typedef struct bl_options_loaded {
  bl_options options; /**< filled by libcyaml; first, so that a bl_options is a bl_options_loaded */
  bl_options_merge *merge;
} bl_options_loaded;

/** The whole configuration: a mapping into a bl_options_loaded. */
extern const cyaml_schema_value_t bl_options_schema;

/** The type of the key `name` (of \a length bytes) in the section \a section, NULL when there is none. Not collective. */
const cyaml_schema_value_t *bl_options_schema_find(const cyaml_schema_value_t *section, const char *name, size_t length);

/** List all keys that hold values. Not collective. \param [out] slots (BL_OPTIONS_SLOTS), caller's. Returns how many. */
int bl_options_schema_list(bl_options_slot *slots);

/** Whether \a key names an input file, whose path is relative to the configuration's folder. Not collective. */
bool bl_options_schema_is_input(const char *key);

/** Whether \a value, as YAML, of \a key can change results, and so counts in the digest. Not collective. */
bool bl_options_schema_is_digested(const char *key, const char *value);

/** What the number \a value of \a key should be, for example "at least 1"; NULL when it is within its range. Not
 * collective. For a list it is asked for every element. Borrowed. */
const char *bl_options_schema_range(const char *key, double value);

/** The key or section whose name is nearest to \a key, "" when nothing is near. Not collective.
 * \param [out] nearest (BL_OPTIONS_KEY), caller's. */
void bl_options_schema_nearest(char *nearest, const char *key);

#endif
