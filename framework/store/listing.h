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

/** List \a folder, through links; names that begin with a dot, and what systems leave in folders (__MACOSX, Thumbs.db,
 * desktop.ini and the like) are left out. Not collective. Returns BL_ERROR_INPUT with the reason.
 * \param [out] folders  caller's; bl_listing_destroy. \param [out] pictures  names that end as pictures do, of formats that
 * are not read too, in any case; the caller's. \param [out] others  the rest, broken links included; the caller's. */
bl_status bl_listing_read(bl_listing *folders, bl_listing *pictures, bl_listing *others, const char *folder);

/** Release the names. Not collective. */
void bl_listing_destroy(bl_listing *listing);

#endif
