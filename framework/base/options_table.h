/** \file
 * The keys of the configuration: one row each. Whoever reads, writes, explains or digests a configuration goes through
 * these rows. A new key is a member of its struct in options.h and a row here.
 *
 * The default of a key must compute what was computed before there was the key, and never changes: digests count the keys
 * that differ from it, and a stored configuration that lacks the key is read as having it. */
#ifndef BEELINE_BASE_OPTIONS_TABLE_H
#define BEELINE_BASE_OPTIONS_TABLE_H

#include "base/options.h"

/** At least as many as there are rows; bytes of the longest key, with its end. */
enum { BL_OPTIONS_ROWS = 192, BL_OPTIONS_KEY = 64 };

typedef enum bl_option_type {
  BL_OPTION_SECTION, /**< holds the rows that follow it and begin with its name */
  BL_OPTION_TEXT,    /**< char * */
  BL_OPTION_INPUT,   /**< char *, a path of a file that is read, relative to the folder of the configuration */
  BL_OPTION_INTEGER, /**< int */
  BL_OPTION_LONG,    /**< int64_t */
  BL_OPTION_NUMBER,  /**< double */
  BL_OPTION_BOOL,    /**< bool */
  BL_OPTION_LIST     /**< bl_options_list */
} bl_option_type;

/** A row. */
typedef struct bl_option {
  const char *key; /**< "learner.rounds" */
  bl_option_type type;
  size_t offset;        /**< of its member in bl_options */
  const char *standard; /**< the default as YAML: 20, true, "text", [1, 2] */
  double low, high;     /**< of a number, or of the elements of a list */
  const char *expected; /**< what lies between, "at least 1"; of a text: its values, "mean or sum", NULL for any */
  bool counts;          /**< whether it can change results: it is part of the digest */
  const char *help;     /**< lines; NULL where another row has explained it */
} bl_option;

/** The rows, in the order of --defaults. */
extern const bl_option bl_options_table[];
extern const int bl_options_table_count;

/** The index of the row of \a key, a section's too; -1 when there is none. Not collective. */
int bl_options_row(const char *key);

/** What the word \a text should be, as its row has it, for example "mean or sum"; NULL when it is one of these. Not
 * collective. Borrowed. */
const char *bl_option_expects_word(const bl_option *row, const char *text);

/** What the number \a value should be, for example "at least 1"; NULL when it is within its range. For a list it is asked
 * for every element. Not collective. Borrowed. */
const char *bl_option_expects_number(const bl_option *row, double value);

/** The key or section whose name is nearest to \a key, "" when nothing is near. Not collective. Borrowed. */
const char *bl_options_nearest(const char *key);

#endif
