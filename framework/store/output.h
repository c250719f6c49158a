/** \file
 * Files that appear whole or not at all: written under a temporary name in the same folder, synced, renamed.
 *
 * Whatever fails on the way, a file of that name that was there before stays as it was. The temporary name is
 * "PATH.HOST-PID.partial"; it is removed on every failure, and only a killed process leaves it behind.
 */
#ifndef BEELINE_STORE_OUTPUT_H
#define BEELINE_STORE_OUTPUT_H

#include "base/status.h"

#include <stddef.h>

/** A run of bytes; borrowed. */
typedef struct bl_bytes {
  const void *data;
  size_t size;
} bl_bytes;

/** Whether a file \a path could be written: it is no folder, and in its folder (or, when that is missing, the nearest one
 * above that exists) a trial file can be made, which is removed at once. For programs, before they start to work. Not
 * collective. Returns BL_ERROR_USAGE saying which folder refuses and why. */
bl_status bl_output_check(const char *path);

/** Replace the file \a path by the \a count \a pieces in a row; missing folders above it are made. Not collective.
 * Returns BL_ERROR_SYSTEM with the bytes needed and those free when the disk is full. */
bl_status bl_output_write(const char *path, const bl_bytes *pieces, int count);

/** For libraries that write files themselves: make missing folders above \a path and name the temporary file. Not
 * collective. \param [out] temporary (size) caller's, a name in the same folder. */
bl_status bl_output_begin(char *temporary, size_t size, const char *path);

/** Sync the finished file \a temporary and give it the name \a path; it is removed when that fails. Not collective. */
bl_status bl_output_finish(const char *temporary, const char *path);

#endif
