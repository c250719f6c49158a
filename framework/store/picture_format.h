/** \file
 * Decoders of picture files, one per format; for picture.c, which finds out the format. */
#ifndef BEELINE_STORE_PICTURE_FORMAT_H
#define BEELINE_STORE_PICTURE_FORMAT_H

#include "store/picture.h"

enum { BL_PICTURE_SIDE = 16384, BL_PICTURE_PIXELS = 1 << 26 }; /**< larger pictures are refused */

/** Decode the PNG file in \a data. Palettes become RGB, 16 bits 8; alpha is laid over grey 127;
 * turned as the chunk eXIf says. Not collective.
 * \param [out] picture caller's. \param [in] path for messages. Returns BL_ERROR_INPUT with offset and reason. */
bl_status bl_picture_decode_png(bl_picture *picture, const uint8_t *data, size_t size, const char *path);

/** Decode the JPEG file in \a data, to grey or RGB; CMYK and YCCK with Adobe's marker, whose values are inverted (255: no
 * ink), to RGB as (255 − C)(255 − K) / 255. Not collective. \param [out] picture caller's. \param [in] path for messages.
 * Returns BL_ERROR_INPUT with the reason, also for a file that ends too early, and for CMYK without that marker, which does
 * not tell whether its values are inverted. */
bl_status bl_picture_decode_jpeg(bl_picture *picture, const uint8_t *data, size_t size, const char *path);

/** What a file that is neither PNG nor JPEG is by its first bytes: "a WebP picture"; NULL where that is not known. Not
 * collective. */
const char *bl_picture_kind(const uint8_t *data, size_t size);

#endif
