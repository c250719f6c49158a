#define _XOPEN_SOURCE 700
#include "base/capture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static int saved, reader, is_terminal;

static void must(int good, const char *what) {
  if (!good) {
    perror(what);
    abort();
  }
}

void capture_begin(int columns) {
  int writer;
  fflush(stderr);
  saved = dup(STDERR_FILENO);
  is_terminal = columns > 0;
  if (is_terminal) {
    reader = posix_openpt(O_RDWR | O_NOCTTY);
    must(reader >= 0 && grantpt(reader) == 0 && unlockpt(reader) == 0, "posix_openpt");
    writer = open(ptsname(reader), O_RDWR | O_NOCTTY);
  } else {
    int ends[2];
    must(pipe(ends) == 0, "pipe");
    reader = ends[0];
    writer = ends[1];
  }
  must(writer >= 0 && dup2(writer, STDERR_FILENO) >= 0, "dup2");
  close(writer);
  must(fcntl(reader, F_SETFL, O_NONBLOCK) == 0, "fcntl");
  if (is_terminal)
    capture_resize(columns);
}

void capture_resize(int columns) {
  const struct winsize window = {.ws_row = 24, .ws_col = (unsigned short)columns};
  must(ioctl(reader, TIOCSWINSZ, &window) == 0, "TIOCSWINSZ");
}

void capture_read(char *text, size_t size) {
  size_t length = 0;
  ssize_t got;
  fflush(stderr);
  if (is_terminal)
    nanosleep(&(struct timespec){0, 100000}, NULL); /* the line discipline hands bytes over in its own time */
  while (length + 1 < size && (got = read(reader, text + length, size - 1 - length)) > 0)
    length += (size_t)got;
  text[length] = '\0';
}

void capture_end(void) {
  fflush(stderr);
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(reader);
}
