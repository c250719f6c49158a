/** \file
 * What a test prints on standard error, through a pipe or a pseudo-terminal. */
#ifndef BEELINE_TESTS_CAPTURE_H
#define BEELINE_TESTS_CAPTURE_H

#include <stddef.h>

/** Redirect standard error to a pipe, or, when \a columns is above 0, to a terminal of that width. */
void capture_begin(int columns);

/** Change the width of the terminal. */
void capture_resize(int columns);

/** What was printed since the last call, zero-terminated; \a text has \a size bytes. */
void capture_read(char *text, size_t size);

/** Give standard error back. */
void capture_end(void);

#endif
