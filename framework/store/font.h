/** \file
 * A small bitmap font for captions: printable ASCII, 5 dots wide, 7 high and one below the line. */
#ifndef BEELINE_STORE_FONT_H
#define BEELINE_STORE_FONT_H

#include <stdbool.h>

enum { BL_FONT_WIDTH = 5, BL_FONT_HEIGHT = 8 };

/** Whether \a letter has a dot in row \a y (0 at the top) and column \a x. Letters outside ASCII show as '?'.
 * Not collective. */
bool bl_font_dot(char letter, int y, int x);

#endif
