/** \file
 * A foreign file read from its beginning to its end, gzipped or not, with messages that say where it goes wrong. */
#ifndef BEELINE_STORE_SOURCE_H
#define BEELINE_STORE_SOURCE_H

#include "base/status.h"

#include <stddef.h>
#include <zlib.h>

typedef struct bl_source {
  gzFile file;
  const char *path; /**< borrowed */
  size_t offset;    /**< bytes read so far, of the unpacked content */
  size_t size;      /**< bytes of the file itself */
} bl_source;

/** Open a regular file that is not empty. Not collective. Returns BL_ERROR_INPUT with the reason. \param [out] source
 * caller's; bl_source_close. */
bl_status bl_source_open(bl_source *source, const char *path);

/** Whether the file, unpacked, could have that many bytes (gzip shrinks at most by 1032): asked before memory is allocated
 * for what a header says. Not collective. Returns BL_ERROR_INPUT naming \a what. */
bl_status bl_source_plausible(const bl_source *source, double bytes, const char *what);

/** Read \a size bytes. Not collective. Returns BL_ERROR_INPUT with offset, found and expected when the file ends before.
 * \param [out] bytes (size), caller's. \param [in] what "60000 x 28 x 28 pixels", for the message. */
bl_status bl_source_read(bl_source *source, void *bytes, size_t size, const char *what);

/** Expect the end of the file, with a right checksum if it is gzipped. Not collective. Returns BL_ERROR_INPUT. */
bl_status bl_source_end(bl_source *source);

/** Close; allowed on a source that is not open. Not collective. */
void bl_source_close(bl_source *source);

#endif
