/** \file
 * Reading of YAML into the slots of a configuration. For options.c. */
#ifndef BEELINE_BASE_OPTIONS_READ_H
#define BEELINE_BASE_OPTIONS_READ_H

#include "base/options_schema.h"

/** Merge YAML text over \a merge. Not collective.
 * \param [in] name  for messages: the path of the file, or the argument; borrowed, kept for an argument.
 * \param [in] text, size  the YAML; need not end with a zero byte.
 * \param [in] type, key  what the text is a value of: &bl_options_schema and "" for a whole file.
 * Returns BL_ERROR_USAGE or BL_ERROR_INPUT with a message that names the place, what was found and what was expected. */
bl_status bl_options_read(bl_options_merge *merge, bl_options_source source, const char *name, const char *text,
                          size_t size, const cyaml_schema_value_t *type, const char *key);

/** The slot of \a key, NULL when there is none. Not collective. Borrowed from \a merge. */
bl_options_slot *bl_options_slot_find(bl_options_merge *merge, const char *key);

#endif
