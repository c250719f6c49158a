/** \file
 * Text from files of people: what stands before it. */
#ifndef BEELINE_BASE_TEXT_H
#define BEELINE_BASE_TEXT_H

#include "base/status.h"

#include <stddef.h>

/** Find where the text of a file begins: after the byte order mark of UTF-8 (ef bb bf) where it has one, which some editors
 * write. Not collective. \param [out] start  0 or 3. \param [in] path  for messages. Returns BL_ERROR_USAGE for UTF-16 and
 * UTF-32, with or without their marks, named as such, and how to convert them. */
bl_status bl_text_begin(size_t *start, const char *path, const char *text, size_t size);

#endif
