/** \file
 * Wall-clock time. */
#ifndef BEELINE_BASE_CLOCK_H
#define BEELINE_BASE_CLOCK_H

#include <stddef.h>

/** Seconds since an arbitrary fixed moment, monotonic. Not collective. */
double bl_clock_seconds(void);

/** The present time as ISO 8601 in UTC ("2026-01-31T12:00:00Z"). Not collective. \param [out] text caller's, ≥ 21 bytes. */
void bl_clock_utc(char *text, size_t size);

/** A duration for a person ("4.2 s", "42 s", "3 min 05 s", "2 h 10 min", "1 d 03 h"; "unknown" when negative or not
 * finite). Not collective. \param [out] text caller's, ≥ 32 bytes. */
void bl_clock_duration(char *text, size_t size, double seconds);

#endif
