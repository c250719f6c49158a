/** \file
 * Text from files and command lines, made safe for a terminal.
 *
 * Names, attributes, labels and values may hold anything: commands for the terminal, letters that turn the order of what
 * follows, lines of their own that look like ours. What is shown to a person goes through here; base/print.h, base/log.h
 * and base/status.h do so themselves. */
#ifndef BEELINE_BASE_TEXT_H
#define BEELINE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#endif
