/** \file
 * Text of people, from files and command lines: where it begins, its letters, and how to show it safely on a terminal.
 *
 * Names, attributes, labels and values may hold anything: commands for the terminal, letters that turn the order of what
 * follows, lines of their own that look like ours. What is shown to a person goes through here; base/print.h, base/log.h
 * and base/status.h do so themselves. */
#ifndef BEELINE_BASE_TEXT_H
#define BEELINE_BASE_TEXT_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Find where the text of a file begins: after the byte order mark of UTF-8 (ef bb bf) where it has one, which some editors
 * write. Not collective. \param [out] start  0 or 3. \param [in] path  for messages. Returns BL_ERROR_USAGE for UTF-16 and
 * UTF-32, with or without their marks, named as such, and how to convert them. */
bl_status bl_text_begin(size_t *start, const char *path, const char *text, size_t size);

/** Room for one letter as it is shown, with its terminating zero. */
enum { BL_LETTER_SIZE = 12 };

/** The letter that the UTF-8 text of \a length bytes begins with. Not collective. \param [out] letter  its code. Returns
 * its bytes; 0 where the text is no UTF-8 (overlong forms, surrogates and codes above 10FFFF are none). */
size_t bl_text_letter(uint32_t *letter, const char *text, size_t length);

/** The first letter of a text, as it is shown. Not collective. As it is, or as an escape: "\x1b" for control characters of
 * ASCII and for bytes that are no UTF-8, "\n", "\r" and "\t", and "\u009b" for the other controls, for letters that turn
 * the direction of text (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), for separators of lines (U+2028,
 * U+2029) and for U+FEFF. \param [out] shown  BL_LETTER_SIZE bytes. Returns how many of the \a length > 0 bytes it took, at
 * least 1. */
size_t bl_text_show(char *shown, const char *text, size_t length);

/** A whole text so. Not collective. \param [out] shown  the caller's, \a size > 0 bytes; what does not fit is left out, by
 * whole letters. \param [in] text  not \a shown. \param [in] lines  leave its line feeds as they are. */
void bl_text_escape(char *shown, size_t size, const char *text, bool lines);

/** The beginning of \a text of \a length bytes so, for a message: "..." stands for what does not fit. Not collective.
 * \param [out] clipped  the caller's, \a size > 3 bytes. */
void bl_text_clip(char *clipped, size_t size, const char *text, size_t length);

#endif
