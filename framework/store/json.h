/** \file
 * Small JSON files, such as configurations of other programs, by jansson. */
#ifndef BEELINE_STORE_JSON_H
#define BEELINE_STORE_JSON_H

#include "base/status.h"

#include <jansson.h>
#include <stddef.h>

/** Read a file of at most 64 KiB that holds one object, nested at most 32 deep, no key twice. Not collective. \param [out]
 * json  the caller's; json_decref. Returns BL_ERROR_INPUT with file, offset and reason. */
bl_status bl_json_read(json_t **json, const char *path);

/** A value as text, for messages. Not collective. \param [out] text  (size) caller's. Returns \a text. */
const char *bl_json_text(char *text, size_t size, const json_t *value);

/** Write \a json as store/output.h writes files, with indents; takes it over. Not collective. NULL: BL_ERROR_SYSTEM, out of
 * memory. */
bl_status bl_json_write(const char *path, json_t *json);

#endif
