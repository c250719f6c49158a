/** \file
 * A panel of a picture: some samples of a data set, or of a model beside it. Not collective. */
#ifndef BEELINE_REPORT_PANEL_H
#define BEELINE_REPORT_PANEL_H

#include "store/dataset.h"
#include "store/picture.h"

/** Images of the size of those of \a data in a grid of \a columns, enlarged to a size that people can see. \param [out]
 * picture  the caller's; bl_picture_destroy. \param [in] images (count, channels, height, width), borrowed. */
bl_status bl_panel_images(bl_picture *picture, const bl_dataset *data, const uint8_t *images, size_t count, int columns);

/** Images of \a data itself, at most \a most, spread evenly over it: many sets come sorted by class. \param [out] picture
 * the caller's; bl_picture_destroy. */
bl_status bl_panel_data(bl_picture *picture, const bl_dataset *data, size_t most, int columns);

/** Points of the plane, in [-1, 1]^2, over those of \a data, on a square of \a side pixels. \param [out] picture  the
 * caller's; bl_picture_destroy. \param [in] points (count, 2), borrowed; NULL for the data alone. */
bl_status bl_panel_points(bl_picture *picture, const bl_dataset *data, const float *points, size_t count, int side);

#endif
