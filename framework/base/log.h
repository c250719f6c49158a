/** \file
 * Messages for people, on standard error. Only the root rank speaks, unless a rank must. Control characters in them are
 * shown as escapes (base/text.h). */
#ifndef BEELINE_BASE_LOG_H
#define BEELINE_BASE_LOG_H

#include <stdbool.h>

/** Let this process print (the root rank) or stay silent. Not collective. Default: print. */
void bl_log_speak(bool speaks);

/** Whether this process prints. Not collective. */
bool bl_log_speaks(void);

/** One line of information, when this process speaks. Not collective. */
void bl_log(const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 1, 2)))
#endif
    ;

/** One line that starts with "warning: ", when this process speaks. Not collective. */
void bl_warn(const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 1, 2)))
#endif
    ;

/** Say that an unfinished line stands on the terminal (a progress bar), so that the next message takes its place, or that
 * there is none any more. Not collective. For base/progress.c. */
void bl_log_line_open(bool open);

#endif
