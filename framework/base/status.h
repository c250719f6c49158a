/** \file
 * Status codes and error messages: library code returns a status and never exits.
 *
 * The first failure on a rank records one message (what was found, what was expected, what to do); later failures while the
 * stack unwinds keep it. Programs print it once, after all ranks agreed (see parallel/agree.h).
 *
 * Not thread-safe: report failures from one thread, outside parallel regions.
 */
#ifndef BEELINE_BASE_STATUS_H
#define BEELINE_BASE_STATUS_H

/** Room for a message with its terminating zero, in bytes; a longer one is cut. */
#define BL_MESSAGE_SIZE 1024

/** What went wrong, from harmless to fatal; ranks agree on the largest. */
typedef enum bl_status {
  BL_OK = 0,
  BL_INTERRUPTED,   /**< asked by a signal to end early, with everything kept; programs exit with 75 (base/exit_status.h) */
  BL_ERROR_USAGE,   /**< the command line or the configuration; programs exit with 2 */
  BL_ERROR_INPUT,   /**< a file that was read; programs exit with 2 */
  BL_ERROR_NUMERIC, /**< NaN, infinity or an overflow of an exact sum; programs exit with 1 */
  BL_ERROR_STORAGE, /**< a disk that is full or lost, a quota or a limit of a file's size; programs exit with 74 */
  BL_ERROR_SYSTEM,  /**< memory, disk, permissions of an output; programs exit with 1 (with 2 before work starts) */
  BL_ERROR_LIBRARY  /**< MPI, oneDNN, netCDF or LAPACK refused a call; programs exit with 1 */
} bl_status;

/** Record a message for the failure \a status and return \a status.
 * Not collective.
 * Keeps the first message until bl_status_clear(); \a format is printf's, one line, no trailing newline; control characters
 * that come with its values are kept as escapes (base/text.h). */
bl_status bl_fail(bl_status status, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/** The recorded message ("" when there is none). Not collective. Borrowed, valid until the next bl_fail or clear. */
const char *bl_status_message(void);

/** Forget the recorded message, after it was printed or handled. Not collective. */
void bl_status_clear(void);

/** Return from the calling function with the status of \a call unless it is BL_OK. */
#define BL_TRY(call)                  \
  do {                                \
    bl_status bl_try_status = (call); \
    if (bl_try_status != BL_OK)       \
      return bl_try_status;           \
  } while (0)

/** Evaluate \a call into the variable `status` and jump to the label `done` unless it is BL_OK. */
#define BL_GOTO(call)    \
  do {                   \
    status = (call);     \
    if (status != BL_OK) \
      goto done;         \
  } while (0)

#endif
