/** \file
 * Text of people, from files and names: what stands before it, its letters, and how to show it. */
#ifndef BEELINE_BASE_TEXT_H
#define BEELINE_BASE_TEXT_H

#include "base/status.h"

#include <stddef.h>

/** Find where the text of a file begins: after the byte order mark of UTF-8 (ef bb bf) where it has one, which some editors
 * write. Not collective. \param [out] start  0 or 3. \param [in] path  for messages. Returns BL_ERROR_USAGE for UTF-16 and
 * UTF-32, with or without their marks, named as such, and how to convert them. */
bl_status bl_text_begin(size_t *start, const char *path, const char *text, size_t size);

/** Bytes of the UTF-8 letter that begins \a text of \a length bytes; 0 when it is none, or a control character, or breaks a
 * line for YAML. Not collective. */
size_t bl_text_letter(const char *text, size_t length);

/** Make \a text fit for a message: what is not UTF-8 or no letter becomes '?', the end of a long one "...". Not collective.
 * \param [out] clipped (size), the caller's. */
void bl_text_clip(char *clipped, size_t size, const char *text, size_t length);

#endif
