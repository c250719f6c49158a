/** \file
 * Curves drawn with characters, for a terminal. Not collective. */
#ifndef BEELINE_REPORT_CHART_H
#define BEELINE_REPORT_CHART_H

#include <stddef.h>
#include <stdio.h>

/** Places of a line, and columns before them. */
enum { BL_CHART_WIDEST = 256, BL_CHART_MARGIN = 14 };

/** Draw \a values (count) from left to right: \a height lines of \a width ≤ BL_CHART_WIDEST places, least and most at the
 * left, the mean of the values of a place marked by a star. What is not finite is left out; where nothing is finite,
 * nothing is drawn. No line is longer than BL_CHART_MARGIN + \a width, but for the last value. */
void bl_chart_draw(FILE *file, const char *title, const double *values, size_t count, int width, int height);

#endif
