/** \file
 * What is in a folder: sub-folders and pictures, sorted by the bytes of their names. */
#ifndef BEELINE_STORE_LISTING_H
#define BEELINE_STORE_LISTING_H

#include "base/status.h"

#include <stddef.h>

/** Sorted names; one block holds them all. */
typedef struct bl_listing {
  const char **names; /**< (count) */
  size_t count;
  char *text;   /**< owned: the names one after the other */
  size_t bytes; /**< of text */
} bl_listing;

/** List \a folder; names that begin with a dot are left out. Not collective. Returns BL_ERROR_INPUT with the reason.
 * \param [out] folders  caller's; bl_listing_destroy. \param [out] pictures  names that end in .png, .jpg or .jpeg in any
 * case; caller's. \param [in,out] skipped  counts the other entries. */
bl_status bl_listing_read(bl_listing *folders, bl_listing *pictures, size_t *skipped, const char *folder);

/** Release the names. Not collective. */
void bl_listing_destroy(bl_listing *listing);

#endif
