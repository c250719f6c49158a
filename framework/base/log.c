#include "base/log.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

static bool speaks_here = true;
static bool line_open = false;

void bl_log_speak(bool speaks) {
  speaks_here = speaks;
}

bool bl_log_speaks(void) {
  return speaks_here;
}

void bl_log_line_open(bool open) {
  line_open = open;
}

/* One write per line, so that lines of several ranks do not mix. */
static void print_line(const char *prefix, const char *format, va_list arguments) {
  char text[2048], shown[2048];
  if (!speaks_here)
    return;
  vsnprintf(text, sizeof text, format, arguments);
  bl_text_escape(shown, sizeof shown, text, false);
  fprintf(stderr, "%s%s%s\n", line_open ? "\r\033[K" : "", prefix, shown);
  line_open = false;
}

void bl_log(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_line("", format, arguments);
  va_end(arguments);
}

void bl_warn(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_line("warning: ", format, arguments);
  va_end(arguments);
}
