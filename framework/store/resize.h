/** \file
 * Change of a picture's colours and size, for importing. */
#ifndef BEELINE_STORE_RESIZE_H
#define BEELINE_STORE_RESIZE_H

#include "store/picture.h"

/** RGB to grey by Rec. 601, 0.299 R + 0.587 G + 0.114 B, rounded; a grey picture stays. In place. Not collective. */
void bl_picture_grey(bl_picture *picture);

/** Cut the largest centred square and scale it to \a side × \a side with a triangle filter whose support grows with the
 * reduction, so that nothing aliases (up-scaling is then bilinear interpolation). In place. Not collective. */
bl_status bl_picture_resize(bl_picture *picture, int side);

#endif
