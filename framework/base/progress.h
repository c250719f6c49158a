/** \file
 * A progress bar with time left: redrawn in place on a terminal, a line every ten seconds elsewhere.
 *
 *     fine-tune  [=========>                    ]   33 %  100/300  41 s, 1 min 20 s left  critic -0.31  value 0.42
 *
 * A program that has a line of figures for each step, as batch jobs like it, prints those instead (bl_progress_row).
 *
 * Where TERM is dumb a line cannot be drawn anew, and lines come as well. Below mpiexec the bar is drawn when mpiexec
 * itself writes to a terminal. The environment variable BEELINE_PROGRESS=bar or BEELINE_PROGRESS=lines decides where that
 * guess is wrong. */
#ifndef BEELINE_BASE_PROGRESS_H
#define BEELINE_BASE_PROGRESS_H

#include "base/status.h"

/** A bar that counts from `first` to `total`. */
typedef struct bl_progress bl_progress;

/** Start a bar. Not collective; silent where bl_log_speaks() is false.
 * \param [out] progress  the caller's; finish with bl_progress_finish.
 * \param [in] title  copied; a word or two, for example "fine-tune".
 * \param [in] first  steps that are already done (after a resume); time left counts only new ones. */
bl_status bl_progress_start(bl_progress **progress, const char *title, long first, long total);

/** Say that \a done steps of the total are done, with a few figures ("critic -0.31  value 0.42", printf's format).
 * Not collective. Draws at most ten times a second. */
void bl_progress_update(bl_progress *progress, long done, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/** Where no bar is drawn: print a line as it is, "program=finetune round=12 seconds=0.81 ..." (printf's format). From the
 * first one on they take the place of the lines every ten seconds. Not collective; silent where bl_log_speaks() is false.
 */
void bl_progress_row(bl_progress *progress, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/** Draw the last state, end the line, release *\a progress and set it to NULL (NULL is allowed). Not collective. */
void bl_progress_finish(bl_progress **progress);

#endif
