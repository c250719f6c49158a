/** \file
 * Pictures for people: PNG grids of samples, and reading PNG and JPEG. */
#ifndef BEELINE_STORE_PICTURE_H
#define BEELINE_STORE_PICTURE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** An 8-bit picture, channels last. */
typedef struct bl_picture {
  int channels; /**< 1 grey, 3 RGB */
  int height, width;
  uint8_t *pixels; /**< (height, width, channels); owned */
  bool turned;     /**< on reading, as its EXIF orientation says */
  bool from_inks;  /**< on reading, from CMYK to RGB without a colour profile */
} bl_picture;

/** A grid of \a columns images a row, each enlarged \a zoom times (nearest), with a margin between. Not collective.
 * \param [out] picture caller's; bl_picture_destroy. \param [in] pixels (count, channels, height, width), borrowed. */
bl_status bl_picture_grid(bl_picture *picture, const uint8_t *pixels, size_t count, int channels, int height, int width,
                          int columns, int zoom);

/** Pictures side by side with a gap and a caption drawn above each (a small built-in bitmap font or FreeType-free
 * equivalent). Not collective. Captions are UTF-8; a letter outside ASCII shows
 * as one placeholder. */
bl_status bl_picture_join(bl_picture *picture, const bl_picture *parts, const char *const *captions, int count);

/** Pictures one below the other, each with its caption above it; an empty caption takes no room. Not collective. Captions
 * as in bl_picture_join. */
bl_status bl_picture_stack(bl_picture *picture, const bl_picture *parts, const char *const *captions, int count);

/** Scatter plot of points (count, 2) in [−limit, limit]²; several sets in different colours are drawn by calling it again
 * on the same picture (create it first with bl_picture_blank). Not collective. */
bl_status bl_picture_blank(bl_picture *picture, int channels, int height, int width);
void bl_picture_scatter(bl_picture *picture, const float *points, size_t count, double limit, const uint8_t colour[3]);

/** Read a PNG or JPEG file (by content, not by name), turned as its EXIF orientation says; colour profiles are not applied.
 * Not collective. \param [out] picture caller's; bl_picture_destroy. Returns BL_ERROR_INPUT with file and reason: empty, of
 * another kind, which is named, damaged, too large. */
bl_status bl_picture_read(bl_picture *picture, const char *path);

/** Write a PNG atomically. Not collective. */
bl_status bl_picture_write(const bl_picture *picture, const char *path);

void bl_picture_destroy(bl_picture *picture);

#endif
