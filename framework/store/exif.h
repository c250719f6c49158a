/** \file
 * How a camera was held: the tag Orientation of EXIF (CIPA DC-008, 4.6.4), and pictures turned as it says. */
#ifndef BEELINE_STORE_EXIF_H
#define BEELINE_STORE_EXIF_H

#include "store/picture.h"

/** The orientation in a block of EXIF, which is a TIFF file of either byte order: 1 (as stored) to 8. Only the first
 * directory counts, which is that of the picture itself. Not collective. \param [in] bytes (size), borrowed. Returns 1
 * where the block is damaged, has no such tag, or one of another type, count or value than the standard's. */
int bl_exif_orientation(const uint8_t *bytes, size_t size);

/** Turn a picture, stored with \a orientation (1 to 8), as it is to be shown: 2 mirrored, 3 by half a turn, 4 mirrored
 * upside down, 5 transposed, 6 by a quarter clockwise, 7 transposed over the other diagonal, 8 by a quarter anti-clockwise.
 * From 5 on height and width change places. Sets picture->turned unless it is 1. In place. Not collective. */
bl_status bl_picture_turn(bl_picture *picture, int orientation);

#endif
