#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

/* The one piece of state that status codes need: MPI runs one process per rank, so this is the message of a rank. */
static char recorded[BL_MESSAGE_SIZE];

bl_status bl_fail(bl_status status, const char *format, ...) {
  if (recorded[0] == '\0') {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(recorded, sizeof recorded, format, arguments);
    va_end(arguments);
    /* Names and values from files may be anything; a terminal must not obey them. */
    for (char *at = recorded; *at != '\0'; at++)
      if (((unsigned char)*at < 0x20 && *at != '\n') || *at == 0x7f)
        *at = '?';
  }
  return status;
}

const char *bl_status_message(void) {
  return recorded;
}

void bl_status_clear(void) {
  recorded[0] = '\0';
}
