/** \file
 * Decoders of picture files, one per format; for picture.c, which finds out the format. */
#ifndef BEELINE_STORE_PICTURE_FORMAT_H
#define BEELINE_STORE_PICTURE_FORMAT_H

#include "store/picture.h"

enum { BL_PICTURE_SIDE = 16384, BL_PICTURE_PIXELS = 1 << 26 }; /**< larger pictures are refused */

/** Decode the PNG file in \a data. Palettes become RGB, 16 bits 8; alpha is laid over grey 127. Not collective.
 * \param [out] picture caller's. \param [in] path for messages. Returns BL_ERROR_INPUT with offset and reason. */
bl_status bl_picture_decode_png(bl_picture *picture, const uint8_t *data, size_t size, const char *path);

/** Decode the JPEG file in \a data, to grey or RGB. Not collective. \param [out] picture caller's. \param [in] path for
 * messages. Returns BL_ERROR_INPUT with the reason, also for a file that ends too early. */
bl_status bl_picture_decode_jpeg(bl_picture *picture, const uint8_t *data, size_t size, const char *path);

#endif
