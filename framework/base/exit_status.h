/** \file
 * With which status a program ends: what job scripts and people go by. The manual page lists them. */
#ifndef BEELINE_BASE_EXIT_STATUS_H
#define BEELINE_BASE_EXIT_STATUS_H

/** 74 and 75 are EX_IOERR and EX_TEMPFAIL of <sysexits.h>, which is not in POSIX: the same command with --resume goes on.
 * After 75 nothing is wrong; after 74 it may be again, so that scripts should not try for ever without a new checkpoint. */
enum {
  BL_EXIT_DONE = 0,
  BL_EXIT_FAILED = 1,      /**< the work failed, and would again */
  BL_EXIT_REFUSED = 2,     /**< the command line, the configuration or an input; nothing was written */
  BL_EXIT_TRY_AGAIN = 74,  /**< a disk that is full or lost, a limit of a file's size, or the watchdog ended the job */
  BL_EXIT_INTERRUPTED = 75 /**< a signal asked for an end, and everything is kept */
};

#endif
