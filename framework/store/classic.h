/** \file
 * The header of netCDF's classic formats, checked before netCDF reads it: the library believes the counts and lengths in
 * it, and a damaged one makes it ask for terabytes or write outside of its memory (netCDF 4.9.0, found by tests/fuzz). */
#ifndef BEELINE_STORE_CLASSIC_H
#define BEELINE_STORE_CLASSIC_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

/** Name of a global attribute of BL_CLASSIC_CHECKSUM_SIZE characters: the checksum of the header, but for the number of
 * rows.
 */
#define BL_CLASSIC_CHECKSUM "header_checksum"
enum { BL_CLASSIC_CHECKSUM_SIZE = 8 };

/** Check that every list, name and value of the header lies within the \a size bytes of the open \a file, and the values of
 * all variables too. Not collective. \param [in] path  for messages. Returns BL_ERROR_INPUT with the offset of what does
 * not fit, or the rows that are missing. Source: "NetCDF Classic Format Specification" (CDF-1, CDF-2, CDF-5). */
bl_status bl_classic_check(int file, size_t size, const char *path);

/** Write the checksum of the header of the file \a path into that attribute, where it has one. Not collective. */
bl_status bl_classic_write_checksum(const char *path);

/** Where a file has such a checksum, check it, and that there are not more rows than the header says. Not collective.
 * \param [out] has_checksum  whether it has one. Returns BL_ERROR_INPUT. */
bl_status bl_classic_check_checksum(bool *has_checksum, const char *path);

#endif
