/** \file
 * Tests that leave parts out where valgrind runs them. */
#ifndef BEELINE_TESTS_SUPPORT_VALGRIND_H
#define BEELINE_TESTS_SUPPORT_VALGRIND_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/** Whether launch.sh was told to put valgrind before the test. */
static inline bool under_valgrind(void) {
  const char *wrapper = getenv("TEST_WRAPPER");
  return wrapper != NULL && strstr(wrapper, "valgrind") != NULL;
}

#endif
