#include "base/status.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

/* The one piece of state that status codes need: MPI runs one process per rank, so this is the message of a rank. */
static char recorded[BL_MESSAGE_SIZE];

bl_status bl_fail(bl_status status, const char *format, ...) {
  if (recorded[0] == '\0') {
    char text[BL_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    bl_text_escape(recorded, sizeof recorded, text, false);
  }
  return status;
}

const char *bl_status_message(void) {
  return recorded;
}

void bl_status_clear(void) {
  recorded[0] = '\0';
}
