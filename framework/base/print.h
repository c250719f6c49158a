/** \file
 * What a program prints for people: on standard output, or as a table into a file.
 *
 * No text that comes from a file can command a terminal (base/text.h), and no output is lost without a word: standard
 * output that is full or closed is told by bl_print_end. A reader that goes away (`| head`) is no failure, and does not end
 * a program: bl_print_begin has SIGPIPE ignored. */
#ifndef BEELINE_BASE_PRINT_H
#define BEELINE_BASE_PRINT_H

#include "base/status.h"

#include <stdbool.h>
#include <stdio.h>

/** At the start of a program: descriptors 0 to 2 that are closed lead nowhere from now on, so that no file that is opened
 * later gets what is printed; SIGPIPE is ignored. Not collective. */
void bl_print_begin(void);

/** Print on standard output, printf's way, with control characters as escapes, all but the line feeds of \a format itself.
 * Not collective. */
void bl_print(const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 1, 2)))
#endif
    ;

/** The same into \a file. Not collective. */
void bl_print_to(FILE *file, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/** Print a text of our own on standard output as it is, control characters included. Not collective. */
void bl_print_raw(const char *text);

/** Send what is printed so far. Not collective. Returns whether anybody can still read it. */
bool bl_print_flush(void);

/** Send what is printed, at the end of a program. Not collective. Returns BL_ERROR_SYSTEM where something that was printed
 * is lost, with the reason, unless a reader went away. */
bl_status bl_print_end(void);

#endif
