#include "base/print.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first failure of standard output; 0 while there is none. */
static int reason;

static void note_failure(void) {
  if (reason == 0)
    reason = errno != 0 ? errno : EIO;
}

void bl_print_begin(void) {
  for (int descriptor = 0; descriptor <= 2; descriptor++) /* the wrong way round, so that using one fails as before */
    if (fcntl(descriptor, F_GETFD) < 0)
      (void)!open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY);
  signal(SIGPIPE, SIG_IGN);
}

static void put(FILE *file, const char *text) {
  errno = 0;
  if (fputs(text, file) == EOF && file == stdout)
    note_failure();
}

/* \param [in] feed  the letter that stands for a line feed of ours. */
static void put_escaped(FILE *file, const char *text, char feed) {
  char piece[1024];
  for (size_t length = strlen(text), used = 0; length > 0; used = 0) {
    while (length > 0 && used + BL_LETTER_SIZE < sizeof piece) {
      const size_t taken = bl_text_show(piece + used, text, length);
      if (*text == feed)
        memcpy(piece + used, "\n", 2);
      used += strlen(piece + used);
      text += taken;
      length -= taken;
    }
    put(file, piece);
  }
}

static size_t count_letter(const char *text, char letter) {
  size_t count = 0;
  for (; *text != '\0'; text++)
    count += *text == letter;
  return count;
}

/* The caller's, to free; NULL without memory. */
static char *format_text(const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  const int length = vsnprintf(NULL, 0, format, again);
  va_end(again);
  char *text = length < 0 ? NULL : malloc((size_t)length + 1);
  if (text != NULL)
    vsnprintf(text, (size_t)length + 1, format, arguments);
  return text;
}

/* Line feeds of the format are ours, those of its values are not. To tell them apart, a letter that no value has takes the
 * place of ours; most values have no line feeds, so that those themselves will do. Returns whether it was such a letter. */
static bool print_with(FILE *file, char feed, const char *format, va_list arguments) {
  char *ours = strdup(format);
  for (char *at = ours; at != NULL && (at = strchr(at, '\n')) != NULL; at++)
    *at = feed;
  char *text = ours == NULL ? NULL : format_text(ours, arguments);
  const bool certain = text == NULL || count_letter(text, feed) == count_letter(ours, feed);
  if (text != NULL && certain)
    put_escaped(file, text, feed);
  free(text);
  free(ours);
  return certain;
}

static void print(FILE *file, const char *format, va_list arguments) {
  static const char feeds[] = "\n\001\002\003\004\005\006\007\010\013\014\016\017\020\021\022";
  bool done = false;
  for (const char *feed = feeds; !done && *feed != '\0'; feed++) {
    va_list again;
    va_copy(again, arguments);
    done = print_with(file, *feed, format, again);
    va_end(again);
  }
}

void bl_print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print(stdout, format, arguments);
  va_end(arguments);
}

void bl_print_to(FILE *file, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print(file, format, arguments);
  va_end(arguments);
}

void bl_print_raw(const char *text) {
  put(stdout, text);
}

bool bl_print_flush(void) {
  errno = 0;
  if (fflush(stdout) == EOF)
    note_failure();
  return reason == 0;
}

bl_status bl_print_end(void) {
  if (bl_print_flush() || reason == EPIPE)
    return BL_OK;
  return bl_fail(BL_ERROR_SYSTEM, "standard output cannot be written, and what was printed is lost: %s", strerror(reason));
}
