/** \file
 * The header of netCDF's classic formats, checked before netCDF reads it: the library believes the counts and lengths in
 * it, and a damaged one makes it ask for terabytes or write outside of its memory (netCDF 4.9.0, found by tests/fuzz). */
#ifndef BEELINE_STORE_CLASSIC_H
#define BEELINE_STORE_CLASSIC_H

#include "base/status.h"

#include <stddef.h>

/** Check that every list, name and value of the header lies within the \a size bytes of the open \a file. Not collective.
 * \param [in] path  for messages. Returns BL_ERROR_INPUT with the offset of what does not fit.
 * Source: "NetCDF Classic Format Specification" (CDF-1, CDF-2, CDF-5). */
bl_status bl_classic_check(int file, size_t size, const char *path);

#endif
