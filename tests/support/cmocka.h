/** \file
 * cmocka, with the headers that it needs before it, and a comparison of doubles, which older versions lack. */
#ifndef BEELINE_SUPPORT_CMOCKA_H
#define BEELINE_SUPPORT_CMOCKA_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <math.h>

/** Fail unless |found − expected| ≤ tolerance; NaN fails. */
#define assert_near(found, expected, tolerance) \
  bl_assert_near((double)(found), (double)(expected), (double)(tolerance), #found, __FILE__, __LINE__)

static inline void bl_assert_near(double found, double expected, double tolerance, const char *text, const char *file,
                                  int line) {
  if (fabs(found - expected) <= tolerance || (isinf(found) && found == expected))
    return;
  print_error("%s is %.17g, expected %.17g within %g\n", text, found, expected, tolerance);
  _fail(file, line);
}

#endif
