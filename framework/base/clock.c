#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

double bl_clock_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void bl_clock_utc(char *text, size_t size) {
  time_t now = time(NULL);
  struct tm utc;
  if (gmtime_r(&now, &utc) == NULL || strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
    snprintf(text, size, "unknown");
}

void bl_clock_duration(char *text, size_t size, double seconds) {
  if (!isfinite(seconds) || seconds < 0.0 || seconds > 1e9) {
    snprintf(text, size, "unknown");
  } else if (seconds < 9.95) {
    snprintf(text, size, "%.1f s", seconds);
  } else {
    long whole = lround(seconds);
    if (whole < 60)
      snprintf(text, size, "%ld s", whole);
    else if (whole < 3600)
      snprintf(text, size, "%ld min %02ld s", whole / 60, whole % 60);
    else if (whole < 86400)
      snprintf(text, size, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
    else
      snprintf(text, size, "%ld d %02ld h", whole / 86400, whole / 3600 % 24);
  }
}
